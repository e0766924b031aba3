#include "nn/layers.h"

namespace fairlead {
namespace {

constexpr int kOutAxis = 0;
constexpr int kInAxis = 1;

Value Weight(const Scope& scope, int64_t out, int64_t in, std::optional<int> split_axis) {
  return scope.Parameter("weight", {out, in}, ParameterUse::kMatrix, split_axis);
}

// A linear layer on one rank: its op is named after the module, bias included.
Value LocalLinear(const Scope& scope, Value x, int64_t out, LinearOptions options,
                  std::optional<int> weight_axis, std::optional<int> bias_axis) {
  const Value weight = Weight(scope, out, scope.Columns(x), weight_axis);
  const Value bias =
      options.bias ? scope.Parameter("bias", {out}, ParameterUse::kVector, bias_axis) : Value{};
  return scope.Append(LinearOp{}, {x, weight, bias});
}

}  // namespace

Value ParallelEmbedding(const Scope& scope, Value token_ids, int64_t vocabulary, int64_t hidden) {
  const Value weight =
      scope.Parameter("weight", {vocabulary, hidden}, ParameterUse::kRows, kOutAxis);
  return scope.Append(EmbeddingOp{}, {token_ids, weight});
}

Value ColumnParallelLinear(const Scope& scope, Value x, int64_t out, LinearOptions options) {
  return LocalLinear(scope, x, out, options, kOutAxis, kOutAxis);
}

Value RowParallelLinear(const Scope& scope, Value x, int64_t out, LinearOptions options) {
  if (scope.parallel().size == 1) return LocalLinear(scope, x, out, options, kInAxis, std::nullopt);
  const Value weight = Weight(scope, out, scope.Columns(x), kInAxis);
  const Value partial = (scope / "partial").Append(LinearOp{}, {x, weight, {}});
  const Scope reduced = options.bias ? scope / "reduced" : scope;
  const Value sum = reduced.Append(AllReduceOp{.ranks = scope.parallel().size}, {partial});
  if (!options.bias) return sum;
  return Add(scope, sum, scope.Parameter("bias", {out}, ParameterUse::kVector));
}

Value ReplicatedLinear(const Scope& scope, Value x, int64_t out, LinearOptions options) {
  return LocalLinear(scope, x, out, options, std::nullopt, std::nullopt);
}

Value RmsNorm(const Scope& scope, Value x, double eps) {
  const Value weight = scope.Parameter("weight", {scope.Columns(x)}, ParameterUse::kVector);
  return scope.Append(RmsNormOp{static_cast<float>(eps)}, {x, weight});
}

Value LanguageModelHead(const Scope& scope, const Scope& weight, Value hidden, int64_t vocabulary) {
  const Value matrix = Weight(weight, vocabulary, scope.Columns(hidden), kOutAxis);
  return scope.Append(LinearOp{}, {hidden, matrix, {}});
}

Value TakeRows(const Scope& scope, Value hidden, Value rows) {
  return scope.Append(TakeRowsOp{}, {hidden, rows});
}

Value Add(const Scope& scope, Value a, Value b) { return scope.Append(AddOp{}, {a, b}); }

}  // namespace fairlead

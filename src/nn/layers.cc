#include "nn/layers.h"

#include <utility>

#include "nn/sharding.h"

namespace fairlead {
namespace {

Value Weight(const Scope& scope, const Axis& out, const Axis& in) {
  return scope.Parameter("weight", {out, in}, ParameterUse::kMatrix);
}

Value Bias(const Scope& scope, const Axis& out, LinearOptions options) {
  return options.bias ? scope.Parameter("bias", {out}, ParameterUse::kVector) : Value{};
}

}  // namespace

Value ParallelEmbedding(const Scope& scope, Value token_ids, int64_t vocabulary, int64_t hidden) {
  const ParallelContext& parallel = scope.parallel();
  const Axis rows = SplitAxis(vocabulary, parallel.rank, parallel.size());
  const Value weight = scope.Parameter("weight", {rows, hidden}, ParameterUse::kRows);
  return scope.AppendSummed(EmbeddingOp{rows.ranges()[0].start}, {token_ids, weight});
}

Value ColumnParallelLinear(const Scope& scope, Value x, const Axis& out, LinearOptions options) {
  const Value weight = Weight(scope, out, scope.Columns(x));
  return scope.Append(LinearOp{}, {x, weight, Bias(scope, out, options)}, out);
}

Value RowParallelLinear(const Scope& scope, Value x, int64_t out, LinearOptions options) {
  const Value weight = Weight(scope, out, scope.Columns(x));
  const Value bias = Bias(scope, out, options);
  if (scope.parallel().size() == 1) return scope.Append(LinearOp{}, {x, weight, bias});
  if (!options.bias) return scope.AppendSummed(LinearOp{}, {x, weight, {}});
  return Add(scope, (scope / "sum").AppendSummed(LinearOp{}, {x, weight, {}}), bias);
}

Value RmsNorm(const Scope& scope, Value x, double eps) {
  const Value weight = scope.Parameter("weight", {scope.Columns(x)}, ParameterUse::kVector);
  return scope.Append(RmsNormOp{static_cast<float>(eps)}, {x, weight});
}

Value LanguageModelHead(const Scope& scope, const Scope& weight, Value hidden, int64_t vocabulary) {
  const ParallelContext& parallel = scope.parallel();
  const Axis mine = SplitAxis(vocabulary, parallel.rank, parallel.size());
  const Value matrix = Weight(weight, mine, scope.Columns(hidden));
  if (parallel.size() == 1) return scope.Append(LinearOp{}, {hidden, matrix, {}});
  AllGatherOp gather;
  for (int rank = 0; rank < parallel.size(); ++rank) {
    gather.parts.push_back(SplitAxis(vocabulary, rank, parallel.size()).count());
  }
  const Value part = (scope / "part").Append(LinearOp{}, {hidden, matrix, {}}, mine);
  return scope.Append(std::move(gather), {part});
}

Value TakeRows(const Scope& scope, Value hidden, Value rows) {
  return scope.Append(TakeRowsOp{}, {hidden, rows});
}

Value Add(const Scope& scope, Value a, Value b) { return scope.Append(AddOp{}, {a, b}); }

}  // namespace fairlead

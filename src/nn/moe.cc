#include "nn/moe.h"

#include <string>

#include "nn/layers.h"

namespace fairlead {
namespace {

constexpr int kExpertAxis = 0;  // expert parallelism divides experts

// One projection of all experts, [experts, out, in].
Value ExpertMatrix(const Scope& scope, const std::string& name, Shape shape) {
  constexpr int64_t kMxfp4Block = 32;
  std::vector<ParameterSource> sources;
  if (shape.back() % kMxfp4Block == 0) {
    sources.push_back({Transform::kMxfp4, {name + "_blocks", name + "_scales"}});
  }
  sources.push_back({Transform::kTranspose, {name}});
  return scope.Parameter(name, std::move(shape), ParameterUse::kMatrix, kExpertAxis,
                         std::move(sources));
}

Value ExpertBias(const Scope& scope, const std::string& name, Shape shape) {
  return scope.Parameter(name, std::move(shape), ParameterUse::kVector, kExpertAxis);
}

}  // namespace

Routing Router(const Scope& scope, Value hidden, int64_t num_experts, int top_k) {
  const Value weight =
      scope.Parameter("weight", {num_experts, scope.Columns(hidden)}, ParameterUse::kMatrix);
  const Value bias = scope.Parameter("bias", {num_experts}, ParameterUse::kVector);
  const Value logits = (scope / "logits").Append(LinearOp{}, {hidden, weight, bias});
  const std::vector<Value> chosen =
      scope.AppendMany({"weights", "indices"}, RouterOp{top_k}, {logits});
  return {chosen[0], chosen[1]};
}

Value Experts(const Scope& scope, Value hidden, const Routing& routing,
              const ExpertsOptions& options) {
  const int64_t experts = options.num_experts, intermediate = options.intermediate_size;
  const int64_t columns = scope.Columns(hidden);
  MoeExpertsOp op;
  op.limit = static_cast<float>(options.swiglu_limit);
  op.alpha = static_cast<float>(options.swiglu_alpha);
  return scope.Append(op,
                      {hidden, routing.weights, routing.indices,
                       ExpertMatrix(scope, "gate_up_proj", {experts, 2 * intermediate, columns}),
                       ExpertMatrix(scope, "down_proj", {experts, columns, intermediate}),
                       ExpertBias(scope, "gate_up_proj_bias", {experts, 2 * intermediate}),
                       ExpertBias(scope, "down_proj_bias", {experts, columns})});
}

}  // namespace fairlead

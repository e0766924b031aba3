#include "nn/moe.h"

#include <string>
#include <utility>
#include <vector>

#include "base/dtype.h"
#include "nn/sharding.h"

namespace fairlead {
namespace {

// One projection of all experts, [experts, out, in].
Value ExpertMatrix(const Scope& scope, const std::string& name, std::vector<Axis> axes) {
  Parameter matrix;
  matrix.use = ParameterUse::kMatrix;
  if (axes.back().size % kMxfp4Block == 0) {
    matrix.sources.push_back({Transform::kMxfp4, {name + "_blocks", name + "_scales"}});
  }
  matrix.sources.push_back({Transform::kTranspose, {name}});
  return scope.Parameter(name, std::move(axes), std::move(matrix));
}

// This rank's part of the intermediate size: whole MXFP4 blocks, so that they stay packed, where
// there are enough for all ranks.
Axis IntermediateAxis(const ParallelContext& parallel, int64_t size) {
  const bool blocks = size % kMxfp4Block == 0 && size / kMxfp4Block >= parallel.tp_degree;
  return SplitAxis(size, parallel.tp_rank(), parallel.tp_degree, blocks ? kMxfp4Block : 1);
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
  const ParallelContext& parallel = scope.parallel();
  const Axis experts = SplitAxis(options.num_experts, parallel.ep_rank(), parallel.ep_degree);
  const Axis intermediate = IntermediateAxis(parallel, options.intermediate_size);
  const Axis gate_up = intermediate.Times(2);  // gate and up rows in turns
  const Axis columns = scope.Columns(hidden);
  MoeExpertsOp op;
  op.limit = static_cast<float>(options.swiglu_limit);
  op.alpha = static_cast<float>(options.swiglu_alpha);
  op.expert_offset = experts.ranges()[0].start;
  op.num_experts = options.num_experts;
  Parameter down_bias;
  down_bias.sources = {{Transform::kIdentity, {"down_proj_bias"}}};
  down_bias.zero = parallel.tp_rank() != 0;  // of a group's ranks, the first adds it
  return scope.AppendSummed(
      op, {hidden, routing.weights, routing.indices,
           ExpertMatrix(scope, "gate_up_proj", {experts, gate_up, columns}),
           ExpertMatrix(scope, "down_proj", {experts, columns, intermediate}),
           scope.Parameter("gate_up_proj_bias", {experts, gate_up}, ParameterUse::kVector),
           scope.Parameter("down_proj_bias", {experts, columns}, std::move(down_bias))});
}

}  // namespace fairlead

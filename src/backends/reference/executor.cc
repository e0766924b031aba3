#include "backends/reference/executor.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "backends/reference/ops.h"

namespace fairlead::reference {
namespace {

tl::unexpected<Error> Misfit(const Graph& graph, const Node& node, std::string_view problem) {
  return Fail(ErrorCode::kInternal, "reference", "{} ({}): {}",
              graph.values[static_cast<size_t>(node.outputs[0])].name, OpName(node.op), problem);
}

// Inputs that the ops read as parameters; all others are values of the step.
bool ReadsParameter(std::string_view input) {
  constexpr std::string_view kParameters[] = {"weight", "bias?",        "sinks?",   "gate_up",
                                              "down",   "gate_up_bias", "down_bias"};
  return std::find(std::begin(kParameters), std::end(kParameters), input) != std::end(kParameters);
}

Status CheckInputs(const Graph& graph, const Node& node,
                   std::span<const std::string_view> input_names) {
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    const ValueInfo& value = graph.values[static_cast<size_t>(node.inputs[i])];
    const bool bias_vector = input_names[i] == "b" && value.type.dims.size() == 1;
    const bool expected = ReadsParameter(input_names[i]) || bias_vector;
    if ((value.parameter() != nullptr) != expected) {
      return Misfit(graph, node,
                    fmt::format("{}: expected a {}, got the {} {}", input_names[i],
                                expected ? "parameter" : "value", expected ? "value" : "parameter",
                                value.name));
    }
  }
  return {};
}

// Ops that know their rows' positions run on all rows of the step, in the step's order.
Status CheckRows(const Graph& graph, const Node& node) {
  const ValueType& type = graph.values[static_cast<size_t>(node.inputs[0])].type;
  if (type.dims[0] == Dim::Rows()) return {};
  return Misfit(graph, node, fmt::format("expected [T, ...], got {}", type.ToString()));
}

Status CheckAttention(const Program& program, const Node& node, const AttentionOp& op) {
  const auto& groups = program.facts.kv_groups;
  if (op.kv_group < 0 || op.kv_group >= static_cast<int>(groups.size())) {
    return Misfit(program.graph, node, "kv_group: expected one that the model has");
  }
  const KvGroup& group = groups[static_cast<size_t>(op.kv_group)];
  if (op.window != group.window || op.head_dim != group.head_dim || op.kv_layer < 0 ||
      op.kv_layer >= group.layers) {
    return Misfit(program.graph, node, "expected window, head_dim and layer of its KV group");
  }
  return CheckRows(program.graph, node);
}

Status CheckNode(const Program& program, const Node& node, int expected_ranks) {
  FAIRLEAD_RETURN_IF_ERROR(std::visit(
      [&](const auto& op) { return CheckInputs(program.graph, node, op.kInputs); }, node.op));
  if (const auto* op = std::get_if<AttentionOp>(&node.op))
    return CheckAttention(program, node, *op);
  if (std::holds_alternative<RotaryOp>(node.op)) return CheckRows(program.graph, node);
  const auto* reduce = std::get_if<AllReduceOp>(&node.op);
  const auto* gather = std::get_if<AllGatherOp>(&node.op);
  if (reduce == nullptr && gather == nullptr) return {};
  const int ranks = reduce != nullptr ? reduce->ranks : static_cast<int>(gather->parts.size());
  if (ranks == expected_ranks) return {};
  return Fail(ErrorCode::kUnsupported, "reference", "ranks: expected {}, got {}", expected_ranks,
              ranks);
}

// The node after which each value is not read any more; values no node reads end at once.
std::vector<std::vector<ValueId>> ValuesThatEnd(const Graph& graph) {
  std::vector<size_t> last(graph.values.size());
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    for (ValueId id : graph.nodes[n].inputs) {
      if (id != kNoValue) last[static_cast<size_t>(id)] = n;
    }
    for (ValueId id : graph.nodes[n].outputs) last[static_cast<size_t>(id)] = n;
  }
  std::vector<std::vector<ValueId>> ends(graph.nodes.size());
  for (size_t id = 0; id < last.size(); ++id) {
    if (static_cast<ValueId>(id) != graph.logits) {
      ends[last[id]].push_back(static_cast<ValueId>(id));
    }
  }
  return ends;
}

std::vector<RowPlace> PlaceRows(const StepPlan& plan) {
  std::vector<RowPlace> places;
  for (size_t s = 0; s < plan.spans.size(); ++s) {
    for (int i = 0; i < plan.spans[s].token_count; ++i) {
      places.push_back({s, plan.spans[s].start_position + i});
    }
  }
  return places;
}

class ReferenceExecutor : public Executor {
 public:
  ReferenceExecutor(std::shared_ptr<const Program> program, Capabilities capabilities,
                    std::shared_ptr<Group> group)
      : program_(std::move(program)),
        capabilities_(std::move(capabilities)),
        group_(std::move(group)),
        ends_(ValuesThatEnd(program_->graph)) {
    for (const Node& node : program_->graph.nodes) {
      const auto* op = std::get_if<AttentionOp>(&node.op);
      if (op == nullptr) continue;
      const int pages = capabilities_.kv_pages[static_cast<size_t>(op->kv_group)];
      kv_.try_emplace({op->kv_group, op->kv_layer}, pages,
                      int64_t{op->num_kv_heads} * op->head_dim);
    }
  }

  const Capabilities& capabilities() const override { return capabilities_; }
  void SetTap(ValueTap* tap) override { tap_ = tap; }

  Result<StepResult> Step(const StepPlan& plan) override {
    FAIRLEAD_RETURN_IF_ERROR(ValidatePlan(plan, program_->facts, capabilities_));
    for (auto& [key, kv] : kv_) {
      for (int32_t page : plan.pages[static_cast<size_t>(key.first)].pages) kv.Touch(page);
    }
    const Graph& graph = program_->graph;
    const std::vector<RowPlace> places = PlaceRows(plan);
    std::vector<Tensor> values = InputValues(plan);
    for (size_t n = 0; n < graph.nodes.size(); ++n) {
      FAIRLEAD_RETURN_IF_ERROR(RunOne(graph.nodes[n], plan, places, values));
      for (ValueId id : ends_[n]) values[static_cast<size_t>(id)] = {};
    }
    return StepResult{std::move(values[static_cast<size_t>(graph.logits)])};
  }

 private:
  std::vector<Tensor> InputValues(const StepPlan& plan) const {
    const Graph& graph = program_->graph;
    std::vector<Tensor> values(graph.values.size());
    for (size_t id = 0; id < values.size(); ++id) {
      const auto* input = std::get_if<GraphInput>(&graph.values[id].origin);
      if (input == nullptr) continue;
      const auto& ids = *input == GraphInput::kTokenIds ? plan.token_ids : plan.output_rows;
      values[id] = Tensor::FromInts({static_cast<int64_t>(ids.size())}, ids);
    }
    return values;
  }

  Tensor Bound(const ValueType& type, const StepPlan& plan) const {
    Shape shape;
    for (Dim dim : type.dims) {
      shape.push_back(dim.Bind(static_cast<int64_t>(plan.token_ids.size()),
                               static_cast<int64_t>(plan.output_rows.size())));
    }
    const bool floats = type.element == ElementType::kFloat;
    return Tensor::Zeros(floats ? DType::kF32 : DType::kI32, std::move(shape));
  }

  Status RunOne(const Node& node, const StepPlan& plan, std::span<const RowPlace> places,
                std::vector<Tensor>& values) {
    const Graph& graph = program_->graph;
    NodeRun run{plan, places, *group_, nullptr, {}, {}};
    for (ValueId id : node.inputs) run.inputs.push_back(Resolve(id, values));
    for (ValueId id : node.outputs) {
      const auto index = static_cast<size_t>(id);
      values[index] = Bound(graph.values[index].type, plan);
      run.outputs.push_back(&values[index]);
    }
    if (const auto* op = std::get_if<AttentionOp>(&node.op)) {
      run.kv = &kv_.at({op->kv_group, op->kv_layer});
    }
    FAIRLEAD_RETURN_IF_ERROR(RunNode(node.op, run));
    for (ValueId id : node.outputs) {
      const std::string& name = graph.values[static_cast<size_t>(id)].name;
      if (tap_ == nullptr || !tap_->Wants(name)) continue;
      Tensor& value = values[static_cast<size_t>(id)];
      FAIRLEAD_RETURN_IF_ERROR(tap_->Visit(name, value.dtype, value.shape, value.bytes));
    }
    return {};
  }

  Operand Resolve(ValueId id, const std::vector<Tensor>& values) const {
    if (id == kNoValue) return {};
    const auto index = static_cast<size_t>(id);
    const Parameter* parameter = program_->graph.values[index].parameter();
    if (parameter == nullptr) return {.value = &values[index]};
    return {.parameter = &program_->weights.tensors.at(parameter->name)};
  }

  std::shared_ptr<const Program> program_;
  Capabilities capabilities_;
  std::shared_ptr<Group> group_;
  std::vector<std::vector<ValueId>> ends_;     // per node, values to drop after it
  std::map<std::pair<int, int>, KvLayer> kv_;  // by KV group and layer of the group
  ValueTap* tap_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<Executor>> CreateExecutor(std::shared_ptr<const Program> program,
                                                 const ExecutorOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(Capabilities capabilities, PlanCapabilities(program->facts, options));
  FAIRLEAD_RETURN_IF_ERROR(VerifyGraph(program->graph));
  FAIRLEAD_RETURN_IF_ERROR(CheckWeights(program->graph, program->weights));
  std::shared_ptr<Group> group = options.group != nullptr ? options.group : SingleGroup();
  std::set<std::pair<int, int>> caches;
  for (const Node& node : program->graph.nodes) {
    FAIRLEAD_RETURN_IF_ERROR(CheckNode(*program, node, group->size()));
    const auto* op = std::get_if<AttentionOp>(&node.op);
    if (op != nullptr && !caches.emplace(op->kv_group, op->kv_layer).second) {
      return Misfit(program->graph, node, "kv_layer: expected one of its own");
    }
  }
  return std::make_unique<ReferenceExecutor>(std::move(program), std::move(capabilities),
                                             std::move(group));
}

}  // namespace fairlead::reference

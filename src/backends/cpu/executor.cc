#include "backends/cpu/executor.h"

#include <algorithm>
#include <variant>

#include "backends/cpu/arena.h"
#include "backends/cpu/check_graph.h"
#include "backends/cpu/step_state.h"
#include "base/cpu_features.h"

namespace fairlead::cpu {
namespace {

// The largest scratch that any op needs.
struct ScratchFloats {
  int64_t packed_x = 0;
  int64_t expert_rows = 0;
  int64_t attention = 0;
};

ScratchFloats MeasureScratch(const Graph& graph, int64_t max_rows) {
  ScratchFloats floats;
  const auto columns = [&](ValueId id) {
    return graph.values[static_cast<size_t>(id)].type.dims.back().Bind(max_rows, max_rows);
  };
  const auto rows = [&](ValueId id) {
    return graph.values[static_cast<size_t>(id)].type.dims.front().Bind(max_rows, max_rows);
  };
  for (const Node& node : graph.nodes) {
    if (std::holds_alternative<LinearOp>(node.op)) {
      floats.packed_x = std::max(floats.packed_x, rows(node.inputs[0]) * columns(node.inputs[0]));
    } else if (std::holds_alternative<MoeExpertsOp>(node.op)) {
      const int64_t widest = std::max(columns(node.inputs[0]), columns(node.inputs[4]));
      const int64_t pairs = rows(node.inputs[1]) * columns(node.inputs[1]);
      floats.packed_x = std::max(floats.packed_x, pairs * widest);
      floats.expert_rows = std::max(floats.expert_rows, pairs * widest);
    } else if (const auto* attention = std::get_if<AttentionOp>(&node.op)) {
      floats.attention = std::max(floats.attention, AttentionScratchFloats(*attention));
    }
  }
  return floats;
}

class CpuExecutor final : public Executor {
 public:
  CpuExecutor(std::shared_ptr<const Program> program, Capabilities limits, Isa isa, int threads,
              std::shared_ptr<Group> group)
      : program_(std::move(program)), limits_(std::move(limits)), pool_(threads) {
    state_.program = program_.get();
    state_.group = std::move(group);
    state_.compute = {&KernelsOf(isa), &pool_};
  }

  // Sets aside memory and resolves parameters; called once.
  Status Prepare();

  const Capabilities& capabilities() const override { return limits_; }
  Result<StepResult> Step(const StepPlan& plan) override;
  void SetTap(ValueTap* tap) override { tap_ = tap; }

 private:
  Status PrepareCaches();
  Status PrepareRotary(const RotaryOp& op, size_t node);
  void Bind(const StepPlan& plan, Tensor& logits);
  Status ShowOutputs(const Node& node);

  std::shared_ptr<const Program> program_;
  Capabilities limits_;
  ThreadPool pool_;
  StepState state_;
  Buffer arena_;
  ValueTap* tap_ = nullptr;
};

Status CpuExecutor::Prepare() {
  const Graph& graph = program_->graph;
  const ArenaPlan plan = PlanArena(graph, limits_.max_rows);
  FAIRLEAD_ASSIGN_OR_RETURN(arena_, Buffer::Allocate(plan.bytes, "values of a step"));
  state_.tensors.assign(graph.values.size(), nullptr);
  state_.values.assign(graph.values.size(), nullptr);
  for (size_t id = 0; id < graph.values.size(); ++id) {
    if (const Parameter* parameter = graph.values[id].parameter(); parameter != nullptr) {
      state_.tensors[id] = &program_->weights.tensors.at(parameter->name);
      // Only read: no node has a parameter among its outputs.
      state_.values[id] = const_cast<std::byte*>(state_.tensors[id]->bytes.data());
    } else if (plan.offsets[id] >= 0) {
      state_.values[id] = arena_.data() + plan.offsets[id];
    }
  }
  constexpr auto kBytes = int64_t{sizeof(float)};
  const ScratchFloats floats = MeasureScratch(graph, limits_.max_rows);
  Scratch& scratch = state_.scratch;
  FAIRLEAD_ASSIGN_OR_RETURN(scratch.packed_x, Buffer::Allocate(floats.packed_x * kBytes, "rows"));
  FAIRLEAD_ASSIGN_OR_RETURN(scratch.expert_rows,
                            Buffer::Allocate(floats.expert_rows * kBytes, "expert rows"));
  scratch.attention_floats = floats.attention;
  FAIRLEAD_ASSIGN_OR_RETURN(
      scratch.attention, Buffer::Allocate(floats.attention * kBytes * pool_.size(), "attention"));
  return PrepareCaches();
}

Status CpuExecutor::PrepareCaches() {
  const std::vector<Node>& nodes = program_->graph.nodes;
  state_.pool_of_node.assign(nodes.size(), -1);
  state_.table_of_node.assign(nodes.size(), -1);
  for (size_t n = 0; n < nodes.size(); ++n) {
    if (const auto* attention = std::get_if<AttentionOp>(&nodes[n].op)) {
      FAIRLEAD_ASSIGN_OR_RETURN(
          KvPool pool,
          KvPool::Create(*attention, limits_.kv_pages[static_cast<size_t>(attention->kv_group)]));
      state_.pool_of_node[n] = static_cast<int>(state_.pools.size());
      state_.pools.push_back(std::move(pool));
    } else if (const auto* rotary = std::get_if<RotaryOp>(&nodes[n].op)) {
      FAIRLEAD_RETURN_IF_ERROR(PrepareRotary(*rotary, n));
    }
  }
  return {};
}

Status CpuExecutor::PrepareRotary(const RotaryOp& op, size_t node) {
  std::vector<RotaryTable>& tables = state_.rotary_tables;
  const auto same = std::find_if(tables.begin(), tables.end(), [&](const RotaryTable& table) {
    return table.inverse_frequencies == op.inverse_frequencies &&
           table.attention_scaling == op.attention_scaling;
  });
  state_.table_of_node[node] = static_cast<int>(same - tables.begin());
  if (same != tables.end()) return {};
  RotaryTable table{op.inverse_frequencies, op.attention_scaling, {}, {}};
  const int64_t bytes = int64_t{limits_.max_rows} *
                        static_cast<int64_t>(op.inverse_frequencies.size() * sizeof(float));
  FAIRLEAD_ASSIGN_OR_RETURN(table.cosines, Buffer::Allocate(bytes, "cosines"));
  FAIRLEAD_ASSIGN_OR_RETURN(table.sines, Buffer::Allocate(bytes, "sines"));
  tables.push_back(std::move(table));
  return {};
}

void CpuExecutor::Bind(const StepPlan& plan, Tensor& logits) {
  const Graph& graph = program_->graph;
  state_.plan = &plan;
  state_.rows = static_cast<int64_t>(plan.token_ids.size());
  state_.output_rows = static_cast<int64_t>(plan.output_rows.size());
  state_.positions.clear();
  for (const Span& span : plan.spans) {
    for (int i = 0; i < span.token_count; ++i) state_.positions.push_back(span.start_position + i);
  }
  logits = Tensor::Zeros(DType::kF32, {state_.output_rows, program_->facts.vocabulary_size});
  state_.values[static_cast<size_t>(graph.logits)] = logits.bytes.data();
  for (size_t id = 0; id < graph.values.size(); ++id) {
    const auto* input = std::get_if<GraphInput>(&graph.values[id].origin);
    if (input == nullptr) continue;
    const std::vector<int32_t>& ints =
        *input == GraphInput::kTokenIds ? plan.token_ids : plan.output_rows;
    // Only read: no node has a step's input among its outputs.
    state_.values[id] = reinterpret_cast<std::byte*>(const_cast<int32_t*>(ints.data()));
  }
}

Result<StepResult> CpuExecutor::Step(const StepPlan& plan) {
  FAIRLEAD_RETURN_IF_ERROR(ValidatePlan(plan, program_->facts, limits_));
  StepResult result;
  Bind(plan, result.logits);
  FillRotaryTables(state_);
  const std::vector<Node>& nodes = program_->graph.nodes;
  for (size_t n = 0; n < nodes.size(); ++n) {
    FAIRLEAD_RETURN_IF_ERROR(
        std::visit([&](const auto& op) { return Run(op, nodes[n], n, state_); }, nodes[n].op));
    if (tap_ != nullptr) FAIRLEAD_RETURN_IF_ERROR(ShowOutputs(nodes[n]));
  }
  return result;
}

Status CpuExecutor::ShowOutputs(const Node& node) {
  for (ValueId id : node.outputs) {
    const ValueInfo& value = program_->graph.values[static_cast<size_t>(id)];
    if (!tap_->Wants(value.name)) continue;
    Shape shape;
    for (const Dim& dim : value.type.dims) {
      shape.push_back(dim.Bind(state_.rows, state_.output_rows));
    }
    const DType dtype = value.type.element == ElementType::kFloat ? DType::kF32 : DType::kI32;
    const auto bytes = static_cast<size_t>(NumElements(shape)) * sizeof(float);
    FAIRLEAD_RETURN_IF_ERROR(
        tap_->Visit(value.name, dtype, shape, {state_.values[static_cast<size_t>(id)], bytes}));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Executor>> CreateExecutor(std::shared_ptr<const Program> program,
                                                 const ExecutorOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(Capabilities limits, PlanCapabilities(program->facts, options));
  FAIRLEAD_RETURN_IF_ERROR(VerifyGraph(program->graph));
  FAIRLEAD_RETURN_IF_ERROR(CheckWeights(program->graph, program->weights));
  std::shared_ptr<Group> group = options.group != nullptr ? options.group : SingleGroup();
  FAIRLEAD_RETURN_IF_ERROR(CheckGraph(*program, group->size()));
  FAIRLEAD_ASSIGN_OR_RETURN(const Isa isa, ChooseIsa());
  auto executor = std::make_unique<CpuExecutor>(std::move(program), std::move(limits), isa,
                                                options.threads, std::move(group));
  FAIRLEAD_RETURN_IF_ERROR(executor->Prepare());
  return executor;
}

}  // namespace fairlead::cpu

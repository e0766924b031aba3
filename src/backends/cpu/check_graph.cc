#include "backends/cpu/check_graph.h"

#include <cstdint>
#include <set>
#include <utility>

namespace fairlead::cpu {
namespace {

class Checker {
 public:
  Checker(const Program& program, int ranks)
      : program_(program), graph_(program.graph), ranks_(ranks) {}

  Status Run() {
    for (const Node& node : graph_.nodes) {
      FAIRLEAD_RETURN_IF_ERROR(
          std::visit([&](const auto& op) { return Check(op, node); }, node.op));
    }
    const ValueInfo& logits = graph_.values[static_cast<size_t>(graph_.logits)];
    const std::vector<Dim> expected = {Dim::OutputRows(), program_.facts.vocabulary_size};
    if (logits.parameter() != nullptr || logits.type.dims != expected) {
      return Refuse("{}: expected computed logits [R, {}], got {}", logits.name,
                    program_.facts.vocabulary_size, logits.type.ToString());
    }
    return {};
  }

 private:
  template <typename... Args>
  static Status Refuse(fmt::format_string<Args...> format, Args&&... args) {
    return Fail(ErrorCode::kUnsupported, "cpu", format, std::forward<Args>(args)...);
  }

  const ValueInfo& Input(const Node& node, size_t index) const {
    return graph_.values[static_cast<size_t>(node.inputs[index])];
  }

  // Inputs that are read as plain floats: computed ones, and parameters stored that way.
  Status ExpectFloats(const Node& node, std::initializer_list<size_t> indices) const {
    for (size_t index : indices) {
      if (node.inputs[index] == kNoValue) continue;
      const ValueInfo& value = Input(node, index);
      if (value.parameter() == nullptr) continue;
      FAIRLEAD_RETURN_IF_ERROR(ExpectLayout(value, {LayoutOrder::kRowMajor, StorageFormat::kF32}));
    }
    return {};
  }

  Status ExpectMatrix(const Node& node, size_t index) const {
    const ValueInfo& value = Input(node, index);
    if (value.parameter() == nullptr) return Refuse("{}: expected a parameter", value.name);
    const PackedTensor& tensor = program_.weights.tensors.at(value.name);
    return ExpectLayout(value, {LayoutOrder::kRows16, tensor.layout.format});
  }

  Status ExpectLayout(const ValueInfo& value, Layout layout) const {
    const PackedTensor& tensor = program_.weights.tensors.at(value.name);
    if (tensor.layout != layout) {
      return Refuse(
          "{}: expected layout {}, got {}; write the artifact anew with `fairlead export`",
          value.name, LayoutId(layout), LayoutId(tensor.layout));
    }
    if (reinterpret_cast<uintptr_t>(tensor.bytes.data()) % sizeof(float) != 0) {
      return Refuse("{}: expected bytes at a multiple of {}", value.name, sizeof(float));
    }
    return {};
  }

  Status ExpectInput(const Node& node, size_t index, GraphInput expected) const {
    const GraphInput* found = std::get_if<GraphInput>(&Input(node, index).origin);
    if (found != nullptr && *found == expected) return {};
    return Refuse("{}: expected a step's input", Input(node, index).name);
  }

  // Ops that look at the position of a row run on all rows of the step.
  Status ExpectTokenRows(const Node& node) const {
    const ValueInfo& value = Input(node, 0);
    if (value.type.dims[0] == Dim::Rows()) return {};
    return Refuse("{}: expected one row per token, got {}", value.name, value.type.ToString());
  }

  Status Check(const EmbeddingOp& op, const Node& node) const {
    FAIRLEAD_RETURN_IF_ERROR(ExpectInput(node, 0, GraphInput::kTokenIds));
    const ValueInfo& weight = Input(node, 1);
    if (weight.parameter() == nullptr) return Refuse("{}: expected a parameter", weight.name);
    const bool divided = !weight.parameter()->axis(0).whole();
    if (!divided && (op.vocabulary_offset != 0 ||
                     weight.parameter()->shape[0] < program_.facts.vocabulary_size)) {
      return Refuse("{}: expected {} rows, got {}", weight.name, program_.facts.vocabulary_size,
                    weight.parameter()->shape[0]);
    }
    return {};
  }
  Status Check(const RmsNormOp&, const Node& node) const { return ExpectFloats(node, {0, 1}); }
  Status Check(const LinearOp&, const Node& node) const {
    FAIRLEAD_RETURN_IF_ERROR(ExpectMatrix(node, 1));
    return ExpectFloats(node, {0, 2});
  }
  Status Check(const RotaryOp&, const Node& node) const {
    FAIRLEAD_RETURN_IF_ERROR(ExpectTokenRows(node));
    return ExpectFloats(node, {0});
  }
  Status Check(const AttentionOp& op, const Node& node) {
    FAIRLEAD_RETURN_IF_ERROR(ExpectTokenRows(node));
    FAIRLEAD_RETURN_IF_ERROR(ExpectFloats(node, {0, 1, 2, 3}));
    const std::vector<KvGroup>& groups = program_.facts.kv_groups;
    const std::string& name = graph_.values[static_cast<size_t>(node.outputs[0])].name;
    if (op.kv_group < 0 || op.kv_group >= static_cast<int>(groups.size())) {
      return Refuse("{}: KV group: expected 0 to {}, got {}", name, groups.size() - 1, op.kv_group);
    }
    const int window = groups[static_cast<size_t>(op.kv_group)].window;
    if (op.window != window) {
      return Refuse("{}: window: expected {} as in its KV group, got {}", name, window, op.window);
    }
    if (!layers_.insert({op.kv_group, op.kv_layer}).second) {
      return Refuse("{}: KV layer {} of group {} is used twice", name, op.kv_layer, op.kv_group);
    }
    return {};
  }
  Status Check(const RouterOp&, const Node& node) const { return ExpectFloats(node, {0}); }
  Status Check(const MoeExpertsOp&, const Node& node) const {
    FAIRLEAD_RETURN_IF_ERROR(ExpectMatrix(node, 3));
    FAIRLEAD_RETURN_IF_ERROR(ExpectMatrix(node, 4));
    return ExpectFloats(node, {0, 1, 5, 6});
  }
  Status Check(const AddOp&, const Node& node) const { return ExpectFloats(node, {0, 1}); }
  Status Check(const TakeRowsOp&, const Node& node) const {
    FAIRLEAD_RETURN_IF_ERROR(ExpectInput(node, 1, GraphInput::kOutputRows));
    FAIRLEAD_RETURN_IF_ERROR(ExpectTokenRows(node));
    return ExpectFloats(node, {0});
  }
  Status Check(const AllReduceOp& op, const Node& node) const { return CheckRanks(op.ranks, node); }
  Status Check(const AllGatherOp& op, const Node& node) const {
    return CheckRanks(static_cast<int>(op.parts.size()), node);
  }
  Status CheckRanks(int ranks, const Node& node) const {
    if (ranks != ranks_) {
      return Refuse("{}: ranks: expected {}, got {}", Input(node, 0).name, ranks_, ranks);
    }
    return ExpectFloats(node, {0});
  }

  const Program& program_;
  const Graph& graph_;
  int ranks_;
  std::set<std::pair<int, int>> layers_;
};

}  // namespace

Status CheckGraph(const Program& program, int ranks) { return Checker(program, ranks).Run(); }

}  // namespace fairlead::cpu

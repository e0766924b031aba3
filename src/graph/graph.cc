#include "graph/graph.h"

#include <fmt/format.h>

#include <unordered_set>

namespace fairlead {
namespace {

Status GraphError(const Graph& graph, const Node& node, std::string_view problem) {
  const std::string name =
      node.outputs.empty() ? "?" : graph.values[static_cast<size_t>(node.outputs[0])].name;
  return Fail(ErrorCode::kInternal, "graph", "{} ({}): {}", name, OpName(node.op), problem);
}

Status VerifyNode(const Graph& graph, const Node& node, std::vector<bool>& defined) {
  const auto count = static_cast<ValueId>(graph.values.size());
  for (ValueId id : node.outputs) {
    if (id < 0 || id >= count) {
      return Fail(ErrorCode::kInternal, "graph", "{}: expected output ids below {}, got {}",
                  OpName(node.op), count, id);
    }
  }
  std::vector<const ValueType*> types;
  for (ValueId id : node.inputs) {
    if (id == kNoValue) {
      types.push_back(nullptr);
      continue;
    }
    if (id < 0 || id >= count) return GraphError(graph, node, "an input id is out of range");
    if (!defined[static_cast<size_t>(id)]) {
      return GraphError(graph, node,
                        fmt::format("{} is used before it is computed",
                                    graph.values[static_cast<size_t>(id)].name));
    }
    types.push_back(&graph.values[static_cast<size_t>(id)].type);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<ValueType> results, InferTypes(node.op, types));
  if (results.size() != node.outputs.size()) {
    return GraphError(
        graph, node,
        fmt::format("expected {} outputs, got {}", results.size(), node.outputs.size()));
  }
  for (size_t i = 0; i < results.size(); ++i) {
    const auto id = static_cast<size_t>(node.outputs[i]);
    if (defined[id]) return GraphError(graph, node, "an output is computed twice");
    if (graph.values[id].type != results[i]) {
      return GraphError(graph, node,
                        fmt::format("expected type {}, got {}", results[i].ToString(),
                                    graph.values[id].type.ToString()));
    }
    defined[id] = true;
  }
  return {};
}

}  // namespace

std::optional<ValueId> Graph::Find(std::string_view name) const {
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i].name == name) return static_cast<ValueId>(i);
  }
  return std::nullopt;
}

std::vector<const Parameter*> Graph::parameters() const {
  std::vector<const Parameter*> found;
  for (const ValueInfo& value : values) {
    if (value.parameter() != nullptr) found.push_back(value.parameter());
  }
  return found;
}

Status VerifyGraph(const Graph& graph) {
  std::unordered_set<std::string_view> names;
  std::vector<bool> defined;
  for (const ValueInfo& value : graph.values) {
    if (!names.insert(value.name).second) {
      return Fail(ErrorCode::kInternal, "graph", "{}: the name is used twice", value.name);
    }
    defined.push_back(!std::holds_alternative<std::monostate>(value.origin));
  }
  for (const Node& node : graph.nodes) FAIRLEAD_RETURN_IF_ERROR(VerifyNode(graph, node, defined));
  if (graph.logits < 0 || graph.logits >= static_cast<ValueId>(defined.size()) ||
      !defined[static_cast<size_t>(graph.logits)]) {
    return Fail(ErrorCode::kInternal, "graph", "logits: no node computes them");
  }
  return {};
}

}  // namespace fairlead

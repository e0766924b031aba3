#include <fmt/format.h>
#include <fmt/ranges.h>

#include "graph/graph.h"

namespace fairlead {
namespace {

// Writes attributes as `name=value`, separated by ", ".
struct AttributePrinter {
  std::string text;

  template <typename T>
  void operator()(std::string_view name, const T& value) {
    if (!text.empty()) text += ", ";
    fmt::format_to(std::back_inserter(text), "{}={}", name, Show(value));
  }
  template <typename T>
  static std::string Show(const T& value) {
    return fmt::format("{}", value);
  }
  static std::string Show(const std::vector<int64_t>& values) {
    return fmt::format("[{}]", fmt::join(values, ", "));
  }
  // A table is shown by its size and ends: nobody reads 32 frequencies.
  static std::string Show(const std::vector<float>& values) {
    if (values.empty()) return "[]";
    return fmt::format("[{} values, {} to {}]", values.size(), values.front(), values.back());
  }
};

std::string Shown(const Graph& graph, ValueId id) {
  return id == kNoValue ? "none" : "%" + graph.values[static_cast<size_t>(id)].name;
}

// Which part of a parameter this rank holds: nothing is said of the whole.
std::string Held(const Parameter& parameter) {
  std::string text;
  for (const Axis& axis : parameter.axes) {
    if (!text.empty()) text += ", ";
    text += axis.ToString();
  }
  if (!text.empty()) text = fmt::format(" [{}]", text);
  return parameter.zero ? text + " as zeros" : text;
}

std::string PrintNode(const Graph& graph, const Node& node) {
  std::string results, inputs;
  for (ValueId id : node.outputs) {
    if (!results.empty()) results += ", ";
    results += fmt::format("{}: {}", Shown(graph, id),
                           graph.values[static_cast<size_t>(id)].type.ToString());
  }
  for (ValueId id : node.inputs) {
    if (!inputs.empty()) inputs += ", ";
    inputs += Shown(graph, id);
  }
  AttributePrinter attributes;
  std::visit([&](const auto& op) { op.VisitAttributes(attributes); }, node.op);
  const std::string braces = attributes.text.empty() ? "" : " {" + attributes.text + "}";
  return fmt::format("{} = {}({}){}\n", results, OpName(node.op), inputs, braces);
}

}  // namespace

std::string PrintGraph(const Graph& graph) {
  std::string text;
  for (const ValueInfo& value : graph.values) {
    if (value.parameter() != nullptr) {
      text += fmt::format("parameter %{}: {}{}\n", value.name, value.type.ToString(),
                          Held(*value.parameter()));
    } else if (std::holds_alternative<GraphInput>(value.origin)) {
      text += fmt::format("input %{}: {}\n", value.name, value.type.ToString());
    }
  }
  for (const Node& node : graph.nodes) text += PrintNode(graph, node);
  return text + fmt::format("return {}\n", Shown(graph, graph.logits));
}

}  // namespace fairlead

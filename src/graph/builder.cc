#include "graph/builder.h"

#include <algorithm>
#include <utility>

namespace fairlead {

Value GraphBuilder::AddValue(ValueInfo info) {
  graph_.values.push_back(std::move(info));
  return {static_cast<ValueId>(graph_.values.size()) - 1};
}

Value GraphBuilder::Input(GraphInput input) {
  const auto found = inputs_.find(static_cast<int>(input));
  if (found != inputs_.end()) return {found->second};
  const bool tokens = input == GraphInput::kTokenIds;
  const Value value = AddValue({tokens ? "token_ids" : "output_rows",
                                {ElementType::kInt32, {tokens ? Dim::Rows() : Dim::OutputRows()}},
                                input});
  inputs_.emplace(static_cast<int>(input), value.id);
  return value;
}

Value GraphBuilder::Declare(Parameter parameter) {
  const auto found = parameters_.find(parameter.name);
  if (found == parameters_.end()) {
    const std::string name = parameter.name;
    ValueType type{ElementType::kFloat, {parameter.shape.begin(), parameter.shape.end()}};
    const Value value = AddValue({name, std::move(type), std::move(parameter)});
    parameters_.emplace(name, value.id);
    return value;
  }
  auto& existing = std::get<Parameter>(graph_.values[static_cast<size_t>(found->second)].origin);
  if ((existing.shape != parameter.shape || existing.axes != parameter.axes) && status_) {
    status_ = Fail(ErrorCode::kInternal, "graph", "{}: declared as {} and as {}", parameter.name,
                   ShapeString(existing.shape), ShapeString(parameter.shape));
  }
  existing.use = std::max(existing.use, parameter.use);
  return {found->second};
}

Value GraphBuilder::Append(std::string name, Op op, const std::vector<Value>& inputs,
                           std::optional<Axis> columns) {
  const Value value = AppendMany({std::move(name)}, std::move(op), inputs)[0];
  if (!columns || value.id == kNoValue) return value;
  if (columns->count() != Columns(value).count()) {
    status_ = Fail(ErrorCode::kInternal, "graph", "{}: expected columns {}, got {}",
                   graph_.values[static_cast<size_t>(value.id)].name, columns->ToString(),
                   Columns(value).ToString());
  }
  graph_.values[static_cast<size_t>(value.id)].columns = *std::move(columns);
  return value;
}

void GraphBuilder::MarkPartial(Value value) {
  if (value.id != kNoValue) graph_.values[static_cast<size_t>(value.id)].partial = true;
}

std::vector<Value> GraphBuilder::AppendMany(const std::vector<std::string>& names, Op op,
                                            const std::vector<Value>& inputs) {
  std::vector<Value> results(names.size());
  if (!status_) return results;
  Node node{std::move(op), {}, {}};
  std::vector<const ValueType*> types;
  for (Value input : inputs) {
    node.inputs.push_back(input.id);
    types.push_back(input.id == kNoValue ? nullptr
                                         : &graph_.values[static_cast<size_t>(input.id)].type);
  }
  auto inferred = InferTypes(node.op, types);
  if (!inferred || inferred->size() != names.size()) {
    status_ = Fail(ErrorCode::kInternal, "graph", "{}: {}", names[0],
                   inferred ? "wrong number of results" : inferred.error().message);
    return results;
  }
  for (size_t i = 0; i < names.size(); ++i) {
    results[i] = AddValue({names[i], (*inferred)[i]});
    Axis& columns = graph_.values.back().columns;
    columns = graph_.values.back().type.dims.back().Bind(0, 0);
    node.outputs.push_back(results[i].id);
  }
  graph_.nodes.push_back(std::move(node));
  return results;
}

Axis GraphBuilder::Columns(Value value) const {
  if (value.id == kNoValue) return {};
  return graph_.values[static_cast<size_t>(value.id)].columns;
}

Result<Graph> GraphBuilder::Finish(Value logits) {
  FAIRLEAD_RETURN_IF_ERROR(status_);
  graph_.logits = logits.id;
  FAIRLEAD_RETURN_IF_ERROR(VerifyGraph(graph_));
  return std::move(graph_);
}

}  // namespace fairlead

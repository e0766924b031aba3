#include "nn/scope.h"

#include <fmt/format.h>

#include <utility>

namespace fairlead {

std::string Scope::Join(std::string_view leaf) const {
  return path_.empty() ? std::string(leaf) : fmt::format("{}.{}", path_, leaf);
}

std::string Scope::ValueName(std::string_view path) {
  constexpr std::string_view kPrefix = "model.";
  if (path.starts_with(kPrefix)) path.remove_prefix(kPrefix.size());
  return std::string(path);
}

Scope Scope::operator/(std::string_view name) const {
  return Scope(*builder_, parallel_, Join(name));
}

Value Scope::Parameter(std::string_view leaf, std::vector<Axis> axes, ParameterUse use) const {
  fairlead::Parameter parameter;
  parameter.use = use;
  parameter.sources = {{Transform::kIdentity, {std::string(leaf)}}};
  return Parameter(leaf, std::move(axes), std::move(parameter));
}

Value Scope::Parameter(std::string_view leaf, std::vector<Axis> axes,
                       fairlead::Parameter rest) const {
  rest.name = Join(leaf);
  bool whole = true;
  for (const Axis& axis : axes) {
    rest.shape.push_back(axis.count());
    whole = whole && axis.whole();
  }
  if (!whole) rest.axes = std::move(axes);
  for (ParameterSource& source : rest.sources) {
    for (std::string& tensor : source.tensors) tensor = Join(tensor);
  }
  return builder_->Declare(std::move(rest));
}

Value Scope::Append(Op op, const std::vector<Value>& inputs, std::optional<Axis> columns) const {
  return builder_->Append(ValueName(path_), std::move(op), inputs, std::move(columns));
}

Value Scope::AppendSummed(Op op, const std::vector<Value>& inputs) const {
  if (parallel_.size() == 1) return Append(std::move(op), inputs);
  const Value addend = (*this / "partial").Append(std::move(op), inputs);
  builder_->MarkPartial(addend);
  return Append(AllReduceOp{.ranks = parallel_.size()}, {addend});
}

std::vector<Value> Scope::AppendMany(const std::vector<std::string>& leaves, Op op,
                                     const std::vector<Value>& inputs) const {
  std::vector<std::string> names;
  names.reserve(leaves.size());
  for (const std::string& leaf : leaves) names.push_back(ValueName(Join(leaf)));
  return builder_->AppendMany(names, std::move(op), inputs);
}

}  // namespace fairlead

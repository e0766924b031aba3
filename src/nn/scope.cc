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

Value Scope::Parameter(std::string_view leaf, Shape shape, ParameterUse use,
                       std::optional<int> split_axis) const {
  return Parameter(leaf, std::move(shape), use, split_axis,
                   {{Transform::kIdentity, {std::string(leaf)}}});
}

Value Scope::Parameter(std::string_view leaf, Shape shape, ParameterUse use,
                       std::optional<int> split_axis, std::vector<ParameterSource> sources) const {
  for (ParameterSource& source : sources) {
    for (std::string& tensor : source.tensors) tensor = Join(tensor);
  }
  return builder_->Declare({Join(leaf), std::move(shape), use, split_axis, std::move(sources)});
}

Value Scope::Append(Op op, const std::vector<Value>& inputs) const {
  return builder_->Append(ValueName(path_), std::move(op), inputs);
}

std::vector<Value> Scope::AppendMany(const std::vector<std::string>& leaves, Op op,
                                     const std::vector<Value>& inputs) const {
  std::vector<std::string> names;
  names.reserve(leaves.size());
  for (const std::string& leaf : leaves) names.push_back(ValueName(Join(leaf)));
  return builder_->AppendMany(names, std::move(op), inputs);
}

}  // namespace fairlead

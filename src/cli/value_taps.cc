#include "cli/value_taps.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "checkpoint/safetensors.h"

namespace fairlead {
namespace {

// Glob matching by the usual backtracking to the last star.
bool MatchesOne(std::string_view pattern, std::string_view name) {
  size_t p = 0, n = 0, star = std::string_view::npos, retry = 0;
  while (n < name.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p, ++n;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++retry;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

// The names of what the ops compute.
std::set<std::string> ComputedNames(const Graph& graph) {
  std::set<std::string> names;
  for (const Node& node : graph.nodes) {
    for (const ValueId id : node.outputs) names.insert(graph.values[static_cast<size_t>(id)].name);
  }
  return names;
}

}  // namespace

bool MatchesPattern(std::string_view pattern, std::string_view name) {
  while (!pattern.empty()) {
    const size_t comma = std::min(pattern.find(','), pattern.size());
    if (MatchesOne(pattern.substr(0, comma), name)) return true;
    pattern.remove_prefix(std::min(comma + 1, pattern.size()));
  }
  return false;
}

bool InspectionTap::Wants(std::string_view name) const {
  return MatchesPattern(dump_pattern_, name) || injected_.contains(std::string(name));
}

Status InspectionTap::Inject(const std::string& name, DType dtype, const Shape& shape,
                             std::span<std::byte> bytes) {
  const Tensor& tensor = injected_.at(name);
  const Shape row(tensor.shape.empty() ? tensor.shape.end() : tensor.shape.begin() + 1,
                  tensor.shape.end());
  if (tensor.dtype != dtype || row != Shape(shape.begin() + 1, shape.end())) {
    return Fail(ErrorCode::kInvalidData, "inject", "{}: expected {} rows of {}, got {} {}", name,
                DTypeName(dtype), ShapeString(Shape(shape.begin() + 1, shape.end())),
                DTypeName(tensor.dtype), ShapeString(tensor.shape));
  }
  size_t& done = injected_bytes_[name];
  if (tensor.bytes.size() - done < bytes.size()) {
    return Fail(ErrorCode::kInvalidData, "inject", "{}: expected a row per token, got {} rows",
                name, tensor.shape[0]);
  }
  std::memcpy(bytes.data(), tensor.bytes.data() + done, bytes.size());
  done += bytes.size();
  return {};
}

Status InspectionTap::Visit(std::string_view name, DType dtype, const Shape& shape,
                            std::span<std::byte> bytes) {
  const std::string key(name);
  if (injected_.contains(key)) FAIRLEAD_RETURN_IF_ERROR(Inject(key, dtype, shape, bytes));
  if (!MatchesPattern(dump_pattern_, name)) return {};
  Tensor& tensor = collected_[key];
  if (tensor.shape.empty()) {
    tensor.dtype = dtype;
    tensor.shape = shape;
  } else {
    tensor.shape[0] += shape[0];
  }
  tensor.bytes.insert(tensor.bytes.end(), bytes.begin(), bytes.end());
  return {};
}

Status InspectionTap::CheckUsedUp() const {
  for (const auto& [name, used] : injected_bytes_) {
    const Tensor& tensor = injected_.at(name);
    if (used == tensor.bytes.size()) continue;
    return Fail(ErrorCode::kInvalidData, "inject", "{}: expected a row per token, got {} rows",
                name, tensor.shape[0]);
  }
  return {};
}

Status CheckPatterns(const Graph& graph, std::string_view option, std::string_view patterns) {
  const std::set<std::string> names = ComputedNames(graph);
  while (!patterns.empty()) {
    const std::string_view pattern = patterns.substr(0, patterns.find(','));
    const bool known = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return MatchesOne(pattern, name);
    });
    if (!known) {
      return Fail(ErrorCode::kInvalidArgument, "cli",
                  "{}: expected names of the graph (see fairlead inspect MODEL --graph), got {}",
                  option, Quoted(pattern));
    }
    patterns.remove_prefix(std::min(pattern.size() + 1, patterns.size()));
  }
  return {};
}

Status CheckInjected(const Graph& graph, const NamedTensors& injected) {
  const std::set<std::string> names = ComputedNames(graph);
  for (const auto& [name, tensor] : injected) {
    if (name == "input_ids" || names.contains(name)) continue;
    return Fail(ErrorCode::kInvalidData, "inject",
                "{}: expected a name of the graph (see fairlead inspect MODEL --graph)",
                Quoted(name));
  }
  return {};
}

Result<NamedTensors> ReadNamedTensors(const std::string& path) {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto file, SafetensorsFile::Open(path));
  NamedTensors tensors;
  for (const std::string& name : file->names()) {
    const TensorView view = *file->Find(name);
    tensors[name] = {view.dtype, view.shape, {view.bytes.begin(), view.bytes.end()}};
  }
  return tensors;
}

}  // namespace fairlead

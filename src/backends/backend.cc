#include "backends/backend.h"

namespace fairlead {

Layout PanelLayout(const Parameter& parameter, StorageFormat format) {
  switch (parameter.use) {
    case ParameterUse::kVector:
      return {LayoutOrder::kRowMajor, StorageFormat::kF32};
    case ParameterUse::kRows:
      return {LayoutOrder::kRowMajor, format};
    case ParameterUse::kMatrix:
      break;
  }
  return {LayoutOrder::kRows16, format};
}

Result<Capabilities> PlanCapabilities(const ModelFacts& facts, const ExecutorOptions& options) {
  const auto refuse = [](std::string_view what, int64_t low, int64_t high, int64_t found) {
    return Fail(ErrorCode::kInvalidArgument, "executor", "{}: expected {} to {}, got {}", what, low,
                high, found);
  };
  constexpr int kMost = 1 << 20;
  if (options.max_rows < 1 || options.max_rows > kMost) {
    return refuse("max_rows", 1, kMost, options.max_rows);
  }
  if (options.max_slots < 1 || options.max_slots > kMost) {
    return refuse("max_slots", 1, kMost, options.max_slots);
  }
  Capabilities limits{options.max_rows, options.max_slots, options.max_position, options.kv_pages};
  if (limits.max_position == 0) limits.max_position = facts.max_positions;
  if (limits.max_position < 1 || limits.max_position > facts.max_positions) {
    return refuse("sequence length", 1, facts.max_positions, limits.max_position);
  }
  if (limits.kv_pages.empty()) {
    for (const KvGroup& group : facts.kv_groups) {
      // A sliding layer needs its window and what one step writes, on pages not aligned to either.
      int64_t positions = limits.max_position;
      if (group.window > 0) {
        positions = std::min(positions, int64_t{group.window} + limits.max_rows + 2 * kPageTokens);
      }
      const int64_t pages = (positions + kPageTokens - 1) / kPageTokens * limits.max_slots;
      limits.kv_pages.push_back(static_cast<int>(std::min<int64_t>(pages, kMost)));
    }
  }
  if (limits.kv_pages.size() != facts.kv_groups.size()) {
    return refuse("kv_pages", static_cast<int64_t>(facts.kv_groups.size()),
                  static_cast<int64_t>(facts.kv_groups.size()),
                  static_cast<int64_t>(limits.kv_pages.size()));
  }
  return limits;
}

Status CheckWeights(const Graph& graph, const Weights& weights) {
  for (const Parameter* parameter : graph.parameters()) {
    const auto found = weights.tensors.find(parameter->name);
    if (found == weights.tensors.end()) {
      return Fail(ErrorCode::kInvalidData, "weights", "{}: missing", parameter->name);
    }
    const PackedTensor& tensor = found->second;
    if (tensor.shape != parameter->shape) {
      return Fail(ErrorCode::kInvalidData, "weights", "{}: expected shape {}, got {}",
                  parameter->name, ShapeString(parameter->shape), ShapeString(tensor.shape));
    }
    if (tensor.layout.format == StorageFormat::kMxfp4 && tensor.columns() % kMxfp4Block != 0) {
      return Fail(ErrorCode::kInvalidData, "weights",
                  "{}: expected whole blocks of {}, got {} columns", parameter->name, kMxfp4Block,
                  tensor.columns());
    }
    if (static_cast<int64_t>(tensor.bytes.size()) != tensor.expected_bytes()) {
      return Fail(ErrorCode::kInvalidData, "weights", "{}: expected {} bytes, got {}",
                  parameter->name, tensor.expected_bytes(), tensor.bytes.size());
    }
  }
  return {};
}

}  // namespace fairlead

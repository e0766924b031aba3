#include "artifact/options.h"

#include <algorithm>
#include <limits>

#include "config/config_reader.h"

namespace fairlead {
namespace {

constexpr int64_t kDefaultSequenceLength = 4096;
constexpr int64_t kMaxBatchSize = 1 << 20;

constexpr std::pair<TorchDtype, std::string_view> kDtypeNames[] = {
    {TorchDtype::kAuto, "auto"},
    {TorchDtype::kBf16, "bfloat16"},
    {TorchDtype::kF32, "float32"},
};

Status Refuse(std::string_view option, std::string_view expected, int64_t found) {
  return Fail(ErrorCode::kInvalidArgument, "export", "{}: expected {}, got {}", option, expected,
              found);
}

}  // namespace

std::string_view TorchDtypeName(TorchDtype dtype) {
  for (const auto& [value, name] : kDtypeNames) {
    if (value == dtype) return name;
  }
  return "?";
}

Result<TorchDtype> ParseTorchDtype(std::string_view name) {
  for (const auto& [value, known] : kDtypeNames) {
    if (known == name) return value;
  }
  return Fail(ErrorCode::kInvalidArgument, "export",
              "torch_dtype: expected auto, bfloat16 or float32, got {}", Quoted(name));
}

Result<ExportOptions> ResolveOptions(ExportOptions options, const ModelFacts& facts) {
  if (options.sequence_length == 0) {
    options.sequence_length = std::min(facts.max_positions, kDefaultSequenceLength);
  }
  Status checked;
  const auto check = [&](std::string_view option, int64_t value, int64_t highest) {
    if (!checked || (value >= 1 && value <= highest)) return;
    checked = Refuse(option, highest == 1 ? "1" : fmt::format("1 to {}", highest), value);
  };
  check("batch_size", options.batch_size, kMaxBatchSize);
  check("sequence_length", options.sequence_length, facts.max_positions);
  check("tp_degree", options.tp_degree, 1);
  FAIRLEAD_RETURN_IF_ERROR(checked);
  return options;
}

Json OptionsToJson(const ExportOptions& options) {
  return {{"checkpoint_id", options.checkpoint_id},
          {"checkpoint_revision", options.checkpoint_revision},
          {"batch_size", options.batch_size},
          {"sequence_length", options.sequence_length},
          {"torch_dtype", TorchDtypeName(options.torch_dtype)},
          {"target", options.target},
          {"tp_degree", options.tp_degree}};
}

Result<ExportOptions> OptionsFromJson(const Json& json, const std::string& source) {
  ConfigReader reader(json, source, "artifact");
  ExportOptions options;
  options.checkpoint_id = reader.String("checkpoint_id");
  options.checkpoint_revision = reader.String("checkpoint_revision");
  options.batch_size = reader.Int("batch_size", 1, kMaxBatchSize);
  options.sequence_length = reader.Int("sequence_length", 1, std::numeric_limits<int32_t>::max());
  const std::string dtype = reader.String("torch_dtype");
  options.target = reader.String("target");
  options.tp_degree = static_cast<int>(reader.Int("tp_degree", 1, 1));
  FAIRLEAD_RETURN_IF_ERROR(reader.status());
  FAIRLEAD_ASSIGN_OR_RETURN(options.torch_dtype, ParseTorchDtype(dtype));
  const Json known = OptionsToJson(options);
  for (const auto& [key, value] : json.items()) {
    if (!known.contains(key)) reader.Reject(key, "no such option", Excerpt(value));
  }
  FAIRLEAD_RETURN_IF_ERROR(reader.status());
  return options;
}

}  // namespace fairlead

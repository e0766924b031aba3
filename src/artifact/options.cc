#include "artifact/options.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "artifact/option_table.h"
#include "base/nearest.h"
#include "config/config_reader.h"

namespace fairlead {
namespace {

using Info = OptionInfo;

constexpr int64_t kDefaultSequenceLength = 4096;

constexpr std::pair<TorchDtype, std::string_view> kDtypeNames[] = {
    {TorchDtype::kAuto, "auto"},
    {TorchDtype::kBf16, "bfloat16"},
    {TorchDtype::kF32, "float32"},
};

// "torch.bfloat16" is how PyTorch prints it.
std::optional<TorchDtype> ParseTorchDtype(std::string_view text) {
  if (text.starts_with("torch.")) text.remove_prefix(6);
  for (const auto& [value, name] : kDtypeNames) {
    if (name == text) return value;
  }
  return std::nullopt;
}

bool Given(const Json& values, std::string_view name) {
  const auto found = values.find(std::string(name));
  return found != values.end() && !found->is_null();
}

// Takes a value into the options; returns "" if it could, or else what was expected.
struct Taker {
  const Json& value;
  ExportOptions& options;

  std::string operator()(const Info::Text& kind) const {
    if (!value.is_string()) return "a string";
    options.*kind.member = value.get<std::string>();
    return "";
  }
  std::string operator()(const Info::Target& kind) const {
    if (!value.is_string()) return "cpu";
    const std::string name = value.get<std::string>();
    if (name.starts_with("trn") || name.starts_with("inf")) return "cpu";
    options.*kind.member = name;
    return "";
  }
  std::string operator()(const Info::Count& kind) const {
    return Integer(kind.member, kind.min, kind.max);
  }
  std::string operator()(const Info::Degree& kind) const {
    return Integer(kind.member, 1, kind.max);
  }
  std::string operator()(const Info::Switch& kind) const {
    if (!value.is_boolean()) return "true or false";
    options.*kind.member = value.get<bool>();
    return "";
  }
  std::string operator()(const Info::Dtype& kind) const {
    const auto dtype = value.is_string() ? ParseTorchDtype(value.get<std::string>()) : std::nullopt;
    if (!dtype) return "auto, bfloat16 or float32";
    options.*kind.member = *dtype;
    return "";
  }
  std::string operator()(const Info::Alias& kind) const {
    return std::visit(*this, FindOption(kind.of)->kind);
  }
  std::string operator()(const Info::Follows& kind) const {
    const int64_t expected = kind.value(options);
    if (expected == 0) return "null";
    return value == expected ? "" : fmt::format("{} or null", expected);
  }
  std::string operator()(const Info::Only& kind) const {
    return value == kind.value ? "" : kind.value.dump();
  }
  std::string operator()(const Info::Any& kind) const {
    if (kind.value.is_boolean()) return value.is_boolean() ? "" : "true or false";
    return value.is_number_integer() ? "" : "an integer";
  }

  // What does not fit int64_t reads as negative.
  template <typename T>
  std::string Integer(T ExportOptions::*member, int64_t min, int64_t max) const {
    const int64_t number = value.is_number_integer() ? value.get<int64_t>() : -1;
    if (number < min || number > max) return fmt::format("an integer from {} to {}", min, max);
    options.*member = static_cast<T>(number);
    return "";
  }
};

// Where values come from, for errors.
struct Source {
  ErrorCode code;
  std::string_view component;
  std::string name;  // of a file, or empty

  tl::unexpected<Error> Refuse(std::string_view option, std::string_view expected,
                               std::string_view found, std::string_view reason = "") const {
    return Fail(code, component, "{}{}{}: expected {}, got {}{}{}", name, name.empty() ? "" : ": ",
                option, expected, found, reason.empty() ? "" : ": ", reason);
  }
};

void SetDefault(const Info& info, ExportOptions& options) {
  std::visit(
      [&](const auto& kind) {
        if constexpr (requires { kind.member; })
          options.*kind.member = ExportOptions().*kind.member;
      },
      info.kind);
}

Status Take(const Info& info, const Json& value, const Source& source, ExportOptions& options) {
  const std::string expected = std::visit(Taker{value, options}, info.kind);
  if (expected.empty()) return {};
  return source.Refuse(info.name, expected, Excerpt(value), info.reason);
}

Status RefuseUnknown(const std::string& name, const Json& value, const Source& source) {
  std::vector<std::string> names;
  names.reserve(OptionTable().size());
  std::string meant = name;
  for (const Info& info : OptionTable()) {
    names.emplace_back(info.name);
    if (!name.empty() && info.second_flag == name) meant = info.name;
  }
  const std::string quoted = Quoted(name);
  return source.Refuse(quoted.substr(1, quoted.size() - 2), "no such option",
                       Excerpt(value) + DidYouMean(meant, names));
}

Status CheckNames(const Json& values, const Source& source, bool recorded_only) {
  if (!values.is_object()) {
    return Fail(source.code, source.component, "{}: expected a JSON object, got {}", source.name,
                Excerpt(values));
  }
  for (const auto& [name, value] : values.items()) {
    const Info* info = FindOption(name);
    if (info == nullptr || (recorded_only && !info->recorded())) {
      return RefuseUnknown(name, value, source);
    }
  }
  return {};
}

}  // namespace

Status ApplyOptions(const Json& values, const std::string& source_name, ExportOptions& options) {
  const Source source{source_name.empty() ? ErrorCode::kInvalidArgument : ErrorCode::kInvalidData,
                      "export", source_name};
  FAIRLEAD_RETURN_IF_ERROR(CheckNames(values, source, /*recorded_only=*/false));
  // In the table's order: an option that repeats others comes after them.
  for (const OptionInfo& info : OptionTable()) {
    const auto found = values.find(std::string(info.name));
    if (found == values.end()) continue;
    if (found->is_null()) {
      SetDefault(info, options);
      continue;
    }
    const auto* alias = std::get_if<Info::Alias>(&info.kind);
    if (alias != nullptr && Given(values, alias->of)) {
      const Json expected = OptionValue(info, options);
      if (*found == expected) continue;
      return source.Refuse(info.name, expected.dump(), Excerpt(*found), info.reason);
    }
    FAIRLEAD_RETURN_IF_ERROR(Take(info, *found, source, options));
  }
  return {};
}

std::string_view TorchDtypeName(TorchDtype dtype) {
  for (const auto& [value, name] : kDtypeNames) {
    if (value == dtype) return name;
  }
  return "?";
}

void SetCheckpoint(std::string_view id_or_path, ExportOptions& options) {
  std::error_code ignored;
  const bool folder = std::filesystem::is_directory(id_or_path, ignored);
  const size_t at = folder ? std::string_view::npos : id_or_path.find('@');
  options.checkpoint_id = id_or_path.substr(0, at);
  options.checkpoint_revision = at == std::string_view::npos ? "" : id_or_path.substr(at + 1);
}

std::string CheckpointName(const ExportOptions& options) {
  std::error_code ignored;
  const bool whole = options.checkpoint_revision.empty() ||
                     std::filesystem::is_directory(options.checkpoint_id, ignored);
  if (whole) return options.checkpoint_id;
  return fmt::format("{}@{}", options.checkpoint_id, options.checkpoint_revision);
}

Result<ExportOptions> ResolveOptions(ExportOptions options, const ModelFacts& facts) {
  const Source source{ErrorCode::kInvalidArgument, "export", ""};
  const auto check = [&](std::string_view name, int64_t value, int64_t highest) -> Status {
    if (value >= 1 && value <= highest) return {};
    return source.Refuse(name, fmt::format("1 to {}", highest), fmt::format("{}", value));
  };
  if (options.sequence_length == 0) {
    options.sequence_length = std::min(facts.max_positions, kDefaultSequenceLength);
  }
  FAIRLEAD_RETURN_IF_ERROR(check("sequence_length", options.sequence_length, facts.max_positions));
  if (options.max_context_length == 0) options.max_context_length = options.sequence_length;
  FAIRLEAD_RETURN_IF_ERROR(
      check("max_context_length", options.max_context_length, options.sequence_length));
  FAIRLEAD_RETURN_IF_ERROR(ApplyOptions(OptionsToJson(options), "", options));
  return options;
}

Json OptionsToJson(const ExportOptions& options) {
  Json json = Json::object();
  for (const OptionInfo& info : OptionTable()) {
    if (info.recorded()) json[std::string(info.name)] = OptionValue(info, options);
  }
  return json;
}

Result<ExportOptions> OptionsFromJson(const Json& json, const std::string& source_name) {
  const Source source{ErrorCode::kInvalidData, "artifact", source_name};
  FAIRLEAD_RETURN_IF_ERROR(CheckNames(json, source, /*recorded_only=*/true));
  ExportOptions options;
  for (const OptionInfo& info : OptionTable()) {
    if (!info.recorded()) continue;
    const auto found = json.find(std::string(info.name));
    if (found == json.end()) {
      // No option takes an object, so that the kind says what it does take.
      const std::string expected = std::visit(Taker{Json::object(), options}, info.kind);
      return source.Refuse(info.name, expected, "nothing");
    }
    if (found->is_null() && OptionValue(info, ExportOptions()).is_null()) continue;
    FAIRLEAD_RETURN_IF_ERROR(Take(info, *found, source, options));
  }
  return options;
}

}  // namespace fairlead

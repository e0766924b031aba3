#include "artifact/options.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <optional>

#include "base/nearest.h"
#include "config/config_reader.h"

namespace fairlead {
namespace {

using Info = OptionInfo;
using Options = ExportOptions;

constexpr int64_t kDefaultSequenceLength = 4096;
constexpr int64_t kMaxPositions = std::numeric_limits<int32_t>::max();
constexpr int64_t kMaxRows = 1 << 20;
constexpr int64_t kMaxDegree = 1024;

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

const Info* FindOption(std::string_view name) {
  const auto& table = OptionTable();
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const Info& info) { return info.name == name; });
  return found == table.end() ? nullptr : &*found;
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
    if (!value.is_string()) return "a string";
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
        if constexpr (requires { kind.member; }) options.*kind.member = Options().*kind.member;
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
  for (const Info& info : OptionTable()) {
    if (info.second_flag == name) return RefuseUnknown(std::string(info.name), value, source);
    names.emplace_back(info.name);
  }
  const std::string shown = Quoted(name);
  return source.Refuse(shown.substr(1, shown.size() - 2), "no such option",
                       Excerpt(value) + DidYouMean(name, names));
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

bool OptionInfo::recorded() const {
  return std::visit(
      [](const auto& found) {
        return requires { found.member; };
      },
      kind);
}

const std::vector<OptionInfo>& OptionTable() {
  static const std::vector<OptionInfo> table = {
      {.name = "checkpoint_id", .kind = Info::Text{&Options::checkpoint_id}},
      {.name = "checkpoint_revision", .kind = Info::Text{&Options::checkpoint_revision}},
      {.name = "batch_size",
       .kind = Info::Count{&Options::batch_size, 1, kMaxRows},
       .group = "Shapes",
       .help = "Sequences alive at once, further ones wait; default: no limit"},
      {.name = "max_batch_size",
       .kind = Info::Alias{"batch_size"},
       .reason = "it is another name of batch_size"},
      {.name = "continuous_batching", .kind = Info::Any{true}},
      {.name = "speculation_length",
       .kind = Info::Only{0},
       .reason = "speculative decoding is not in this build"},
      {.name = "sequence_length",
       .kind = Info::Count{&Options::sequence_length, 1, kMaxPositions},
       .group = "Shapes",
       .help = "Positions of a sequence; default: the model's limit, at most 4096"},
      {.name = "max_context_length",
       .kind = Info::Count{&Options::max_context_length, 1, kMaxPositions},
       .group = "Shapes",
       .help = "Tokens of the longest prompt; default: sequence_length"},
      {.name = "prefill_chunk_size",
       .kind = Info::Count{&Options::prefill_chunk_size, 0, kMaxRows},
       .group = "Shapes",
       .help = "Tokens of a step while prompts are read; default: the backend's choice"},
      {.name = "n_active_tokens",
       .kind = Info::Follows{[](const Options& options) { return options.sequence_length; }},
       .reason =
           "steps have no fixed number of tokens here, so it can only repeat sequence_length"},
      {.name = "tp_degree",
       .kind = Info::Degree{&Options::tp_degree, kMaxDegree},
       .group = "Ranks",
       .help = "Ranks that share each expert; attention is shared by all ranks",
       .second_flag = "tensor_parallel_size"},
      {.name = "ep_degree",
       .kind = Info::Degree{&Options::ep_degree, kMaxDegree},
       .group = "Ranks",
       .help = "Groups of ranks that share out the experts",
       .second_flag = "expert_parallel_size"},
      {.name = "pp_degree",
       .kind = Info::Only{1},
       .reason = "layers are not spread over ranks; use tp_degree and ep_degree"},
      {.name = "start_rank_id", .kind = Info::Only{0}, .reason = "all ranks run in one process"},
      {.name = "local_ranks_size",
       .kind = Info::Follows{[](const Options& options) { return int64_t{options.ranks()}; }},
       .reason = "all tp_degree x ep_degree ranks run in one process"},
      {.name = "torch_dtype",
       .kind = Info::Dtype{&Options::torch_dtype},
       .reason = "float16 would overflow where bfloat16 does not, and nothing else is a weight's "
                 "type",
       .group = "Weights",
       .help = "How weights that are not MXFP4 are stored: auto (as in the checkpoint), bfloat16 "
               "or float32"},
      {.name = "target",
       .kind = Info::Target{&Options::target},
       .reason = "this build has no backend for Neuron devices",
       .group = "Weights",
       .help = "The backend to lay weights out for"},
      {.name = "fused_qkv",
       .kind = Info::Only{false},
       .reason = "q, k and v stay three projections, as in Hugging Face checkpoints"},
      {.name = "glu_mlp", .kind = Info::Only{true}, .reason = "gpt-oss has gated experts"},
      {.name = "capacity_factor",
       .kind = Info::Only{nullptr},
       .reason = "dropping tokens is refused: every token goes to all experts it is routed to"},
      {.name = "embedding_model",
       .kind = Info::Only{false},
       .reason = "the model generates text, it gives no embeddings"},
      {.name = "output_logits",
       .kind = Info::Switch{&Options::output_logits},
       .group = "Results",
       .help = "Recorded; the host always has the logits"},
      {.name = "on_device_sampling",
       .kind = Info::Only{false},
       .reason = "the host samples, which gives every request a seed of its own"},
      {.name = "max_topk", .kind = Info::Any{256}},
      {.name = "enable_bucketing", .kind = Info::Any{false}},
  };
  return table;
}

Json OptionValue(const OptionInfo& info, const ExportOptions& options) {
  struct Writer {
    const ExportOptions& options;
    Json operator()(const Info::Text& kind) const { return NullIfEmpty(options.*kind.member); }
    Json operator()(const Info::Target& kind) const { return options.*kind.member; }
    Json operator()(const Info::Count& kind) const { return NullIfZero(options.*kind.member); }
    Json operator()(const Info::Degree& kind) const { return options.*kind.member; }
    Json operator()(const Info::Switch& kind) const { return options.*kind.member; }
    Json operator()(const Info::Dtype& kind) const { return TorchDtypeName(options.*kind.member); }
    Json operator()(const Info::Alias& kind) const {
      return OptionValue(*FindOption(kind.of), options);
    }
    Json operator()(const Info::Follows& kind) const { return NullIfZero(kind.value(options)); }
    Json operator()(const Info::Only& kind) const { return kind.value; }
    Json operator()(const Info::Any& kind) const { return kind.value; }

    static Json NullIfZero(int64_t number) { return number == 0 ? Json() : Json(number); }
    static Json NullIfEmpty(const std::string& text) { return text.empty() ? Json() : Json(text); }
  };
  return std::visit(Writer{options}, info.kind);
}

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

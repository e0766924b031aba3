#include "cli/generate_settings.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <type_traits>

#include "cli/arguments.h"
#include "runtime/constraint/regex.h"
#include "tokenizer/utf8.h"

namespace fairlead {
namespace {

// The type in which a number is checked: the widest of its kind.
template <typename T>
using Wide = std::conditional_t<std::is_floating_point_v<T>, double,
                                std::conditional_t<std::is_unsigned_v<T>, uint64_t, int64_t>>;

constexpr int64_t kMostTokens = int64_t{1} << 30;
constexpr int64_t kAnyInt = std::numeric_limits<int>::max();
constexpr double kAnyNumber = std::numeric_limits<double>::max();
constexpr double kLargestPenalty = 100;

// The list. `Settings` is GenerateSettings or its constant.
template <typename Settings, typename Visitor>
void VisitSettings(Settings& settings, Visitor& visit) {
  auto& request = settings.request;
  auto& sampling = request.sampling;
  visit.Group("Length and end");
  visit.Number("max_tokens", request.max_tokens, 1, kMostTokens,
               "Tokens to generate at most, for each answer");
  visit.Number("min_tokens", request.min_tokens, 0, kMostTokens,
               "Tokens before an answer may stop of itself");
  visit.Texts("stop", request.stop_strings,
              "End an answer before this text; may be given several times");
  visit.Flag("ignore_eos", request.ignore_eos, "Go on after the end token");
  visit.Text("regex", settings.regex,
             "Every answer matches this regular expression as a whole (docs/generate.md)");
  visit.Group("Sampling");
  visit.Number("temperature", sampling.temperature, 0, kAnyNumber,
               "Divides the logits; 0 always takes the most likely token");
  visit.Number("top_k", sampling.top_k, 0, kAnyInt, "Keep the k most likely tokens; 0 keeps all");
  visit.Number("top_p", sampling.top_p, 0, 1,
               "Keep the fewest most likely tokens that reach this probability");
  visit.Number("min_p", sampling.min_p, 0, 1,
               "Keep tokens at least this fraction as likely as the most likely one");
  visit.Number("seed", sampling.seed, 0, std::numeric_limits<uint64_t>::max(),
               "Same seed, same prompt, same text");
  visit.Number("n", request.n, 1, 1024, "Answers to each prompt; answer i has the seed SEED + i");
  visit.Number("repetition_penalty", sampling.repetition_penalty, 0, kAnyNumber,
               "Makes tokens of prompt and answer less likely (above 1)");
  visit.Number("presence_penalty", sampling.presence_penalty, -kLargestPenalty, kLargestPenalty,
               "Taken from the logits of tokens that the answer has");
  visit.Number("frequency_penalty", sampling.frequency_penalty, -kLargestPenalty, kLargestPenalty,
               "The same for each time that it has them");
  visit.Biases("logit_bias", sampling.logit_bias,
               "Added to a token's logit, -100 to 100; may be given several times");
  visit.Group("Log probabilities (in JSON)");
  visit.Flag("logprobs", request.logprobs, "That of every token");
  visit.Number("top_logprobs", request.top_logprobs, 0, 1000,
               "Those of the K most likely tokens, too; sets logprobs");
  visit.Group("Order");
  visit.Number("priority", request.priority, -kAnyInt, kAnyInt,
               "Prompts of higher priority go first; of a file, among the next few (see below)");
}

// Makes options.
class Declarer {
 public:
  Declarer(CLI::App& command, const std::optional<std::vector<std::string>>& names)
      : command_(command), names_(names) {}

  void Group(const char* name) { group_ = name; }
  template <typename T>
  void Number(const std::string& name, T& value, Wide<T> min, Wide<T> max, const char* help) {
    if (!Wanted(name)) return;
    // The option had its name before the key.
    const std::string names = name == "max_tokens" ? "--length,--max_tokens" : "--" + name;
    Place(command_.add_option(names, value, help))
        ->check(NumberFrom<Wide<T>>(min, max))
        ->capture_default_str();
  }
  void Flag(const std::string& name, bool& value, const char* help) {
    if (!Wanted(name)) return;
    Place(command_.add_flag("--" + name, value, help));
  }
  void Text(const std::string& name, std::optional<std::string>& value, const char* help) {
    if (!Wanted(name)) return;
    Place(command_.add_option("--" + name, value, help))->type_name("PATTERN");
  }
  void Texts(const std::string& name, std::vector<std::string>& values, const char* help) {
    if (!Wanted(name)) return;
    Place(command_.add_option("--" + name, values, help))->allow_extra_args(false);
  }
  void Biases(const std::string& name, std::vector<LogitBias>& values, const char* help) {
    if (!Wanted(name)) return;
    const auto read = [&values](const std::vector<std::string>& texts) {
      for (const std::string& text : texts) values.push_back(ReadBias(text));
    };
    Place(command_.add_option_function<std::vector<std::string>>("--" + name, read, help))
        ->allow_extra_args(false)
        ->type_name("ID:BIAS");
  }

 private:
  bool Wanted(const std::string& name) const {
    return !names_ || std::find(names_->begin(), names_->end(), name) != names_->end();
  }
  CLI::Option* Place(CLI::Option* option) { return option->group(group_); }

  static LogitBias ReadBias(const std::string& text) {
    LogitBias bias;
    const char* const end = text.data() + text.size();
    const auto [colon, bad_id] = std::from_chars(text.data(), end, bias.token);
    if (bad_id == std::errc() && colon < end && *colon == ':') {
      const auto [after, bad_bias] = std::from_chars(colon + 1, end, bias.bias);
      if (bad_bias == std::errc() && after == end) return bias;
    }
    throw CLI::ValidationError(
        "--logit_bias", fmt::format("expected ID:BIAS such as 50:-100, got {}", Quoted(text)));
  }

  CLI::App& command_;
  const std::optional<std::vector<std::string>>& names_;
  std::string group_;
};

// Reads the keys of a line.
class Reader {
 public:
  explicit Reader(const Json& line) : line_(line) {}

  Status status() const { return status_; }

  void Group(const char* /*name*/) {}
  template <typename T>
  void Number(const char* name, T& value, Wide<T> min, Wide<T> max, const char* /*help*/) {
    const Json* found = Find(name);
    if (found == nullptr) return;
    const std::optional<Wide<T>> number = In<Wide<T>>(*found);
    if (!number || !(*number >= min && *number <= max)) {
      return Refuse(name, DescribeRange<Wide<T>>(min, max), *found);
    }
    value = static_cast<T>(*number);
  }
  void Flag(const char* name, bool& value, const char* /*help*/) {
    const Json* found = Find(name);
    if (found == nullptr) return;
    if (!found->is_boolean()) return Refuse(name, "true or false", *found);
    value = found->get<bool>();
  }
  // null takes a default back.
  void Text(const char* name, std::optional<std::string>& value, const char* /*help*/) {
    const Json* found = Find(name);
    if (found == nullptr) return;
    if (!found->is_string() && !found->is_null()) return Refuse(name, "a string", *found);
    value.reset();
    if (found->is_string()) value = found->get<std::string>();
  }
  void Texts(const char* name, std::vector<std::string>& values, const char* /*help*/) {
    const Json* found = Find(name);
    if (found == nullptr) return;
    values.clear();
    const Json list = found->is_array() ? *found : Json::array({*found});
    for (const Json& text : list) {
      if (!text.is_string()) return Refuse(name, "a string or an array of strings", *found);
      values.push_back(text.get<std::string>());
    }
  }
  void Biases(const char* name, std::vector<LogitBias>& values, const char* /*help*/) {
    const Json* found = Find(name);
    if (found == nullptr) return;
    values.clear();
    const std::string expected = "an object such as {\"50\": -100}";
    if (!found->is_object()) return Refuse(name, expected, *found);
    for (const auto& [key, number] : found->items()) {
      LogitBias bias;
      const char* const end = key.data() + key.size();
      const auto [after, bad] = std::from_chars(key.data(), end, bias.token);
      if (bad != std::errc() || after != end || !number.is_number()) {
        return Refuse(name, expected, *found);
      }
      bias.bias = number.get<float>();
      values.push_back(bias);
    }
  }

 private:
  const Json* Find(const char* name) const {
    const auto found = line_.find(name);
    return found == line_.end() || !status_ ? nullptr : &*found;
  }
  void Refuse(const char* name, const std::string& expected, const Json& found) {
    status_ = Fail(ErrorCode::kInvalidArgument, "generate", "{}: expected {}, got {}", name,
                   expected, Shown(found));
  }
  // The value as a T, if it is one.
  template <typename T>
  static std::optional<T> In(const Json& value) {
    if constexpr (std::is_floating_point_v<T>) {
      if (value.is_number()) return value.get<T>();
    } else if constexpr (std::is_unsigned_v<T>) {
      if (value.is_number_unsigned()) return value.get<T>();
    } else if (value.is_number_integer()) {
      const bool fits = !value.is_number_unsigned() ||
                        value.get<uint64_t>() <= uint64_t{std::numeric_limits<int64_t>::max()};
      if (fits) return value.get<T>();
    }
    return std::nullopt;
  }

  const Json& line_;
  Status status_;
};

// Writes what Reader reads.
class Recorder {
 public:
  Json& json() { return json_; }

  void Group(const char* /*name*/) {}
  template <typename T>
  void Number(const char* name, const T& value, Wide<T> /*min*/, Wide<T> /*max*/,
              const char* /*help*/) {
    json_[name] = value;
  }
  void Flag(const char* name, bool value, const char* /*help*/) { json_[name] = value; }
  void Text(const char* name, const std::optional<std::string>& value, const char* /*help*/) {
    json_[name] = value ? Json(*value) : Json(nullptr);
  }
  void Texts(const char* name, const std::vector<std::string>& values, const char* /*help*/) {
    json_[name] = values;
  }
  void Biases(const char* name, const std::vector<LogitBias>& values, const char* /*help*/) {
    Json& biases = json_[name] = Json::object();
    for (const LogitBias& bias : values) biases[std::to_string(bias.token)] = bias.bias;
  }

 private:
  Json json_ = Json::object();
};

}  // namespace

void AddSettingOptions(CLI::App& command, GenerateSettings& settings,
                       const std::optional<std::vector<std::string>>& names) {
  Declarer declarer(command, names);
  VisitSettings(settings, declarer);
}

std::vector<std::string> SettingNames() {
  std::vector<std::string> names;
  const Json all = SettingsToJson({});
  for (const auto& [name, value] : all.items()) names.push_back(name);
  return names;
}

Status ApplySettings(const Json& line, GenerateSettings& settings) {
  Reader reader(line);
  VisitSettings(settings, reader);
  return reader.status();
}

Status CheckSettings(const GenerateSettings& settings, int64_t vocabulary_size) {
  const Request& request = settings.request;
  if (request.min_tokens > request.max_tokens) {
    return Fail(ErrorCode::kInvalidArgument, "generate",
                "min_tokens: expected at most {} (max_tokens), got {}", request.max_tokens,
                request.min_tokens);
  }
  for (const std::string& stop : request.stop_strings) {
    if (stop.empty() || FindInvalidUtf8(stop)) {
      return Fail(ErrorCode::kInvalidArgument, "generate", "stop: expected text in UTF-8, got {}",
                  Quoted(stop));
    }
  }
  if (settings.regex) {
    const auto compiled = CompileRegex(*settings.regex);
    // What is valid elsewhere, too, cannot be asked for here.
    if (!compiled) {
      return tl::unexpected(Error{ErrorCode::kInvalidArgument, compiled.error().message});
    }
  }
  return ValidateSampling(request.sampling, vocabulary_size);
}

Json SettingsToJson(const GenerateSettings& settings) {
  Recorder recorder;
  VisitSettings(settings, recorder);
  return std::move(recorder.json());
}

std::string Shown(const Json& value) {
  constexpr size_t kLongest = 80;
  std::string text = DumpJsonAscii(value);
  return text.size() <= kLongest ? text : text.substr(0, kLongest) + "...";
}

}  // namespace fairlead

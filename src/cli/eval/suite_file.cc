#include "cli/eval/suite_file.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/nearest.h"
#include "chat/openai/contains.h"
#include "chat/openai/destination.h"
#include "chat/openai/request_value.h"
#include "cli/generate_settings.h"
#include "cli/line_file.h"

namespace fairlead {
namespace {

namespace fs = std::filesystem;
using ToolChoice = AnswerRules::ToolChoice;

constexpr size_t kMostSteps = 8;
constexpr size_t kLongestId = 100;
constexpr std::string_view kEnding = ".jsonl";
constexpr size_t kLargestFile = size_t{1} << 30;

// `value` is an object with members of these names alone.
Status CheckMembers(const RequestValue& value, const std::vector<std::string>& known) {
  FAIRLEAD_RETURN_IF_ERROR(value.ExpectObject());
  for (const auto& [key, member] : value.json().items()) {
    if (Contains(known, key)) continue;
    const Error error = value[key].Expected("no such member").value();
    return Fail(ErrorCode::kInvalidArgument, "eval", "{}{}", WithoutComponent(error.message),
                DidYouMean(key, known));
  }
  return {};
}

Result<std::string> ReadId(const RequestValue& id) {
  FAIRLEAD_ASSIGN_OR_RETURN(std::string text, id.String());
  if (text.empty() || text.size() > kLongestId) {
    return id.Expected(fmt::format("1 to {} bytes", kLongestId));
  }
  return text;
}

// A day that there is, as "2026-11-23".
bool IsDate(std::string_view text) {
  constexpr std::string_view kShape = "0000-00-00";
  if (!std::equal(text.begin(), text.end(), kShape.begin(), kShape.end(),
                  [](char c, char s) { return s == '0' ? c >= '0' && c <= '9' : c == s; })) {
    return false;
  }
  const auto number = [text](size_t begin, size_t size) {
    int value = 0;
    std::from_chars(text.data() + begin, text.data() + begin + size, value);
    return value;
  };
  return std::chrono::year_month_day(std::chrono::year(number(0, 4)),
                                     std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                     std::chrono::day(static_cast<unsigned>(number(8, 2))))
      .ok();
}

Result<std::optional<std::string>> ReadDate(const RequestValue& date) {
  if (date.missing()) return std::nullopt;
  if (!date.is_string() || !IsDate(date.json().get_ref<const std::string&>())) {
    return date.Expected("a date such as \"2026-11-23\"");
  }
  return date.json().get<std::string>();
}

Result<ChatRequest> ReadRequest(const RequestValue& request, std::optional<std::string> date) {
  // Others say how to sample and how much, which is the same for all items.
  FAIRLEAD_RETURN_IF_ERROR(
      CheckMembers(request, {"messages", "tools", "tool_choice", "reasoning_effort", "reasoning"}));
  SystemContent system = DefaultSystemContent();
  system.conversation_start_date = std::move(date);
  auto read = ChatRequestFromJson(request.json(), system);
  if (read) return read;
  return Fail(read.error().code, "eval", "request.{}", WithoutComponent(read.error().message));
}

// Whether all numbers in `value` were read as they were written. An integer beyond 64 bits becomes
// a double; one that is that large may have been one.
bool HasExactNumbers(const Json& value) {
  constexpr double kEnd = 0x1p63;
  if (value.is_number_float()) return std::abs(value.get<double>()) < kEnd;
  if (!value.is_structured()) return true;
  return std::all_of(value.begin(), value.end(),
                     [](const Json& part) { return HasExactNumbers(part); });
}

Status CheckNumbers(const RequestValue& value) {
  if (HasExactNumbers(value.json())) return {};
  return value.Expected("integers of 64 bits and other numbers below 2^63");
}

// The tool of a call that the request allows as the step.
Result<std::string> ReadToolName(const RequestValue& name, const ChatRequest& request, bool first) {
  FAIRLEAD_ASSIGN_OR_RETURN(std::string text, name.String());
  const AnswerRules& rules = request.rules;
  if (rules.tools.empty()) return name.Expected("no call, as the request has no tools");
  if (rules.tool_choice == ToolChoice::kNone) {
    return name.Expected("no call, as tool_choice is \"none\"");
  }
  // The choice is that of the first call.
  std::vector<std::string> tools;
  for (const std::string& recipient : first ? rules.tools : request.callable) {
    tools.emplace_back(ToolNameOf(recipient));
  }
  if (Contains(tools, text)) return text;
  return name.Expected(fmt::format(
      "{} ({})",
      tools.size() < request.callable.size() ? "the tool of tool_choice" : "a tool of the request",
      fmt::join(tools, ", ")));
}

Result<ExpectedStep> ReadCall(const RequestValue& step, const ChatRequest& request, bool first) {
  const RequestValue call = step["call"];
  FAIRLEAD_RETURN_IF_ERROR(CheckMembers(call, {"name", "arguments"}));
  FAIRLEAD_ASSIGN_OR_RETURN(std::string name, ReadToolName(call["name"], request, first));
  FAIRLEAD_RETURN_IF_ERROR(call["arguments"].ExpectObject());
  FAIRLEAD_RETURN_IF_ERROR(CheckNumbers(call["arguments"]));
  FAIRLEAD_ASSIGN_OR_RETURN(std::string result, step["result"].String());
  return ExpectedCall{std::move(name), call["arguments"].json(), std::move(result)};
}

Result<ExpectedStep> ReadStep(const RequestValue& step, const ChatRequest& request, bool first,
                              bool last) {
  FAIRLEAD_RETURN_IF_ERROR(step.ExpectObject());
  if (!last) {
    FAIRLEAD_RETURN_IF_ERROR(CheckMembers(step, {"call", "result"}));
    return ReadCall(step, request, first);
  }
  if (first && request.rules.tool_choice == ToolChoice::kRequired) {
    return step.Expected("a call and then the last step, as tool_choice requires one");
  }
  FAIRLEAD_RETURN_IF_ERROR(CheckMembers(step, {"final", "json"}));
  if (step["final"].missing() == step["json"].missing()) {
    return step.Expected(step["json"].missing() ? "\"final\" or \"json\", as it is the last one"
                                                : "either \"final\" or \"json\", not both");
  }
  if (!step["json"].missing()) {
    FAIRLEAD_RETURN_IF_ERROR(CheckNumbers(step["json"]));
    return ExpectedJson{step["json"].json()};
  }
  FAIRLEAD_ASSIGN_OR_RETURN(std::string text, step["final"].String());
  return ExpectedText{std::move(text)};
}

Result<std::vector<ExpectedStep>> ReadSteps(const RequestValue& expect,
                                            const ChatRequest& request) {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<RequestValue> items, expect.Items());
  if (items.empty() || items.size() > kMostSteps) {
    return Fail(ErrorCode::kInvalidArgument, "eval", "expect: expected 1 to {} steps, got {}",
                kMostSteps, items.size());
  }
  std::vector<ExpectedStep> steps;
  steps.reserve(items.size());
  for (const RequestValue& item : items) {
    const bool last = steps.size() + 1 == items.size();
    FAIRLEAD_ASSIGN_OR_RETURN(ExpectedStep step, ReadStep(item, request, steps.empty(), last));
    steps.push_back(std::move(step));
  }
  return steps;
}

// The names of the suites in a folder, sorted. Hidden files are what editors and systems leave.
Result<std::vector<std::string>> SuiteNames(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    return Fail(ErrorCode::kNotFound, "eval",
                "{}: expected a folder of suites (NAME{}), got none; --suites DIR names another",
                folder.string(), kEnding);
  }
  std::vector<std::string> names;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const fs::path& path = entry->path();
    if (path.extension() != kEnding || path.filename().string().starts_with('.')) continue;
    names.push_back(path.stem().string());
  }
  if (error) return Fail(ErrorCode::kIo, "eval", "{}: {}", folder.string(), error.message());
  if (names.empty()) {
    return Fail(ErrorCode::kNotFound, "eval", "{}: expected suites (NAME{}), got none",
                folder.string(), kEnding);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

std::string EvalItem::Question() const {
  const auto& messages = request.conversation.messages;
  const auto last = std::find_if(messages.rbegin(), messages.rend(),
                                 [](const Message& m) { return m.role == Role::kUser; });
  return last == messages.rend() ? "" : last->Text();
}

Result<EvalItem> ReadEvalItem(const Json& line) {
  const RequestValue root(line);
  if (!root.is_object()) {
    return Fail(ErrorCode::kInvalidArgument, "eval", "expected an object, got {}", Shown(line));
  }
  FAIRLEAD_RETURN_IF_ERROR(CheckMembers(root, {"id", "date", "request", "expect"}));
  EvalItem item;
  FAIRLEAD_ASSIGN_OR_RETURN(item.id, ReadId(root["id"]));
  FAIRLEAD_ASSIGN_OR_RETURN(std::optional<std::string> date, ReadDate(root["date"]));
  FAIRLEAD_ASSIGN_OR_RETURN(item.request, ReadRequest(root["request"], std::move(date)));
  FAIRLEAD_ASSIGN_OR_RETURN(item.steps, ReadSteps(root["expect"], item.request));
  item.expect = root["expect"].json();
  return item;
}

Result<EvalSuite> ReadEvalSuite(const fs::path& path) {
  FAIRLEAD_ASSIGN_OR_RETURN(std::string text, ReadFile(path, "eval", kLargestFile));
  FAIRLEAD_ASSIGN_OR_RETURN(const LineFile lines, LineFile::FromText(path.string(), std::move(text),
                                                                     {"eval", "", "item"}));
  EvalSuite suite{path.stem().string(), {}};
  suite.items.reserve(lines.size());
  std::set<std::string> ids;
  for (size_t i = 0; i < lines.size(); ++i) {
    FAIRLEAD_ASSIGN_OR_RETURN(const Json line, lines.Parse(i));
    auto item = ReadEvalItem(line);
    if (!item) {
      return Fail(ErrorCode::kInvalidArgument, "eval", "{}", lines.AtLine(i, item.error().message));
    }
    if (!ids.insert(item->id).second) {
      return Fail(ErrorCode::kInvalidArgument, "eval", "{}",
                  lines.AtLine(i, fmt::format("id: expected one that no line above has, got {}",
                                              Quoted(item->id))));
    }
    suite.items.push_back(std::move(*item));
  }
  return suite;
}

Result<std::vector<EvalSuite>> ReadEvalSuites(const fs::path& folder,
                                              const std::vector<std::string>& names) {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<std::string> known, SuiteNames(folder));
  for (const std::string& name : names) {
    if (Contains(known, name)) continue;
    return Fail(ErrorCode::kInvalidArgument, "eval", "--suite {}: expected one of {}{}",
                Quoted(name), fmt::join(known, ", "), DidYouMean(name, known));
  }
  std::vector<EvalSuite> suites;
  for (const std::string& name : known) {
    if (!names.empty() && !Contains(names, name)) continue;
    FAIRLEAD_ASSIGN_OR_RETURN(EvalSuite suite,
                              ReadEvalSuite(folder / (name + std::string(kEnding))));
    suites.push_back(std::move(suite));
  }
  return suites;
}

}  // namespace fairlead

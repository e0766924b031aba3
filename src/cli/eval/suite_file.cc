#include "cli/eval/suite_file.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/log.h"
#include "base/nearest.h"
#include "chat/openai/contains.h"
#include "chat/openai/destination.h"
#include "chat/openai/request_value.h"
#include "cli/generate_settings.h"
#include "cli/line_file.h"

namespace fairlead {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostSteps = 8;
constexpr size_t kLongestId = 100;
constexpr std::string_view kEnding = ".jsonl";

// `value` is an object with members of these names alone.
Status CheckMembers(const RequestValue& value, const std::vector<std::string>& known) {
  FAIRLEAD_RETURN_IF_ERROR(value.ExpectObject());
  for (const auto& [key, member] : value.json().items()) {
    if (Contains(known, key)) continue;
    const Error error = value[OneLine(key)].Expected("no such member").value();
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

// "2026-11-23", or nothing.
Result<std::optional<std::string>> ReadDate(const RequestValue& date) {
  if (date.missing()) return std::nullopt;
  const auto is_date = [](const std::string& text) {
    constexpr std::string_view kShape = "0000-00-00";
    return std::equal(text.begin(), text.end(), kShape.begin(), kShape.end(),
                      [](char c, char s) { return s == '0' ? c >= '0' && c <= '9' : c == s; });
  };
  if (!date.is_string() || !is_date(date.json().get_ref<const std::string&>())) {
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

Result<ExpectedStep> ReadCall(const RequestValue& step, const ChatRequest& request) {
  const RequestValue call = step["call"];
  FAIRLEAD_RETURN_IF_ERROR(CheckMembers(call, {"name", "arguments"}));
  FAIRLEAD_ASSIGN_OR_RETURN(std::string name, call["name"].String());
  std::vector<std::string> tools;
  for (const std::string& recipient : request.callable) tools.emplace_back(ToolNameOf(recipient));
  if (!Contains(tools, name)) {
    return call["name"].Expected(
        tools.empty() ? "no call, as the request has no tools"
                      : fmt::format("a tool of the request ({})", fmt::join(tools, ", ")));
  }
  FAIRLEAD_RETURN_IF_ERROR(call["arguments"].ExpectObject());
  FAIRLEAD_ASSIGN_OR_RETURN(std::string result, step["result"].String());
  return ExpectedCall{std::move(name), call["arguments"].json(), std::move(result)};
}

Result<ExpectedStep> ReadStep(const RequestValue& step, const ChatRequest& request, bool last) {
  FAIRLEAD_RETURN_IF_ERROR(step.ExpectObject());
  if (!last) {
    FAIRLEAD_RETURN_IF_ERROR(CheckMembers(step, {"call", "result"}));
    return ReadCall(step, request);
  }
  FAIRLEAD_RETURN_IF_ERROR(CheckMembers(step, {"final", "json"}));
  if (step["final"].missing() == step["json"].missing()) {
    return step.Expected(step["json"].missing() ? "\"final\" or \"json\", as it is the last one"
                                                : "either \"final\" or \"json\", not both");
  }
  if (!step["json"].missing()) return ExpectedJson{step["json"].json()};
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
    FAIRLEAD_ASSIGN_OR_RETURN(ExpectedStep step, ReadStep(item, request, last));
    steps.push_back(std::move(step));
  }
  return steps;
}

// The names of the suites in a folder, sorted.
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
    if (entry->path().extension() == kEnding) names.push_back(entry->path().stem().string());
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
  FAIRLEAD_ASSIGN_OR_RETURN(const LineFile lines,
                            LineFile::Read(path.string(), {"eval", "", "item"}));
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
    FAIRLEAD_ASSIGN_OR_RETURN(EvalSuite suite, ReadEvalSuite(folder / (name + ".jsonl")));
    suites.push_back(std::move(suite));
  }
  return suites;
}

}  // namespace fairlead

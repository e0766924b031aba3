#include "cli/eval/judge.h"

#include <algorithm>

#include "chat/channels.h"
#include "chat/openai/destination.h"

namespace fairlead {
namespace {

using Callable = std::vector<std::string>;
using Messages = std::vector<const Message*>;

constexpr std::string_view kWhiteSpace = " \t\r\n";

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kWhiteSpace);
  if (begin == std::string_view::npos) return "";
  return text.substr(begin, text.find_last_not_of(kWhiteSpace) - begin + 1);
}

bool IsCall(const Message& message, const Callable& callable) {
  return DestinationOf(message, callable).kind == Destination::Kind::kToolCall;
}

Messages CallsOf(const EvalAnswer& answer, const Callable& callable) {
  Messages calls;
  for (const ParsedMessage& parsed : answer.messages) {
    if (IsCall(parsed.message, callable)) calls.push_back(&parsed.message);
  }
  return calls;
}

Messages FinalsOf(const EvalAnswer& answer, const Callable& callable) {
  Messages finals;
  for (const ParsedMessage& parsed : answer.messages) {
    const Message& message = parsed.message;
    if (message.channel == kFinal && !IsCall(message, callable)) finals.push_back(&message);
  }
  return finals;
}

// As values: members may be in any order, and 1 is 1.0.
bool SameJson(std::string_view text, const Json& expected) {
  const auto found = ParseJson(text, "eval", "answer");
  return found && nlohmann::json(*found) == nlohmann::json(expected);
}

// A call may end without any arguments, as some models do where a tool takes none.
std::string ArgumentsOf(const Message& call) {
  const std::string text(Trimmed(call.Text()));
  return text.empty() ? "{}" : text;
}

bool IsRightCall(const ExpectedCall& expected, const Message& call, const Callable& callable) {
  const Destination destination = DestinationOf(call, callable);
  return destination.declared && destination.tool == expected.name &&
         SameJson(ArgumentsOf(call), expected.arguments);
}

bool IsRightFinal(const ExpectedStep& step, const std::string& text) {
  if (const auto* json = std::get_if<ExpectedJson>(&step)) return SameJson(text, json->value);
  return Trimmed(text) == Trimmed(std::get<ExpectedText>(step).text);
}

std::string Dump(const Json& value) {
  return value.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

}  // namespace

bool IsRight(const ExpectedStep& step, const EvalAnswer& answer, const Callable& callable) {
  if (answer.finish_reason != FinishReason::kStop) return false;
  const Messages calls = CallsOf(answer, callable);
  const Messages finals = FinalsOf(answer, callable);
  if (const auto* call = std::get_if<ExpectedCall>(&step)) {
    return finals.empty() && calls.size() == 1 && IsRightCall(*call, *calls[0], callable);
  }
  return calls.empty() && finals.size() == 1 && IsRightFinal(step, finals[0]->Text());
}

const Message& CallIn(const EvalAnswer& answer, const Callable& callable) {
  return *CallsOf(answer, callable).front();
}

std::string Describe(const ExpectedStep& step) {
  if (const auto* call = std::get_if<ExpectedCall>(&step)) {
    return fmt::format("call of {} {}", call->name, Dump(call->arguments));
  }
  if (const auto* json = std::get_if<ExpectedJson>(&step)) return Dump(json->value);
  return std::get<ExpectedText>(step).text;
}

std::string Describe(const EvalAnswer& answer, const Callable& callable) {
  std::string text;
  const auto add = [&text](std::string_view part) {
    if (!text.empty()) text += "; ";
    text += part;
  };
  for (const Message* call : CallsOf(answer, callable)) {
    add(fmt::format("call of {} {}", DestinationOf(*call, callable).tool, ArgumentsOf(*call)));
  }
  for (const Message* message : FinalsOf(answer, callable)) add(message->Text());
  if (answer.finish_reason != FinishReason::kStop) {
    add(fmt::format("({})", answer.finish_reason == FinishReason::kLength
                                ? "cut off"
                                : FinishReasonName(answer.finish_reason)));
  } else if (text.empty()) {
    add("(no answer)");
  }
  return text;
}

}  // namespace fairlead

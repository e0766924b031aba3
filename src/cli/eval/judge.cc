#include "cli/eval/judge.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/trim.h"
#include "chat/channels.h"
#include "chat/openai/destination.h"

namespace fairlead {
namespace {

using Callable = std::vector<std::string>;
using Messages = std::vector<const Message*>;

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

// Members sorted by name.
using Value = nlohmann::json;

// Exactly; nlohmann's == takes 2^53 + 1 for 2^53 as a double, and -1 for 2^64 - 1.
bool SameInteger(const Value& a, const Value& b) {
  if (a.is_number_unsigned() && b.is_number_unsigned()) {
    return a.get<uint64_t>() == b.get<uint64_t>();
  }
  if (a.is_number_unsigned()) return std::cmp_equal(a.get<uint64_t>(), b.get<int64_t>());
  if (b.is_number_unsigned()) return std::cmp_equal(a.get<int64_t>(), b.get<uint64_t>());
  return a.get<int64_t>() == b.get<int64_t>();
}

bool IsInteger(double number, const Value& integer) {
  constexpr double kEnd = 0x1p63;  // of int64_t
  if (number != std::trunc(number) || number < -kEnd || number >= 2 * kEnd) return false;
  return SameInteger(
      number < kEnd ? Value(static_cast<int64_t>(number)) : Value(static_cast<uint64_t>(number)),
      integer);
}

bool SameNumber(const Value& a, const Value& b) {
  if (a.is_number_float() && b.is_number_float()) return a.get<double>() == b.get<double>();
  if (a.is_number_float()) return IsInteger(a.get<double>(), b);
  if (b.is_number_float()) return IsInteger(b.get<double>(), a);
  return SameInteger(a, b);
}

bool SameValue(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return SameNumber(a, b);
  if (a.type() != b.type() || a.size() != b.size()) return false;
  if (a.is_array()) return std::equal(a.begin(), a.end(), b.begin(), SameValue);
  if (!a.is_object()) return a == b;
  const auto same_member = [](const auto& x, const auto& y) {
    return x.first == y.first && SameValue(x.second, y.second);
  };
  const auto& members = a.get_ref<const Value::object_t&>();
  return std::equal(members.begin(), members.end(), b.get_ref<const Value::object_t&>().begin(),
                    same_member);
}

// As values: members may be in any order, and 1 is 1.0.
bool SameJson(std::string_view text, const Json& expected) {
  const auto found = ParseJson(text, "eval", "answer");
  return found && SameValue(Value(*found), Value(expected));
}

// A call may end without any arguments, as some models do where a tool takes none.
std::string ArgumentsOf(const Message& call) {
  const std::string text(Trimmed(call.Text()));
  return text.empty() ? "{}" : text;
}

bool IsRightCall(const ExpectedCall& expected, const Message& call, const Callable& callable) {
  const Destination destination = DestinationOf(call, callable);
  return destination.tool == expected.name && SameJson(ArgumentsOf(call), expected.arguments);
}

bool IsRightFinal(const ExpectedStep& step, const std::string& text) {
  if (const auto* json = std::get_if<ExpectedJson>(&step)) return SameJson(text, json->value);
  return Trimmed(text) == Trimmed(std::get<ExpectedText>(step).text);
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
    return fmt::format("call of {} {}", call->name, DumpJson(call->arguments));
  }
  if (const auto* json = std::get_if<ExpectedJson>(&step)) return DumpJson(json->value);
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

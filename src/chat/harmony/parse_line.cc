#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "chat/harmony/line_fields.h"
#include "chat/harmony/lines.h"
#include "chat/harmony/message_json.h"
#include "chat/harmony/openai_parser.h"
#include "chat/harmony/parser.h"

namespace fairlead {
namespace {

struct ParseRequest {
  std::vector<int32_t> ids;
  std::optional<Role> role;
  std::optional<bool> strict;  // nullopt: recover
  bool trace = false;
};

// Numbers that are too large for an id are no tokens either: the nearest id stands for them.
Result<std::vector<int32_t>> ReadIds(const Json& field) {
  if (!field.is_array()) return MalformedLine("ids: expected an array, got {}", field.type_name());
  constexpr int64_t kLowest = std::numeric_limits<int32_t>::min();
  constexpr int64_t kHighest = std::numeric_limits<int32_t>::max();
  std::vector<int32_t> ids;
  ids.reserve(field.size());
  for (const Json& value : field) {
    if (!value.is_number_integer()) {
      return MalformedLine("ids[{}]: expected a token id, got {}", ids.size(),
                           value.is_number() ? value.dump() : value.type_name());
    }
    const int64_t id = value.is_number_unsigned() && value.get<uint64_t>() > uint64_t{kHighest}
                           ? kHighest
                           : value.get<int64_t>();
    ids.push_back(static_cast<int32_t>(std::clamp(id, kLowest, kHighest)));
  }
  return ids;
}

Result<ParseRequest> ReadRequest(std::string_view line) {
  FAIRLEAD_ASSIGN_OR_RETURN(const Json object, ReadLineObject(line));
  const Json* ids = FindField(object, "ids");
  if (ids == nullptr) return MalformedLine("ids: expected an array, got none");
  ParseRequest request;
  FAIRLEAD_ASSIGN_OR_RETURN(request.ids, ReadIds(*ids));
  FAIRLEAD_ASSIGN_OR_RETURN(request.role, ReadRoleField(object, "role"));
  FAIRLEAD_ASSIGN_OR_RETURN(request.strict, ReadFlagField(object, "strict"));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::optional<bool> trace, ReadFlagField(object, "trace"));
  request.trace = trace.value_or(false);
  return request;
}

template <typename T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

std::string_view StateName(HarmonyState state) {
  constexpr std::array<std::string_view, 3> kNames = {"ExpectStart", "Header", "Content"};
  return kNames[static_cast<size_t>(state)];
}

// What a parser shows between two tokens.
struct View {
  HarmonyState state;
  std::optional<Role> role;
  const Message* current;  // nullptr outside of content
  std::optional<std::string> delta;
  Json messages;  // those that are complete
  Json error;
};

Json StepJson(View view) {
  static const Message none;
  const Message& current = view.current != nullptr ? *view.current : none;
  return Json{{"state", StateName(view.state)},
              {"role", view.role ? Json(RoleName(*view.role)) : Json(nullptr)},
              {"channel", OrNull(current.channel)},
              {"recipient", OrNull(current.recipient)},
              {"content_type", OrNull(current.content_type)},
              {"content", current.Text()},
              {"delta", OrNull(view.delta)},
              {"messages", std::move(view.messages)},
              {"error", std::move(view.error)}};
}

Json MessagesJson(const std::vector<Message>& messages) {
  Json json = Json::array();
  for (const Message& message : messages) json.push_back(MessageToJson(message));
  return json;
}

Json StrictStep(const OpenAiParser& parser, const Status& status) {
  return StepJson({.state = parser.state(),
                   .role = parser.role(),
                   .current = parser.current(),
                   .delta = parser.delta(),
                   .messages = MessagesJson(parser.messages()),
                   .error = status ? Json(nullptr) : Json(status.error().message)});
}

// The messages are those before the first error; the steps go on behind it, as openai-harmony does.
Json AnswerStrictly(const Tokenizer::Pointer& tokenizer, const HarmonyTokens& tokens,
                    const ParseRequest& request) {
  OpenAiParser parser(tokenizer, tokens, request.role, *request.strict);
  Json answer{{"messages", nullptr}, {"error", nullptr}};
  const auto note = [&](const Status& status) {
    if (status || !answer["error"].is_null()) return;
    answer = {{"messages", MessagesJson(parser.messages())}, {"error", status.error().message}};
  };
  Json steps = Json::array();
  if (request.trace) steps.push_back(StrictStep(parser, {}));
  for (const int32_t id : request.ids) {
    const Status status = parser.Push(id);
    note(status);
    if (request.trace) {
      steps.push_back(StrictStep(parser, status));
    } else if (!status) {
      break;
    }
  }
  if (answer["error"].is_null()) {
    note(parser.Finish());
    answer["messages"] = MessagesJson(parser.messages());
  }
  if (request.trace) answer["steps"] = std::move(steps);
  return answer;
}

std::vector<Message> Complete(const std::vector<ParsedMessage>& parsed) {
  std::vector<Message> messages;
  for (const ParsedMessage& one : parsed) {
    if (one.complete) messages.push_back(one.message);
  }
  return messages;
}

Json RecoveryStep(const HarmonyParser& parser, std::optional<Role> given,
                  const std::vector<MessageDelta>& deltas) {
  const auto& parsed = parser.messages();
  const bool open = parser.state() == HarmonyState::kContent;
  if (open) given = parsed.back().message.role;
  std::optional<std::string> text;
  for (const MessageDelta& delta : deltas) text = text.value_or("") + delta.text;
  return StepJson({.state = parser.state(),
                   .role = parsed.empty() || open ? given : std::nullopt,
                   .current = open ? &parsed.back().message : nullptr,
                   .delta = std::move(text),
                   .messages = MessagesJson(Complete(parsed)),
                   .error = nullptr});
}

// `repairs` have the index of the message that they belong to.
Json AnswerRecovering(const Tokenizer::Pointer& tokenizer, const HarmonyTokens& tokens,
                      const ParseRequest& request) {
  HarmonyParser parser(tokenizer, tokens, request.role);
  Json steps = Json::array();
  if (request.trace) steps.push_back(RecoveryStep(parser, request.role, {}));
  for (const int32_t id : request.ids) {
    const auto deltas = parser.Push(id);
    if (request.trace) steps.push_back(RecoveryStep(parser, request.role, deltas));
  }
  parser.Finish();
  Json repairs = Json::array();
  for (size_t i = 0; i < parser.messages().size(); ++i) {
    for (const Repair& repair : parser.messages()[i].repairs) {
      repairs.push_back({{"message", i}, {"kind", repair.kind}, {"text", repair.text}});
    }
  }
  Json answer{{"messages", MessagesJson(Complete(parser.messages()))},
              {"repairs", std::move(repairs)},
              {"error", nullptr}};
  if (request.trace) answer["steps"] = std::move(steps);
  return answer;
}

}  // namespace

std::string ParseLine(const Tokenizer::Pointer& tokenizer, const HarmonyTokens& tokens,
                      std::string_view line) {
  const auto request = ReadRequest(line);
  Json answer;
  if (!request) {
    answer = Json{{"error", request.error().message}};
  } else if (request->strict) {
    answer = AnswerStrictly(tokenizer, tokens, *request);
  } else {
    answer = AnswerRecovering(tokenizer, tokens, *request);
  }
  return DumpJson(answer);
}

}  // namespace fairlead

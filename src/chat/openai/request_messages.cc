#include "chat/openai/request_messages.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "chat/channels.h"
#include "chat/openai/destination.h"
#include "chat/openai/request_tools.h"

namespace fairlead {
namespace {

// As the model was trained: functions are given JSON, built-in tools what they are to run.
constexpr std::string_view kJsonContent = "<|constrain|>json";
constexpr std::string_view kCodeContent = "code";
constexpr std::string_view kNoArguments = "{}";
constexpr size_t kLongestName = 64;

Message Plain(Role role, std::string text) {
  Message message;
  message.role = role;
  message.content.emplace_back(std::move(text));
  return message;
}

Message Said(std::string_view channel, std::string text) {
  Message message = Plain(Role::kAssistant, std::move(text));
  message.channel = channel;
  return message;
}

// In the channel where the model was trained to call from: built-in tools belong to its reasoning.
Message CallTo(const std::string& recipient, std::string arguments) {
  const bool is_function = ToolNameOf(recipient) != recipient;
  Message call = Said(is_function ? kCommentary : kAnalysis, std::move(arguments));
  call.recipient = recipient;
  call.content_type = is_function ? kJsonContent : kCodeContent;
  return call;
}

// A part of a content list. An assistant's may also be a refusal.
Result<std::string> ReadPart(const RequestValue& part, Role role) {
  FAIRLEAD_RETURN_IF_ERROR(part.ExpectObject());
  const RequestValue type = part["type"];
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string name, type.String());
  if (name == "text") return part["text"].String();
  if (name == "refusal" && role == Role::kAssistant) return part["refusal"].String();
  return type.Unsupported("\"text\"");
}

// A string or a list of text parts, which are lines.
Result<std::string> ReadContent(const RequestValue& content, Role role) {
  if (content.is_string()) return content.String();
  if (!content.is_list()) return content.Expected("a string or a list of text parts");
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<RequestValue> parts, content.Items());
  std::string text;
  for (const RequestValue& part : parts) {
    FAIRLEAD_ASSIGN_OR_RETURN(const std::string line, ReadPart(part, role));
    if (!text.empty() && !line.empty()) text += '\n';
    text += line;
  }
  return text;
}

// The text of a member that may be absent.
Result<std::string> ReadText(const RequestValue& value) {
  if (value.absent()) return std::string();
  return value.String();
}

// What a call's "arguments" say. Some clients leave them out where a function has no parameters, or
// do not write them as a string.
Result<std::string> ReadArguments(const RequestValue& arguments) {
  if (arguments.absent()) return std::string(kNoArguments);
  if (!arguments.is_object()) return arguments.String();
  return DumpJson(arguments.json());
}

// A user's name as it can stand in a header: every run of what no name may hold becomes a '_', and
// the rest has at most 64 bytes. nullopt for an empty one.
std::optional<std::string> HeaderName(std::string_view name) {
  std::string kept;
  bool replaced = false;
  for (const char& byte : name) {
    const bool allowed = IsToolName({&byte, 1});
    if (allowed) kept += byte;
    if (!allowed && !replaced) kept += '_';
    replaced = !allowed;
  }
  if (kept.empty()) return std::nullopt;
  return kept.substr(0, kLongestName);
}

class Reader {
 public:
  explicit Reader(const std::vector<std::string>& built_in) : built_in_(built_in) {}

  Status Read(const RequestValue& message) {
    FAIRLEAD_RETURN_IF_ERROR(message.ExpectObject());
    const RequestValue role = message["role"];
    FAIRLEAD_ASSIGN_OR_RETURN(const std::string name, role.String());
    if (name == "function") return role.Unsupported("\"tool\"");
    const std::optional<Role> known = RoleFromName(name);
    if (!known) {
      return role.Expected("\"system\", \"developer\", \"user\", \"assistant\" or \"tool\"");
    }
    if (*known == Role::kUser || *known == Role::kAssistant) results_.clear();
    switch (*known) {
      case Role::kSystem:
      case Role::kDeveloper:
        return ReadInstructions(message);
      case Role::kUser:
        return ReadUser(message);
      case Role::kAssistant:
        return ReadAssistant(message);
      case Role::kTool:
        return ReadTool(message);
    }
    return {};
  }
  RequestMessages Take() { return std::move(read_); }

 private:
  Status ReadInstructions(const RequestValue& message) {
    FAIRLEAD_ASSIGN_OR_RETURN(const std::string text,
                              ReadContent(message["content"], Role::kSystem));
    if (!read_.instructions.empty() && !text.empty()) read_.instructions += "\n\n";
    read_.instructions += text;
    return {};
  }

  Status ReadUser(const RequestValue& message) {
    FAIRLEAD_ASSIGN_OR_RETURN(std::string text, ReadContent(message["content"], Role::kUser));
    Message user = Plain(Role::kUser, std::move(text));
    if (const RequestValue name = message["name"]; !name.absent()) {
      FAIRLEAD_ASSIGN_OR_RETURN(const std::string text_of_name, name.String());
      user.name = HeaderName(text_of_name);
    }
    read_.messages.push_back(std::move(user));
    return {};
  }

  Status ReadAssistant(const RequestValue& message) {
    FAIRLEAD_RETURN_IF_ERROR(message["function_call"].Refuse("nothing, or tool_calls"));
    FAIRLEAD_RETURN_IF_ERROR(message["audio"].Refuse("nothing, or text"));
    FAIRLEAD_ASSIGN_OR_RETURN(std::string reasoning, ReadText(message["reasoning"]));
    if (reasoning.empty()) {
      FAIRLEAD_ASSIGN_OR_RETURN(reasoning, ReadText(message["reasoning_content"]));
    }
    FAIRLEAD_ASSIGN_OR_RETURN(std::string content, ReadText(message["refusal"]));
    const bool refuses = !content.empty();
    if (!message["content"].absent()) {
      FAIRLEAD_ASSIGN_OR_RETURN(std::string text,
                                ReadContent(message["content"], Role::kAssistant));
      if (!text.empty()) content = std::move(text);
    }
    std::vector<RequestValue> calls;
    if (const RequestValue list = message["tool_calls"]; !list.absent()) {
      FAIRLEAD_ASSIGN_OR_RETURN(calls, list.Items());
    }
    if (message["content"].missing() && !refuses && reasoning.empty() && calls.empty()) {
      return message["content"].Expected("a string, or tool_calls beside it");
    }
    if (!reasoning.empty()) read_.messages.push_back(Said(kAnalysis, std::move(reasoning)));
    if (!content.empty()) {
      read_.messages.push_back(Said(calls.empty() ? kFinal : kCommentary, std::move(content)));
    }
    for (const RequestValue& call : calls) FAIRLEAD_RETURN_IF_ERROR(ReadCall(call));
    return {};
  }

  Status ReadCall(const RequestValue& call) {
    FAIRLEAD_RETURN_IF_ERROR(call.ExpectObject());
    if (const RequestValue type = call["type"]; !type.absent() && type.json() != "function") {
      return type.Unsupported("\"function\"");
    }
    FAIRLEAD_ASSIGN_OR_RETURN(std::string id, call["id"].String());
    const RequestValue function = call["function"];
    FAIRLEAD_RETURN_IF_ERROR(function.ExpectObject());
    FAIRLEAD_ASSIGN_OR_RETURN(const std::string name, function["name"].String());
    if (!IsToolName(name)) {
      return function["name"].Expected("a name of 1 to 64 letters, digits, '_', '-' or '.'");
    }
    FAIRLEAD_ASSIGN_OR_RETURN(std::string arguments, ReadArguments(function["arguments"]));
    const std::string recipient = RecipientOf(name, built_in_);
    read_.messages.push_back(CallTo(recipient, std::move(arguments)));
    called_[std::move(id)] = {recipient, calls_++};
    return {};
  }

  Status ReadTool(const RequestValue& message) {
    const RequestValue id = message["tool_call_id"];
    FAIRLEAD_ASSIGN_OR_RETURN(const std::string text, id.String());
    const auto found = called_.find(text);
    if (found == called_.end()) return id.Expected("the id of a tool call before this message");
    std::string content;  // null: the tool had nothing to say
    if (message["content"].missing() || !message["content"].absent()) {
      FAIRLEAD_ASSIGN_OR_RETURN(content, ReadContent(message["content"], Role::kTool));
    }
    Message result = Plain(Role::kTool, std::move(content));
    const Called& call = found->second;
    result.name = call.recipient;
    result.recipient = RoleName(Role::kAssistant);
    result.channel = ToolNameOf(call.recipient) != call.recipient ? kCommentary : kAnalysis;
    // Harmony has no ids: which call a result is of is said by nothing but the order.
    const auto later = std::upper_bound(results_.begin(), results_.end(), call.number);
    read_.messages.insert(read_.messages.end() - (results_.end() - later), std::move(result));
    results_.insert(later, call.number);
    return {};
  }

  struct Called {
    std::string recipient;
    size_t number = 0;  // among all calls
  };

  const std::vector<std::string>& built_in_;
  RequestMessages read_;
  std::unordered_map<std::string, Called> called_;  // by the ids of calls
  size_t calls_ = 0;
  std::vector<size_t> results_;  // the calls of the results that the messages end with
};

}  // namespace

Result<RequestMessages> ReadMessages(const RequestValue& messages,
                                     const std::vector<std::string>& built_in) {
  if (!messages.is_list() || messages.json().empty())
    return messages.Expected("a list of messages");
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<RequestValue> items, messages.Items());
  Reader reader(built_in);
  for (const RequestValue& item : items) FAIRLEAD_RETURN_IF_ERROR(reader.Read(item));
  return reader.Take();
}

Message AsResent(const Message& message) {
  if (message.role != Role::kAssistant) return message;
  if (message.recipient) {
    // As Completion delivers a call without any.
    const std::string arguments = message.Text();
    return CallTo(*message.recipient, arguments.empty() ? std::string(kNoArguments) : arguments);
  }
  const bool keeps = message.channel == kAnalysis || message.channel == kCommentary;
  return Said(keeps ? *message.channel : kFinal, message.Text());
}

}  // namespace fairlead

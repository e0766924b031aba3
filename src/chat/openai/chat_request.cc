#include "chat/openai/chat_request.h"

#include <optional>
#include <utility>

#include "chat/openai/request_messages.h"
#include "chat/openai/request_tools.h"
#include "chat/openai/request_value.h"

namespace fairlead {
namespace {

Message With(Role role, Content content) {
  Message message;
  message.role = role;
  message.content.push_back(std::move(content));
  return message;
}

// Recipients of the tools that a system message declares.
std::vector<std::string> BuiltInTools(const SystemContent& system) {
  Conversation conversation;
  conversation.messages.push_back(With(Role::kSystem, system));
  return RulesOf(conversation).tools;
}

Result<std::optional<ReasoningEffort>> ReadEffort(const RequestValue& effort) {
  if (effort.absent()) return std::optional<ReasoningEffort>();
  constexpr std::string_view kExpected = R"("none", "minimal", "low", "medium", "high" or "xhigh")";
  if (!effort.is_string()) return effort.Expected(kExpected);
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string name, effort.String());
  std::optional<ReasoningEffort> read = EffortFromName(name);
  // The model knows nothing below low, and nothing above high.
  if (name == "none" || name == "minimal") read = ReasoningEffort::kLow;
  if (name == "xhigh") read = ReasoningEffort::kHigh;
  if (!read) return effort.Expected(kExpected);
  return read;
}

// The effort that a request asks for in either of the places where clients put it.
Result<std::optional<ReasoningEffort>> ReadEffortOf(const RequestValue& request) {
  const RequestValue reasoning = request["reasoning"];
  if (!reasoning.absent()) FAIRLEAD_RETURN_IF_ERROR(reasoning.ExpectObject());
  FAIRLEAD_ASSIGN_OR_RETURN(const std::optional<ReasoningEffort> nested,
                            ReadEffort(reasoning["effort"]));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::optional<ReasoningEffort> plain,
                            ReadEffort(request["reasoning_effort"]));
  if (nested && plain && *nested != *plain) {
    return request["reasoning_effort"].Expected("what reasoning.effort says");
  }
  return plain ? plain : nested;
}

Status RefuseTheRest(const RequestValue& request) {
  FAIRLEAD_RETURN_IF_ERROR(request["functions"].Refuse("nothing, or tools"));
  FAIRLEAD_RETURN_IF_ERROR(request["function_call"].Refuse("nothing, or tool_choice"));
  // Changes nothing: the end of a call ends most answers, and more calls are the model's to make.
  const RequestValue parallel = request["parallel_tool_calls"];
  if (!parallel.absent() && !parallel.json().is_boolean()) {
    return parallel.Expected("true or false");
  }
  const RequestValue format = request["response_format"];
  if (format.absent()) return {};
  FAIRLEAD_RETURN_IF_ERROR(format.ExpectObject());
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string type, format["type"].String());
  if (type != "text") return format["type"].Unsupported("\"text\"");
  return {};
}

}  // namespace

Result<ChatRequest> ChatRequestFromJson(const Json& request, const SystemContent& system) {
  const RequestValue root(request);
  FAIRLEAD_RETURN_IF_ERROR(root.ExpectObject());
  FAIRLEAD_RETURN_IF_ERROR(RefuseTheRest(root));
  const std::vector<std::string> built_in = BuiltInTools(system);
  FAIRLEAD_ASSIGN_OR_RETURN(RequestMessages read, ReadMessages(root["messages"], built_in));
  FAIRLEAD_ASSIGN_OR_RETURN(std::vector<Tool> tools, ReadTools(root["tools"], built_in));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::optional<ReasoningEffort> effort, ReadEffortOf(root));

  SystemContent content = system;
  if (effort) content.reasoning_effort = effort;
  // A channel that is offered is used: commentary only where there is something to call.
  const bool calls = !tools.empty() || !built_in.empty();
  content.channel_config = ChannelConfig{{"analysis", "final"}, true};
  if (calls) content.channel_config->valid_channels = {"analysis", "commentary", "final"};

  ChatRequest result;
  std::vector<Message>& messages = result.conversation.messages;
  messages.push_back(With(Role::kSystem, std::move(content)));
  DeveloperContent developer;
  if (!read.instructions.empty()) developer.instructions = std::move(read.instructions);
  if (!tools.empty()) {
    const std::string key(kFunctions);
    developer.tools = ToolNamespaces{{key, {key, std::nullopt, std::move(tools)}}};
  }
  if (developer.instructions || developer.tools) {
    messages.push_back(With(Role::kDeveloper, std::move(developer)));
  }
  for (Message& message : read.messages) messages.push_back(std::move(message));

  result.rules = RulesOf(result.conversation);
  std::vector<std::string> callable = result.rules.tools;
  FAIRLEAD_RETURN_IF_ERROR(ReadToolChoice(root["tool_choice"], result.rules));
  if (result.rules.tool_choice != AnswerRules::ToolChoice::kNone) {
    result.callable = std::move(callable);
  }
  return result;
}

}  // namespace fairlead

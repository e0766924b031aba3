#include "cli/chat/chat_file.h"

#include <optional>
#include <utility>

#include "base/file.h"
#include "base/json.h"
#include "chat/harmony/conversation_json.h"
#include "chat/harmony/message_json.h"
#include "cli/replace_file.h"

namespace fairlead {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostBytes = size_t{64} << 20;

template <typename T>
void Put(Json& json, const char* name, const std::optional<T>& value) {
  if (value) json[name] = *value;
}

Json ToolsJson(const ToolNamespaces& namespaces) {
  Json json = Json::object();
  for (const auto& [key, space] : namespaces) {
    Json& entry = json[key] = {{"name", space.name}};
    Put(entry, "description", space.description);
    entry["tools"] = Json::array();
    for (const Tool& tool : space.tools) {
      Json declared = {{"name", tool.name}, {"description", tool.description}};
      Put(declared, "parameters", tool.parameters);
      entry["tools"].push_back(std::move(declared));
    }
  }
  return json;
}

Json ContentJson(const SystemContent& content) {
  Json json = {{"type", "system_content"}};
  Put(json, "model_identity", content.model_identity);
  if (content.reasoning_effort) {
    std::string effort(EffortName(*content.reasoning_effort));
    effort[0] = static_cast<char>(effort[0] - 'a' + 'A');
    json["reasoning_effort"] = effort;
  }
  Put(json, "conversation_start_date", content.conversation_start_date);
  Put(json, "knowledge_cutoff", content.knowledge_cutoff);
  if (content.channel_config) {
    json["channel_config"] = {{"valid_channels", content.channel_config->valid_channels},
                              {"channel_required", content.channel_config->channel_required}};
  }
  if (content.tools) json["tools"] = ToolsJson(*content.tools);
  return json;
}

Json ContentJson(const DeveloperContent& content) {
  Json json = {{"type", "developer_content"}};
  Put(json, "instructions", content.instructions);
  if (content.tools) json["tools"] = ToolsJson(*content.tools);
  return json;
}

Json ToJson(const Message& message) {
  for (const Content& content : message.content) {
    const std::string role(RoleName(message.role));
    if (const auto* system = std::get_if<SystemContent>(&content)) {
      return {{"role", role}, {"name", nullptr}, {"content", {ContentJson(*system)}}};
    }
    if (const auto* developer = std::get_if<DeveloperContent>(&content)) {
      return {{"role", role}, {"name", nullptr}, {"content", {ContentJson(*developer)}}};
    }
  }
  return MessageToJson(message);
}

// What the messages at the head of a conversation say about the setup.
void TakeSetup(const Message& message, LoadedChat& chat) {
  for (const Content& content : message.content) {
    if (const auto* system = std::get_if<SystemContent>(&content)) {
      chat.setup.effort = system->reasoning_effort.value_or(ReasoningEffort::kMedium);
      chat.setup.date = system->conversation_start_date;
      if (system->model_identity != DefaultSystemContent().model_identity) {
        chat.setup.system = system->model_identity;
      }
    } else if (const auto* developer = std::get_if<DeveloperContent>(&content)) {
      chat.setup.developer = developer->instructions;
      if (!developer->tools) continue;
      for (const auto& [key, space] : *developer->tools) chat.tools += space.tools.size();
    } else if (const auto* text = std::get_if<std::string>(&content)) {
      (message.role == Role::kSystem ? chat.setup.system : chat.setup.developer) = *text;
    }
  }
}

}  // namespace

Result<bool> SaveChat(const fs::path& path, const Dialogue& dialogue,
                      const GenerateSettings& settings) {
  FAIRLEAD_ASSIGN_OR_RETURN(const FileTarget target, FindFileTarget("chat", path));
  Json json = {{"messages", Json::array()}, {"settings", SettingsToJson(settings)}};
  for (const Message& message : dialogue.Whole().messages) {
    json["messages"].push_back(ToJson(message));
  }
  const std::string text = DumpJson(json, 2) + "\n";
  constexpr mode_t kPrivate = 0600;
  FAIRLEAD_RETURN_IF_ERROR(ReplaceFile("chat", target, text, kPrivate));
  return target.mode.has_value();
}

Result<LoadedChat> LoadChat(const fs::path& path, const GenerateSettings& now,
                            int64_t vocabulary_size) {
  FAIRLEAD_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path, "chat", kMostBytes));
  const auto wrong = [&](const std::string& what) {
    return Fail(ErrorCode::kInvalidData, "chat", "{}: {}", path.string(), what);
  };
  if (!json.is_object()) return wrong("expected a conversation (an object), got something else");
  auto conversation = ConversationFromJson({{"messages", json.value("messages", Json())}});
  if (!conversation) return wrong(conversation.error().message);
  LoadedChat chat;
  chat.settings = now;
  for (Message& message : conversation->messages) {
    if (message.role == Role::kSystem || message.role == Role::kDeveloper) {
      TakeSetup(message, chat);
    } else if (chat.messages.empty() && message.role != Role::kUser) {
      return wrong("expected a message of the user before all answers, got none");
    } else {
      chat.messages.push_back(std::move(message));
    }
  }
  if (const auto settings = json.find("settings"); settings != json.end()) {
    if (!settings->is_object()) return wrong("settings: expected an object");
    Status status = ApplySettings(*settings, chat.settings);
    if (status) status = CheckSettings(chat.settings, vocabulary_size);
    if (!status) return wrong(status.error().message);
  }
  return chat;
}

void Adopt(LoadedChat chat, Dialogue& dialogue, GenerateSettings& settings) {
  chat.setup.tools = std::move(dialogue.setup().tools);
  dialogue.setup() = std::move(chat.setup);
  dialogue.SetMessages(std::move(chat.messages));
  settings = std::move(chat.settings);
}

}  // namespace fairlead

// A conversation as a model is shown it: who says what, to whom, and which tools there are.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"

namespace fairlead {

enum class Role { kSystem, kDeveloper, kUser, kAssistant, kTool };

std::string_view RoleName(Role role);  // "system", "developer", "user", "assistant", "tool"
std::optional<Role> RoleFromName(std::string_view name);

enum class ReasoningEffort { kLow, kMedium, kHigh };

std::string_view EffortName(ReasoningEffort effort);  // "low", "medium", "high"
std::optional<ReasoningEffort> EffortFromName(std::string_view name);

// A function that the model may call.
struct Tool {
  std::string name;
  std::string description;
  std::optional<Json> parameters;  // a JSON schema; without one it takes nothing
};

// Tools that belong together. A namespace of a system message that has no tools is itself what is
// called ("python"), unless it is kFunctions.
struct ToolNamespace {
  std::string name;
  std::optional<std::string> description;
  std::vector<Tool> tools;
};

// By the key under which a namespace was declared, usually its name; std::map: in byte order.
using ToolNamespaces = std::map<std::string, ToolNamespace>;

// The namespace of the tools that a caller declares; the others are built into a model.
inline constexpr std::string_view kFunctions = "functions";

// gpt-oss's built-in tools, in the words that it was trained with.
ToolNamespace BrowserTool();
ToolNamespace PythonTool();

struct ChannelConfig {
  std::vector<std::string> valid_channels;
  bool channel_required = false;
};

// What a system message tells the model about itself. What is absent is not mentioned.
struct SystemContent {
  std::optional<std::string> model_identity;
  std::optional<ReasoningEffort> reasoning_effort;
  std::optional<ToolNamespaces> tools;  // built-in ones
  std::optional<std::string> conversation_start_date;
  std::optional<std::string> knowledge_cutoff;
  std::optional<ChannelConfig> channel_config;
};

// What gpt-oss was trained with: its identity, cutoff, medium effort, three channels.
SystemContent DefaultSystemContent();

// What a developer message asks for.
struct DeveloperContent {
  std::optional<std::string> instructions;
  std::optional<ToolNamespaces> tools;
};

// A std::string is plain text.
using Content = std::variant<std::string, SystemContent, DeveloperContent>;

struct Message {
  Role role = Role::kUser;
  std::optional<std::string> name;       // of the author; a tool has to have one
  std::optional<std::string> recipient;  // nullopt: all
  std::optional<std::string> channel;    // "analysis", "commentary", "final"
  std::optional<std::string> content_type;
  std::vector<Content> content;

  // The plain texts of `content`, joined.
  std::string Text() const;
};

// What the tool `recipient` answers to the assistant's call on channel commentary.
Message ToolAnswer(std::string recipient, std::string text);

struct Conversation {
  std::vector<Message> messages;
};

}  // namespace fairlead

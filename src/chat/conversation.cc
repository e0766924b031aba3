#include "chat/conversation.h"

#include <array>
#include <utility>

#include "chat/channels.h"

namespace fairlead {
namespace {

constexpr std::array<std::string_view, 5> kRoles = {"system", "developer", "user", "assistant",
                                                    "tool"};
constexpr std::array<std::string_view, 3> kEfforts = {"low", "medium", "high"};

// The enumerator, numbered as in `names`, of that name.
template <typename Enum, size_t size>
std::optional<Enum> Find(const std::array<std::string_view, size>& names, std::string_view name) {
  for (size_t i = 0; i < size; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

// An object schema with these properties, of which the named ones are required.
Json Schema(Json properties, const std::vector<std::string>& required) {
  Json schema = {{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) schema["required"] = required;
  return schema;
}

}  // namespace

std::string_view RoleName(Role role) { return kRoles[static_cast<size_t>(role)]; }

std::optional<Role> RoleFromName(std::string_view name) { return Find<Role>(kRoles, name); }

std::string_view EffortName(ReasoningEffort effort) {
  return kEfforts[static_cast<size_t>(effort)];
}

std::optional<ReasoningEffort> EffortFromName(std::string_view name) {
  return Find<ReasoningEffort>(kEfforts, name);
}

ToolNamespace BrowserTool() {
  const Json string = {{"type", "string"}};
  const Json optional_number = {{"type", "number"}, {"default", -1}};
  const Json search = Schema(
      {{"query", string}, {"topn", {{"type", "number"}, {"default", 10}}}, {"source", string}},
      {"query"});
  const Json open = Schema({{"id", {{"type", Json::array({"number", "string"})}, {"default", -1}}},
                            {"cursor", optional_number},
                            {"loc", optional_number},
                            {"num_lines", optional_number},
                            {"view_source", {{"type", "boolean"}, {"default", false}}},
                            {"source", string}},
                           {});
  const Json find = Schema({{"pattern", string}, {"cursor", optional_number}}, {"pattern"});
  return {
      "browser",
      "Tool for browsing.\n"
      "The `cursor` appears in brackets before each browsing display: `[{cursor}]`.\n"
      "Cite information from the tool using the following format:\n"
      "`【{cursor}†L{line_start}(-L{line_end})?】`, for example: `【6†L9-L11】` or `【8†L3】`.\n"
      "Do not quote more than 10 words directly from the tool output.\n"
      "sources=web (default: web)",
      {{"search", "Searches for information related to `query` and displays `topn` results.",
        search},
       {"open",
        "Opens the link `id` from the page indicated by `cursor` starting at line number `loc`, "
        "showing `num_lines` lines.\n"
        "Valid link ids are displayed with the formatting: `【{id}†.*】`.\n"
        "If `cursor` is not provided, the most recent page is implied.\n"
        "If `id` is a string, it is treated as a fully qualified URL associated with `source`.\n"
        "If `loc` is not provided, the viewport will be positioned at the beginning of the "
        "document or centered on the most relevant passage, if available.\n"
        "Use this function without `id` to scroll to a new location of an opened page.",
        open},
       {"find",
        "Finds exact matches of `pattern` in the current page, or the page given by `cursor`.",
        find}}};
}

ToolNamespace PythonTool() {
  return {
      "python",
      "Use this tool to execute Python code in your chain of thought. The code will not be shown "
      "to the user. This tool should be used for internal reasoning, but not for code that is "
      "intended to be visible to the user (e.g. when creating plots, tables, or files).\n"
      "\n"
      "When you send a message containing Python code to python, it will be executed in a stateful "
      "Jupyter notebook environment. python will respond with the output of the execution or time "
      "out after 120.0 seconds. The drive at '/mnt/data' can be used to save and persist user "
      "files. Internet access for this session is UNKNOWN. Depends on the cluster.",
      {}};
}

SystemContent DefaultSystemContent() {
  SystemContent content;
  content.model_identity = "You are ChatGPT, a large language model trained by OpenAI.";
  content.reasoning_effort = ReasoningEffort::kMedium;
  content.knowledge_cutoff = "2024-06";
  content.channel_config = ChannelConfig{{"analysis", "commentary", "final"}, true};
  return content;
}

Message ToolAnswer(std::string recipient, std::string text) {
  Message message;
  message.role = Role::kTool;
  message.name = std::move(recipient);
  message.recipient = RoleName(Role::kAssistant);
  message.channel = kCommentary;
  message.content.emplace_back(std::move(text));
  return message;
}

std::string Message::Text() const {
  std::string text;
  for (const Content& part : content) {
    if (const auto* plain = std::get_if<std::string>(&part)) text += *plain;
  }
  return text;
}

}  // namespace fairlead

#include "chat/openai/completion_json.h"

namespace fairlead {
namespace {

void AddReasoning(const std::string& text, ReasoningKeys keys, Json& json) {
  if (text.empty()) return;
  if (keys == ReasoningKeys::kBoth || keys == ReasoningKeys::kReasoning) json["reasoning"] = text;
  if (keys == ReasoningKeys::kBoth || keys == ReasoningKeys::kReasoningContent) {
    json["reasoning_content"] = text;
  }
}

Json CallJson(const CompletionToolCall& call) {
  return {{"id", call.id},
          {"type", "function"},
          {"function", {{"name", call.name}, {"arguments", call.arguments}}}};
}

Json CallDeltaJson(const CompletionDelta::ToolCall& call) {
  Json json = {{"index", call.index}};
  Json function = Json::object();
  if (call.id) {
    json["id"] = *call.id;
    json["type"] = "function";
  }
  if (call.name) function["name"] = *call.name;
  function["arguments"] = call.arguments;
  json["function"] = std::move(function);
  return json;
}

}  // namespace

Json CompletionMessageJson(const CompletionMessage& message, ReasoningKeys keys) {
  Json json = {{"role", "assistant"}};
  json["content"] = message.content ? Json(*message.content) : Json(nullptr);
  AddReasoning(message.reasoning, keys, json);
  if (message.tool_calls.empty()) return json;
  Json calls = Json::array();
  for (const CompletionToolCall& call : message.tool_calls) calls.push_back(CallJson(call));
  json["tool_calls"] = std::move(calls);
  return json;
}

Json CompletionDeltaJson(const CompletionDelta& delta, ReasoningKeys keys) {
  Json json = Json::object();
  AddReasoning(delta.reasoning, keys, json);
  if (!delta.content.empty()) json["content"] = delta.content;
  if (delta.tool_call) json["tool_calls"] = Json::array({CallDeltaJson(*delta.tool_call)});
  return json;
}

Json FirstCompletionDeltaJson() { return {{"role", "assistant"}, {"content", ""}}; }

Json CompletionUsageJson(const CompletionUsage& usage) {
  return {{"prompt_tokens", usage.prompt_tokens},
          {"completion_tokens", usage.completion_tokens},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
          {"prompt_tokens_details", {{"cached_tokens", usage.cached_tokens}}},
          {"completion_tokens_details", {{"reasoning_tokens", usage.reasoning_tokens}}}};
}

}  // namespace fairlead

// Parsed messages and the deltas of a parser that would have read them.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "chat/chat_format.h"
#include "chat/openai/completion.h"

namespace fairlead::testing {

inline ParsedMessage Parsed(std::optional<std::string> channel, std::string text,
                            std::optional<std::string> recipient = std::nullopt,
                            Role role = Role::kAssistant) {
  ParsedMessage parsed;
  parsed.message.role = role;
  parsed.message.channel = std::move(channel);
  parsed.message.recipient = std::move(recipient);
  parsed.message.content.emplace_back(std::move(text));
  parsed.complete = true;
  return parsed;
}

// An answer read in one go, every message as one delta. With `cut_off`, the last message has no end
// of its own.
inline std::vector<CompletionDelta> Read(Completion& completion,
                                         const std::vector<ParsedMessage>& messages,
                                         FinishReason reason = FinishReason::kStop,
                                         bool cut_off = false) {
  std::vector<CompletionDelta> all;
  std::vector<MessageDelta> last;
  for (size_t i = 0; i < messages.size(); ++i) {
    const bool open = cut_off && i + 1 == messages.size();
    const std::vector<CompletionDelta> deltas =
        completion.Push({{i, messages[i].message.Text(), !open}}, messages);
    all.insert(all.end(), deltas.begin(), deltas.end());
    if (open) last.push_back({i, "", true});
  }
  const std::vector<CompletionDelta> deltas = completion.Finish(reason, last, messages);
  all.insert(all.end(), deltas.begin(), deltas.end());
  return all;
}

// What a client makes of deltas.
inline CompletionMessage Joined(const std::vector<CompletionDelta>& deltas) {
  CompletionMessage message;
  message.content = "";
  for (const CompletionDelta& delta : deltas) {
    message.reasoning += delta.reasoning;
    *message.content += delta.content;
    if (!delta.tool_call) continue;
    const CompletionDelta::ToolCall& call = *delta.tool_call;
    if (call.id) message.tool_calls.push_back({*call.id, call.name.value_or("")});
    message.tool_calls.at(call.index).arguments += call.arguments;
  }
  if (message.content->empty() && !message.tool_calls.empty()) message.content = std::nullopt;
  return message;
}

inline CallIds NumberedIds() {
  return [](size_t index) { return "call_" + std::to_string(index); };
}

}  // namespace fairlead::testing

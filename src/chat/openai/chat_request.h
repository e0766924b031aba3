// A request of the Chat Completions API as a conversation and what its answer may be.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "chat/chat_format.h"
#include "chat/conversation.h"

namespace fairlead {

struct ChatRequest {
  Conversation conversation;
  AnswerRules rules;
  // Whose calls the caller wants: all declared tools, or none with tool_choice "none".
  std::vector<std::string> callable;
};

// Reads "messages", "tools", "tool_choice", "reasoning_effort" (or "reasoning": {"effort"}),
// "parallel_tool_calls" and "response_format"; everything else is somebody else's. `system` is the
// system message but for what the request decides: its channels, and the effort where it names one.
// docs/harmony.md says what becomes of every kind of message. Errors are one line that names the
// path of what is wrong: kInvalidArgument, kUnsupported for what the API has and this has not.
Result<ChatRequest> ChatRequestFromJson(const Json& request, const SystemContent& system);

}  // namespace fairlead

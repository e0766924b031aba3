// Where a model's message goes in an answer of the OpenAI APIs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "chat/conversation.h"

namespace fairlead {

struct Destination {
  enum class Kind { kReasoning, kContent, kToolCall };

  Kind kind = Kind::kContent;
  std::string tool;      // kToolCall: what the API calls it, always a valid tool name
  bool declared = true;  // kToolCall: whether the caller knows it
};

// `tools` are the recipients whose calls the caller wants ("functions.get_weather", "python"); with
// none, nothing becomes a call. Every message has a destination, whatever its header says:
// docs/harmony.md has the rules.
Destination DestinationOf(const Message& message, const std::vector<std::string>& tools);

// The name that the APIs give to the tool with this recipient: without "functions.".
std::string_view ToolNameOf(std::string_view recipient);

// Whether `name` is what the APIs allow as a tool's: 1 to 64 letters, digits, '_', '-' or '.'.
bool IsToolName(std::string_view name);

}  // namespace fairlead

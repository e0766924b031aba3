// An answer as the JSON of the Chat Completions API.
#pragma once

#include "base/json.h"
#include "chat/openai/completion.h"

namespace fairlead {

// Under which names reasoning is reported: clients look for one or the other.
enum class ReasoningKeys { kBoth, kReasoning, kReasoningContent, kNone };

// A chat.completion's `message`: {"role", "content", "reasoning", "reasoning_content",
// "tool_calls"}; reasoning and calls only where there are any.
Json CompletionMessageJson(const CompletionMessage& message,
                           ReasoningKeys keys = ReasoningKeys::kBoth);

// A chat.completion.chunk's `delta`; {} for one that only has a finish_reason.
Json CompletionDeltaJson(const CompletionDelta& delta, ReasoningKeys keys = ReasoningKeys::kBoth);

// The `delta` of the first chunk, which only names the role.
Json FirstCompletionDeltaJson();

// `usage`, with prompt_tokens_details.cached_tokens and
// completion_tokens_details.reasoning_tokens.
Json CompletionUsageJson(const CompletionUsage& usage);

}  // namespace fairlead

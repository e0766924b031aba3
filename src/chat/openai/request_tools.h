// The parts of a Chat Completions request that are about tools.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "chat/chat_format.h"
#include "chat/conversation.h"
#include "chat/openai/request_value.h"

namespace fairlead {

// "tools": functions with names of their own, which none of `built_in` (recipients) has; none when
// absent.
Result<std::vector<Tool>> ReadTools(const RequestValue& tools,
                                    const std::vector<std::string>& built_in);

// "tool_choice" among rules.tools: sets rules.tool_choice, and narrows rules.tools where one
// function is named.
Status ReadToolChoice(const RequestValue& choice, AnswerRules& rules);

// The recipient that the API calls `name`: one of `built_in`, or else a function.
std::string RecipientOf(std::string_view name, const std::vector<std::string>& built_in);

}  // namespace fairlead

// Conversations from JSON, in the form of openai-harmony's Conversation.to_json().
#pragma once

#include "base/error.h"
#include "base/json.h"
#include "chat/conversation.h"

namespace fairlead {

// {"messages": [...]}; a missing key means none. kInvalidArgument names the member that is wrong.
Result<Conversation> ConversationFromJson(const Json& json);

}  // namespace fairlead

// Messages as JSON, in the form of openai-harmony's Message.to_dict().
#pragma once

#include "base/json.h"
#include "chat/conversation.h"

namespace fairlead {

// {"role", "name", "content": [{"type": "text", "text"}], "channel", "recipient", "content_type"};
// what a message does not have is left out, but for "name", which is then null.
Json MessageToJson(const Message& message);

}  // namespace fairlead

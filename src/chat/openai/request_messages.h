// The messages of a Chat Completions request.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "chat/conversation.h"
#include "chat/openai/request_value.h"

namespace fairlead {

struct RequestMessages {
  // Of system and developer messages, wherever they stand: in order, a blank line between them.
  std::string instructions;
  std::vector<Message> messages;  // everything else
};

// `built_in` are the recipients of tools that are not functions.
Result<RequestMessages> ReadMessages(const RequestValue& messages,
                                     const std::vector<std::string>& built_in);

// What ReadMessages makes of a message that an answer held, once the client has sent it back: the
// channel, the type of the content and the author's name are not among the things that it can say.
// Not of several messages that the APIs deliver as one.
Message AsResent(const Message& message);

}  // namespace fairlead

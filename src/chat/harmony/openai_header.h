// A header as openai-harmony reads it.
#pragma once

#include <optional>
#include <string_view>

#include "base/error.h"
#include "chat/conversation.h"

namespace fairlead {

// The message that the header `text` announces, with one empty text. `role` is what was given
// before the header began. kInvalidData for what openai-harmony refuses.
Result<Message> ReadOpenAiHeader(std::string_view text, std::optional<Role> role);

// The same for a header without <|message|>: the words that are not its role or channel are its
// text, with one space between them.
Result<Message> ReadOpenAiHeaderAsText(std::string_view text, std::optional<Role> role);

}  // namespace fairlead

// Conversations in the ids that the model wrote, where these are known and mean the same.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "chat/chat_format.h"
#include "chat/transcript_map.h"

namespace fairlead {

// What becomes of an answer's message when the client sends it back: clients of some APIs cannot
// say everything that a header says. None: they send what the model said.
using Resent = std::function<Message(const Message&)>;

// Renders as `format` does, then puts the ids that were recorded in place of every assistant
// message, where parsing them gives what the client sends as exactly this message and nothing had
// to be repaired. The spans are those of what is returned. Without a map (nullptr), and for
// training, it is Render.
Result<RenderedConversation> RenderWithReplay(const ChatFormat& format, TranscriptMap* map,
                                              std::string_view scope,
                                              const Conversation& conversation,
                                              const RenderOptions& options,
                                              const Resent& resent = {});

// Records how the model wrote `answer` (all messages of a finished parser that was given `ids`) to
// what `before` says. A message that can not be written otherwise, or that had to be repaired, is
// left out. Errors are Render's.
Status RecordAnswer(const ChatFormat& format, TranscriptMap& map, std::string_view scope,
                    const Conversation& before, const std::vector<ParsedMessage>& answer,
                    std::span<const int32_t> ids, const Resent& resent = {});

}  // namespace fairlead

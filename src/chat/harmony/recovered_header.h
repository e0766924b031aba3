// What a header says, however it is written: docs/harmony.md has the rules.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/chat_format.h"
#include "chat/conversation.h"

namespace fairlead {

// What is known about a header before it is read.
struct HeaderContext {
  std::optional<Role> role = std::nullopt;  // given by who asked for the message
  Role default_role = Role::kAssistant;     // of a header that names none
  bool started = true;                      // by <|start|> or a given role
};

struct RecoveredHeader {
  Message message = {};  // its content is one empty text
  std::vector<Repair> repairs = {};
  std::string leftover = {};  // words that have no place in a header, with one space between them
  // What begins with '{' behind a recipient, as it is written: content, if no other follows.
  std::string arguments = {};
  size_t end = 0;  // where the content begins
};

// In the texts of these, markers that are special tokens have kTokenByte before their names.

// Of a header that <|message|> ends: all of `text` is header, and markers count however they are
// spelled.
RecoveredHeader ReadClosedHeader(std::string_view text, const HeaderContext& context);

// Of a header that nothing ends: from the first word on that is no part of a header, `text` is
// content, and all of it when it has no header. Only special tokens count as markers. Only parts of
// headers are left over, those that contradict others.
RecoveredHeader ReadOpenHeader(std::string_view text, const HeaderContext& context);

// Of a header that lost its markers and so became the end of a content, "...assistantfinal".
// nullopt when `content` does not end in one that names a channel.
std::optional<RecoveredHeader> ReadHeaderAtEnd(std::string_view content);

}  // namespace fairlead

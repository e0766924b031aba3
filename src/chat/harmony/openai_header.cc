#include "chat/harmony/openai_header.h"

#include <fmt/ranges.h>

#include <string>
#include <utility>
#include <vector>

#include "chat/harmony/header.h"

namespace fairlead {
namespace {

template <typename... Args>
tl::unexpected<Error> Malformed(fmt::format_string<Args...> format, Args&&... args) {
  return Fail(ErrorCode::kInvalidData, "harmony", "header: {}",
              fmt::format(format, std::forward<Args>(args)...));
}

// Cuts the first channel marker and its value out of `header`.
Result<std::optional<std::string>> CutChannel(std::string& header) {
  const size_t marker = header.find(kChannelMarker);
  if (marker == std::string::npos) return std::nullopt;
  const size_t begin = marker + kChannelMarker.size();
  const size_t length = ChannelNameLength(std::string_view(header).substr(begin));
  if (length == 0) return Malformed("expected a channel behind its marker, got none");
  std::string channel = header.substr(begin, length);
  header.erase(marker, kChannelMarker.size() + length);
  return channel;
}

std::string SeparateContentType(std::string_view header) {
  std::string separated;
  for (size_t marker; (marker = header.find(kConstrainMarker)) != std::string_view::npos;) {
    separated.append(header.substr(0, marker)).append(" ").append(kConstrainMarker);
    header.remove_prefix(marker + kConstrainMarker.size());
  }
  return separated.append(header);
}

std::vector<std::string> SplitAtAsciiSpaces(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\n\f\r";
  std::vector<std::string> words;
  for (size_t begin; (begin = text.find_first_not_of(kSpaces)) != std::string_view::npos;) {
    text.remove_prefix(begin);
    const std::string_view word = text.substr(0, text.find_first_of(kSpaces));
    words.emplace_back(word);
    text.remove_prefix(word.size());
  }
  return words;
}

// Takes the role off the front of `words`.
Status TakeRole(std::vector<std::string>& words, std::optional<Role> given, Message& message) {
  if (given) {
    message.role = *given;
  } else if (words.empty()) {
    return Malformed("expected a role, got none");
  } else {
    const std::string word = words.front();
    const auto role = RoleFromName(word);
    // What is no role speaks as a tool of that name, if it says anything else.
    if (!role && words.size() == 1 && !word.starts_with(kRecipientPrefix)) {
      return Malformed("expected a role, got {}", Quoted(word));
    }
    if (!role) words.erase(words.begin());
    message.role = role.value_or(Role::kTool);
    if (message.role == Role::kTool) message.name = word;
  }
  if (!words.empty() && words.front() == RoleName(message.role)) words.erase(words.begin());
  return {};
}

std::string WithoutTo(std::string_view word) {
  if (word.starts_with(kRecipientPrefix)) word.remove_prefix(kRecipientPrefix.size());
  return std::string(word);
}

// Takes the recipient and the content type off the end of `words`.
void TakeRecipientAndType(std::vector<std::string>& words, Message& message) {
  if (words.empty()) return;
  if (words.size() > 1 && !words.back().starts_with(kRecipientPrefix)) {
    message.content_type = std::move(words.back());
    words.pop_back();
  }
  message.recipient = WithoutTo(words.back());
  words.pop_back();
}

// The words that are left are in `words`.
Result<Message> ReadRoleAndChannel(std::string_view text, std::optional<Role> role,
                                   std::vector<std::string>& words) {
  std::string header(text);
  Message message;
  FAIRLEAD_ASSIGN_OR_RETURN(message.channel, CutChannel(header));
  words = SplitAtAsciiSpaces(TrimWhiteSpace(SeparateContentType(TrimWhiteSpace(header))));
  FAIRLEAD_RETURN_IF_ERROR(TakeRole(words, role, message));
  message.content.emplace_back(std::string());
  return message;
}

}  // namespace

Result<Message> ReadOpenAiHeader(std::string_view text, std::optional<Role> role) {
  std::vector<std::string> words;
  FAIRLEAD_ASSIGN_OR_RETURN(Message message, ReadRoleAndChannel(text, role, words));
  TakeRecipientAndType(words, message);
  if (!words.empty()) {
    return Malformed("expected nothing else, got {}",
                     Quoted(fmt::format("{}", fmt::join(words, " "))));
  }
  return message;
}

Result<Message> ReadOpenAiHeaderAsText(std::string_view text, std::optional<Role> role) {
  std::vector<std::string> words;
  FAIRLEAD_ASSIGN_OR_RETURN(Message message, ReadRoleAndChannel(text, role, words));
  message.content = {fmt::format("{}", fmt::join(words, " "))};
  return message;
}

}  // namespace fairlead

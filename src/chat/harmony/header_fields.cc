#include "chat/harmony/header_fields.h"

#include <algorithm>
#include <utility>

#include "chat/harmony/header.h"
#include "chat/harmony/words.h"

namespace fairlead {
namespace {

// The tools of gpt-oss whose names have no namespace.
constexpr std::string_view kBareTools[] = {"python", "browser"};

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool IsNameCharacter(char c) {
  return IsLetter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

bool IsPart(std::string_view word) {
  return IsKnownChannel(word) || RoleFromName(word) || word.starts_with(kRecipientPrefix);
}

}  // namespace

bool IsKnownChannel(std::string_view word) {
  return std::ranges::find(kKnownChannels, word) != kKnownChannels.end();
}

std::optional<std::string_view> MeantChannel(std::string_view word) {
  word = word.substr(0, word.find_last_not_of(".,:;!?") + 1);
  const auto same = [](char a, char b) { return (IsLetter(a) ? a | 0x20 : a) == b; };
  for (const std::string_view channel : kKnownChannels) {
    if (std::ranges::equal(word, channel, same)) return channel;
  }
  return std::nullopt;
}

bool LooksLikeChannel(std::string_view word) {
  return !word.empty() && std::ranges::all_of(word, IsNameCharacter);
}

bool IsKnownContentType(std::string_view word) {
  return std::ranges::find(kKnownTypes, word) != std::end(kKnownTypes);
}

std::string_view WithoutConstrain(std::string_view type) {
  if (type.starts_with(kConstrainMarker)) type.remove_prefix(kConstrainMarker.size());
  return type;
}

bool LooksLikeTool(std::string_view word) {
  if (std::ranges::find(kBareTools, word) != std::end(kBareTools)) return true;
  const size_t dot = word.find('.');
  return dot != std::string_view::npos && IsLetter(word.front()) && dot + 1 < word.size() &&
         IsNameCharacter(word[dot + 1]) && word.back() != '.' &&
         std::ranges::all_of(word, IsNameCharacter);
}

size_t ContentTypeLength(std::string_view word) {
  const auto end = std::ranges::find_if_not(
      word, [](char c) { return IsNameCharacter(c) || c == '/' || c == '+'; });
  return static_cast<size_t>(end - word.begin());
}

bool LooksLikeContentType(std::string_view word) {
  return !word.empty() && ContentTypeLength(word) == word.size();
}

size_t RecipientLength(std::string_view word) {
  constexpr std::string_view kReplacement = "\uFFFD";
  word = word.substr(
      0, std::min({word.find_first_of(kNameEnds), word.find(kReplacement), word.size()}));
  while (word.ends_with(':')) word.remove_suffix(1);
  return word.size();
}

size_t GluedLength(std::string_view word) {
  const auto glued = [&](std::string_view first) {
    if (!word.starts_with(first) || word.size() == first.size()) return false;
    const std::string_view rest = word.substr(first.size());
    return IsPart(rest) || GluedLength(rest) > 0;
  };
  for (const std::string_view channel : kKnownChannels) {
    if (glued(channel)) return channel.size();
    if (word.starts_with(channel) && IsKnownContentType(word.substr(channel.size()))) {
      return channel.size();
    }
  }
  for (const Role role :
       {Role::kSystem, Role::kDeveloper, Role::kUser, Role::kAssistant, Role::kTool}) {
    if (glued(RoleName(role))) return RoleName(role).size();
  }
  return 0;
}

std::optional<std::string> NameOfAuthor(Role role) {
  if (role != Role::kTool) return std::nullopt;
  return std::string(RoleName(role));
}

void HeaderFields::Note(std::string_view kind, std::string_view text) {
  repairs_.push_back({std::string(kind), std::string(text)});
}

void HeaderFields::SetRole(Role role, std::optional<std::string> name) {
  role_ = role;
  message_.name = std::move(name);
}

void HeaderFields::SetChannel(std::string_view channel) {
  if (!LooksLikeChannel(channel)) {
    Note("unknown channel", channel);
    return AddLeftover(channel);
  }
  if (!message_.channel) {
    message_.channel = channel;
    return;
  }
  Note("repeated channel", channel);
  if (*message_.channel == channel) return;
  // The model's second thought counts, unless it is no channel.
  if (IsKnownChannel(channel)) {
    AddLeftover(*message_.channel);
    message_.channel = channel;
  } else {
    AddLeftover(channel);
  }
}

void HeaderFields::SetRecipient(std::string_view recipient) {
  if (recipient.empty()) {
    Note("empty recipient", "");
    return;
  }
  if (message_.recipient) {
    Note("repeated recipient", recipient);
    if (*message_.recipient != recipient) AddLeftover(*message_.recipient);
  }
  message_.recipient = recipient;
}

void HeaderFields::SetContentType(std::string_view type) {
  if (!message_.content_type) {
    message_.content_type = type;
    return;
  }
  const std::string_view value = WithoutConstrain(type);
  Note("repeated content type", value);
  if (WithoutConstrain(*message_.content_type) != value) AddLeftover(value);
}

void HeaderFields::AddLeftover(std::string_view word) {
  if (!leftover_.empty()) leftover_ += ' ';
  leftover_ += word;
}

void HeaderFields::FillRole() {
  if (!context_.started) {
    Note("missing start", "");
  } else if (!role_) {
    Note("missing role", "");
  }
  if (!role_) SetRole(context_.default_role, NameOfAuthor(context_.default_role));
  message_.role = *role_;
}

void HeaderFields::FillChannel() {
  if (message_.channel) {
    if (!IsKnownChannel(*message_.channel)) Note("unknown channel", *message_.channel);
  } else if (message_.role == Role::kAssistant) {
    Note("missing channel", "");
    message_.channel = message_.recipient ? kCommentary : kFinal;
  }
}

RecoveredHeader HeaderFields::Finish() {
  FillRole();
  FillChannel();
  message_.content.emplace_back(std::string());
  return {std::move(message_), std::move(repairs_), std::move(leftover_), {}, 0};
}

}  // namespace fairlead

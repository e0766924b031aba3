#include <algorithm>

#include "chat/harmony/header.h"
#include "chat/harmony/header_fields.h"
#include "chat/harmony/recovered_header.h"

namespace fairlead {
namespace {

size_t KnownChannelPrefix(std::string_view word) {
  for (const std::string_view channel : kKnownChannels) {
    if (word.starts_with(channel)) return channel.size();
  }
  return 0;
}

// Whether a word says of itself what it is.
bool IsHeaderWord(const std::optional<HeaderWord>& word) {
  return word &&
         (word->kind != HeaderWord::Kind::kPlain || word->value.starts_with(kRecipientPrefix));
}

// Takes words as long as they can only be a header's. Each Take gives the bytes that it took; when
// that is not the whole word, the content begins there.
class OpenHeader {
 public:
  explicit OpenHeader(const HeaderContext& context) : fields_(context) {
    if (context.role) fields_.SetRole(*context.role);
  }

  // `announced`: what follows the word can only be a header's.
  size_t Take(const HeaderWord& word, bool announced) {
    if (word.kind == HeaderWord::Kind::kChannel)
      return word.marker.size() + TakeChannel(word.value);
    if (word.kind == HeaderWord::Kind::kConstrain) {
      return word.marker.size() + TakeContentType(word.value, kConstrainMarker);
    }
    return TakePlain(word.value, announced);
  }

  RecoveredHeader Finish() { return fields_.Finish(); }

 private:
  size_t TakeChannel(std::string_view name);
  size_t TakeContentType(std::string_view value, std::string_view marker);
  size_t TakePlain(std::string_view word, bool announced);
  size_t TakeRecipient(std::string_view word);
  bool TakeRole(std::string_view word, bool announced);

  HeaderFields fields_;
  bool expects_channel_ = false;
  bool expects_type_ = false;
  bool first_ = true;        // no word has been taken
  bool after_role_ = false;  // the last one was a role
};

size_t OpenHeader::TakeChannel(std::string_view name) {
  first_ = after_role_ = false;
  if (name.empty()) {
    fields_.Note("empty channel", "");
    expects_channel_ = true;
    return 0;
  }
  if (const auto meant = MeantChannel(name); meant && !name.starts_with(*meant)) {
    fields_.Note("misspelled channel", name.substr(0, meant->size()));
    fields_.SetChannel(*meant);
    return meant->size();
  }
  const size_t known = KnownChannelPrefix(name);
  if (known == 0) {
    fields_.Note("unknown channel", name);
    return 0;
  }
  fields_.SetChannel(name.substr(0, known));
  if (known == name.size()) return known;
  fields_.Note("glued words", name);
  return GluedLength(name) == known ? known + TakePlain(name.substr(known), true) : known;
}

size_t OpenHeader::TakeContentType(std::string_view value, std::string_view marker) {
  first_ = after_role_ = false;
  const size_t length = ContentTypeLength(value);
  if (length == 0) {
    fields_.Note("empty content type", "");
    expects_type_ = value.empty();
  } else {
    fields_.SetContentType(fmt::format("{}{}", marker, value.substr(0, length)));
  }
  return length;
}

size_t OpenHeader::TakePlain(std::string_view word, bool announced) {
  if (word.starts_with(kRecipientPrefix)) return TakeRecipient(word);
  if (const size_t glued = GluedLength(word)) {
    const size_t taken = TakePlain(word.substr(0, glued), true);
    if (taken < glued) return taken;
    fields_.Note("glued words", word);
    return glued + TakePlain(word.substr(glued), announced);
  }
  if (TakeRole(word, announced)) return word.size();
  if (IsKnownChannel(word) && (expects_channel_ || after_role_) && !fields_.channel()) {
    if (!expects_channel_) fields_.Note("missing channel marker", word);
    expects_channel_ = after_role_ = false;
    fields_.SetChannel(word);
    return word.size();
  }
  if (expects_type_) {
    expects_type_ = false;
    return TakeContentType(word, kConstrainMarker);
  }
  if (fields_.recipient() && !fields_.content_type() &&
      IsKnownContentType(word.substr(0, ContentTypeLength(word)))) {
    return TakeContentType(word, "");
  }
  return 0;
}

size_t OpenHeader::TakeRecipient(std::string_view word) {
  first_ = after_role_ = false;
  word.remove_prefix(kRecipientPrefix.size());
  const size_t length = RecipientLength(word);
  fields_.SetRecipient(word.substr(0, length));
  return kRecipientPrefix.size() + length;
}

// A text may well begin with the word "user" or "system". It is a role where one has to be, and
// where the rest of a header follows.
bool OpenHeader::TakeRole(std::string_view word, bool announced) {
  const auto role = RoleFromName(word);
  if (!role || (fields_.role() && *fields_.role() != *role)) return false;
  const bool expected = first_ && fields_.context().started && !fields_.role();
  if (!expected && !announced) return false;
  if (!fields_.role()) fields_.SetRole(*role, NameOfAuthor(*role));
  first_ = false;
  after_role_ = true;
  return true;
}

}  // namespace

RecoveredHeader ReadOpenHeader(std::string_view text, const HeaderContext& context) {
  OpenHeader header(context);
  size_t end = 0;  // of what is taken
  auto word = NextHeaderWord(text, 0, MarkerKind::kToken);
  while (word) {
    const auto next = NextHeaderWord(text, word->end(), MarkerKind::kToken);
    const size_t taken = header.Take(*word, IsHeaderWord(next));
    if (taken > 0) end = word->begin + taken;
    if (taken < word->size()) break;
    // White space between a header and its content belongs to the header.
    end = next ? next->begin : text.size();
    word = next;
  }
  RecoveredHeader read = header.Finish();
  read.end = end;
  return read;
}

}  // namespace fairlead

#include <algorithm>
#include <utility>

#include "chat/harmony/header.h"
#include "chat/harmony/header_fields.h"
#include "chat/harmony/recovered_header.h"

namespace fairlead {
namespace {

// A role's name, or that and an author's name behind a colon.
struct NamedRole {
  Role role;
  std::optional<std::string> name;
};

std::optional<NamedRole> ReadRole(std::string_view word) {
  if (const auto role = RoleFromName(word)) return NamedRole{*role, NameOfAuthor(*role)};
  const size_t colon = word.find(':');
  if (colon == std::string_view::npos || colon + 1 == word.size()) return std::nullopt;
  const auto role = RoleFromName(word.substr(0, colon));
  if (!role) return std::nullopt;
  return NamedRole{*role, std::string(word.substr(colon + 1))};
}

// Sorts the words of a header: first those that say what they are, then the others by what is
// still missing.
class ClosedHeader {
 public:
  explicit ClosedHeader(const HeaderContext& context) : fields_(context) {}

  void Take(const HeaderWord& word) {
    if (word.kind == HeaderWord::Kind::kChannel) return TakeChannel(word.value);
    if (word.kind == HeaderWord::Kind::kConstrain) return TakeContentType(word.value);
    TakePlain(word.value);
  }

  RecoveredHeader Finish() {
    FindRole();
    for (size_t i = 0; i < bare_.size(); ++i) Place(bare_[i], i + 1 == bare_.size());
    return fields_.Finish();
  }

 private:
  // A word that does not say what it is.
  struct Bare {
    std::string text;
    bool after_recipient;
  };

  void TakeChannel(std::string_view name);
  bool TakeMisspelledChannel(std::string_view word);
  void TakeContentType(std::string_view value);
  void TakePlain(std::string_view word);
  void TakeRecipient(std::string_view recipient);

  void FindRole();
  void TakeUnknownRole();
  void Place(const Bare& word, bool last);

  HeaderFields fields_;
  std::vector<Bare> bare_;
  // Markers that white space separates from what they announce.
  bool expects_channel_ = false;
  bool expects_type_ = false;
};

void ClosedHeader::TakeChannel(std::string_view name) {
  if (name.empty()) {
    fields_.Note("empty channel", "");
    expects_channel_ = true;
    return;
  }
  if (const size_t first = GluedLength(name)) {
    fields_.Note("glued words", name);
    fields_.SetChannel(name.substr(0, first));
    return TakePlain(name.substr(first));
  }
  if (!TakeMisspelledChannel(name)) fields_.SetChannel(name);
}

// False for a channel that is spelled right, and for what is none.
bool ClosedHeader::TakeMisspelledChannel(std::string_view word) {
  const auto channel = MeantChannel(word);
  if (!channel || word == *channel) return false;
  fields_.Note("misspelled channel", word);
  fields_.SetChannel(*channel);
  if (channel->size() < word.size()) fields_.AddLeftover(word.substr(channel->size()));
  return true;
}

void ClosedHeader::TakeContentType(std::string_view value) {
  if (value.empty()) {
    fields_.Note("empty content type", "");
    expects_type_ = true;
    return;
  }
  if (!LooksLikeContentType(value)) return fields_.AddLeftover(value);
  fields_.SetContentType(fmt::format("{}{}", kConstrainMarker, value));
}

void ClosedHeader::TakePlain(std::string_view word) {
  if (word.starts_with(kRecipientPrefix)) {
    return TakeRecipient(word.substr(kRecipientPrefix.size()));
  }
  if (const size_t first = GluedLength(word)) {
    fields_.Note("glued words", word);
    TakePlain(word.substr(0, first));
    return TakePlain(word.substr(first));
  }
  if (std::exchange(expects_channel_, false)) {
    if (IsKnownChannel(word)) return fields_.SetChannel(word);
    if (TakeMisspelledChannel(word)) return;
  }
  if (std::exchange(expects_type_, false)) return TakeContentType(word);
  bare_.push_back({std::string(word), fields_.recipient().has_value()});
}

void ClosedHeader::TakeRecipient(std::string_view recipient) {
  // A name in quotes has junk on both sides.
  const std::string_view quotes = recipient.substr(0, recipient.find_first_not_of("\"'`"));
  recipient.remove_prefix(quotes.size());
  const size_t length = RecipientLength(recipient);
  fields_.SetRecipient(recipient.substr(0, length));
  for (const std::string_view junk : {quotes, recipient.substr(length)}) {
    if (junk.empty()) continue;
    fields_.Note("recipient junk", junk);
    bare_.push_back({std::string(junk), false});
  }
}

void ClosedHeader::FindRole() {
  if (const auto given = fields_.context().role) {
    fields_.SetRole(*given);
    if (!bare_.empty() && bare_.front().text == RoleName(*given)) bare_.erase(bare_.begin());
    return;
  }
  if (bare_.empty()) return;
  if (auto role = ReadRole(bare_.front().text)) {
    fields_.SetRole(role->role, std::move(role->name));
    bare_.erase(bare_.begin());
  } else if (fields_.context().started) {
    TakeUnknownRole();
  }
}

// Tools speak under their own names. What is no tool's name is a role gone wrong or the beginning
// of a text: what a model says behind it must not be taken for a tool's answer, and the word itself
// must not hide in a name.
void ClosedHeader::TakeUnknownRole() {
  const std::string word = bare_.front().text;
  if (MeantChannel(word) || IsKnownContentType(word)) return;
  const auto& recipient = fields_.recipient();
  const bool answers = recipient && !LooksLikeTool(*recipient);
  if (!answers) fields_.Note("unknown role", word);
  bare_.erase(bare_.begin());
  if (answers || (!recipient && LooksLikeTool(word))) return fields_.SetRole(Role::kTool, word);
  const Role role = fields_.context().default_role;
  fields_.SetRole(role, NameOfAuthor(role));
  fields_.AddLeftover(word);
}

void ClosedHeader::Place(const Bare& word, bool last) {
  const std::string& text = word.text;
  const bool is_tool = fields_.role() == Role::kTool;
  if (IsKnownChannel(text) && !fields_.channel()) {
    fields_.Note("missing channel marker", text);
    fields_.SetChannel(text);
  } else if (!fields_.channel() && TakeMisspelledChannel(text)) {
    return;
  } else if (text == kFinal && !fields_.recipient()) {
    fields_.SetChannel(text);  // rather an answer too many than one that nobody sees
  } else if (fields_.role() && text == RoleName(*fields_.role())) {
    fields_.Note("repeated role", text);
  } else if (IsKnownContentType(text) || (!fields_.content_type() && word.after_recipient && last &&
                                          LooksLikeContentType(text))) {
    if (fields_.recipient() && !word.after_recipient) {
      fields_.Note("misplaced content type", text);
    }
    fields_.SetContentType(text);
  } else if (!fields_.recipient() &&
             (is_tool ? RoleFromName(text).has_value()
                      : LooksLikeTool(text) && fields_.channel() != kFinal)) {
    fields_.Note("missing to", text);
    fields_.SetRecipient(text);
  } else {
    fields_.AddLeftover(text);
  }
}

RecoveredHeader ReadWords(std::string_view text, const HeaderContext& context) {
  ClosedHeader header(context);
  size_t position = 0;
  while (const auto word = NextHeaderWord(text, position, MarkerKind::kName)) {
    header.Take(*word);
    position = word->end();
  }
  return header.Finish();
}

struct Range {
  size_t begin;
  size_t end;
};

// What no recipient and no content type can be: from a '{' behind a recipient to the next marker.
std::optional<Range> FindArguments(std::string_view text, const HeaderContext& context) {
  size_t position = 0;
  while (const auto word = NextHeaderWord(text, position, MarkerKind::kToken)) {
    position = word->end();
    const size_t brace = word->value.find('{');
    if (brace == std::string_view::npos) continue;
    const size_t begin = word->begin + word->marker.size() + brace;
    const std::string before = WithoutTokenBytes(text.substr(0, begin));
    if (!ReadWords(before, context).message.recipient) continue;
    return Range{begin, std::min(text.find(kTokenByte, begin), text.size())};
  }
  return std::nullopt;
}

}  // namespace

RecoveredHeader ReadClosedHeader(std::string_view text, const HeaderContext& context) {
  RecoveredHeader read;
  if (const auto arguments = FindArguments(text, context)) {
    const std::string_view before = text.substr(0, arguments->begin);
    const std::string_view behind = text.substr(arguments->end);
    read = ReadWords(WithoutTokenBytes(fmt::format("{} {}", before, behind)), context);
    read.arguments = text.substr(arguments->begin, arguments->end - arguments->begin);
  } else {
    read = ReadWords(WithoutTokenBytes(text), context);
  }
  read.end = text.size();
  return read;
}

std::optional<RecoveredHeader> ReadHeaderAtEnd(std::string_view content) {
  constexpr size_t kLongest = 256;
  if (content.size() > kLongest) content.remove_prefix(content.size() - kLongest);
  const size_t begin = content.rfind(RoleName(Role::kAssistant));
  if (begin == std::string_view::npos) return std::nullopt;
  const std::string_view text = content.substr(begin);
  RecoveredHeader header = ReadClosedHeader(text, {});
  const bool understood = header.leftover.empty() && !header.message.name &&
                          std::ranges::none_of(header.repairs, [](const Repair& repair) {
                            return repair.kind == "missing channel";
                          });
  if (!understood) return std::nullopt;
  header.repairs = {{"header in content", std::string(text)}};
  return header;
}

}  // namespace fairlead

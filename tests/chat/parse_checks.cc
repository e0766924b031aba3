#include "tests/chat/parse_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "chat/harmony/parser.h"
#include "tokenizer/utf8.h"

namespace fairlead::testing {
namespace {

// All that a header says.
std::string HeaderOf(const Message& message) {
  const auto text = [](const std::optional<std::string>& field) {
    return field.value_or("(none)");
  };
  return fmt::format("{} {} {} {} {}", RoleName(message.role), text(message.name),
                     text(message.recipient), text(message.channel), text(message.content_type));
}

// Follows a stream of deltas as a server would.
class Stream {
 public:
  void Take(const std::vector<MessageDelta>& deltas, const std::vector<ParsedMessage>& messages) {
    const size_t unchanged = ended_;
    for (const MessageDelta& delta : deltas) {
      if (delta.message >= messages.size()) return Fail("a delta of no message");
      Take(delta, messages[delta.message].message);
    }
    Compare(messages, unchanged);
  }

  // The messages from `first` on are what was told about them.
  void Compare(const std::vector<ParsedMessage>& messages, size_t first) {
    if (messages.size() != texts_.size()) return Fail("a message without a delta");
    for (size_t i = first; i < messages.size(); ++i) {
      if (messages[i].message.Text() != texts_[i]) return Fail("deltas are not the text");
      if (HeaderOf(messages[i].message) != headers_[i]) return Fail("a header changed");
      if (messages[i].complete != (i < ended_)) return Fail("complete is not what was told");
    }
  }

  size_t ended() const { return ended_; }
  const std::string& violation() const { return violation_; }

 private:
  void Take(const MessageDelta& delta, const Message& message) {
    if (delta.message == texts_.size()) {
      if (ended_ != delta.message) return Fail("two open messages");
      texts_.emplace_back();
      headers_.push_back(HeaderOf(message));
    }
    if (delta.message + 1 != texts_.size() || delta.message < ended_) {
      return Fail("a delta of an ended message");
    }
    if (FindInvalidUtf8(delta.text)) return Fail("a delta that is not UTF-8");
    texts_.back() += delta.text;
    if (delta.ends) ++ended_;
  }
  void Fail(std::string_view what) {
    if (violation_.empty()) violation_ = what;
  }

  std::vector<std::string> texts_;
  std::vector<std::string> headers_;
  size_t ended_ = 0;
  std::string violation_;
};

// The text of some tokens: one piece for each part between harmony's tokens. Other tokens that are
// no text separate characters and not words.
std::vector<std::string> Runs(const Tokenizer& tokenizer, std::span<const int32_t> ids) {
  const HarmonyTokens harmony = FindHarmonyTokens(tokenizer).value();
  const std::set<int32_t> markers = {harmony.start,   harmony.channel,    harmony.constrain,
                                     harmony.message, harmony.end,        harmony.ret,
                                     harmony.call,    harmony.end_of_text};
  std::vector<std::string> runs = {{}};
  std::string bytes;
  for (const int32_t id : ids) {
    const auto token = tokenizer.TokenBytes(id);
    if (token && !tokenizer.IsSpecial(id)) {
      bytes += *token;
      continue;
    }
    AppendUtf8Lossy(std::exchange(bytes, {}), /*final=*/true, runs.back());
    if (markers.contains(id)) runs.emplace_back();
  }
  AppendUtf8Lossy(bytes, /*final=*/true, runs.back());
  std::erase(runs, "");
  return runs;
}

constexpr std::string_view kSpaces[] = {
    " ",      "\t",     "\n",     "\v",     "\f",     "\r",     "\u0085", "\u00A0", "\u1680",
    "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006", "\u2007", "\u2008",
    "\u2009", "\u200A", "\u2028", "\u2029", "\u202F", "\u205F", "\u3000"};

// With `markers`, their names separate words, too: in a header they count however they are spelled.
void SplitInto(std::string_view text, bool markers, std::vector<std::string>& words) {
  std::string word;
  const auto end_word = [&] {
    if (!word.empty()) words.push_back(std::exchange(word, {}));
  };
  while (!text.empty()) {
    size_t separator = 0;
    for (const std::string_view space : kSpaces) {
      if (text.starts_with(space)) separator = space.size();
    }
    for (const std::string_view marker : {"<|channel|>", "<|constrain|>"}) {
      if (markers && text.starts_with(marker)) separator = marker.size();
    }
    if (separator > 0) {
      end_word();
      text.remove_prefix(separator);
    } else {
      word += text.front();
      text.remove_prefix(1);
    }
  }
  end_word();
}

// For each place in `word`, how many bytes from there on are somewhere in `text`.
std::vector<size_t> LongestParts(std::string_view word, std::string_view text) {
  std::vector<size_t> longest(word.size());
  size_t length = 0;  // what is in the text without its first byte is in the text, too
  for (size_t i = 0; i < word.size(); ++i) {
    while (i + length < word.size() &&
           text.find(word.substr(i, length + 1)) != std::string_view::npos) {
      ++length;
    }
    longest[i] = length;
    if (length > 0) --length;
  }
  return longest;
}

// Whether `word` is made of `pieces` and of parts of `texts` alone.
bool IsMadeOf(std::string_view word, const std::vector<std::string>& pieces,
              const std::vector<std::string>& texts) {
  std::vector<size_t> longest(word.size());
  for (const std::string& text : texts) {
    const std::vector<size_t> parts = LongestParts(word, text);
    for (size_t i = 0; i < word.size(); ++i) longest[i] = std::max(longest[i], parts[i]);
  }
  std::vector<bool> reached(word.size() + 1);
  reached[0] = true;
  for (size_t i = 0; i < word.size(); ++i) {
    if (!reached[i]) continue;
    for (const std::string& piece : pieces) {
      if (word.substr(i).starts_with(piece)) reached[i + piece.size()] = true;
    }
    for (size_t length = 1; length <= longest[i]; ++length) reached[i + length] = true;
  }
  return reached.back();
}

// What the header fields of `messages` say, word by word.
std::vector<std::string> Said(std::span<const ParsedMessage> messages) {
  std::vector<std::string> said = {"to=", ":"};
  for (const ParsedMessage& parsed : messages) {
    const Message& message = parsed.message;
    said.emplace_back(RoleName(message.role));
    // A misspelled channel has letters in another case.
    for (const Repair& repair : parsed.repairs) {
      if (repair.kind != "misspelled channel") continue;
      said.push_back(repair.text.substr(0, message.channel.value_or("").size()));
    }
    for (const auto& field :
         {message.name, message.recipient, message.channel, message.content_type}) {
      if (field) SplitInto(*field, true, said);
    }
  }
  return said;
}

// Takes `content` off the end of `runs`: it is that end, byte for byte. False, and nothing is
// changed, when it is not.
bool CutOffEnd(std::vector<std::string>& runs, std::string_view content) {
  std::vector<std::string> left = runs;
  while (!content.empty()) {
    if (left.empty()) return false;
    std::string& run = left.back();
    const size_t taken = std::min(content.size(), run.size());
    if (!content.ends_with(std::string_view(run).substr(run.size() - taken))) return false;
    content.remove_suffix(taken);
    run.resize(run.size() - taken);
    if (run.empty()) left.pop_back();
  }
  runs = std::move(left);
  return true;
}

bool IsIn(const std::vector<std::string>& runs, std::string_view text) {
  return std::ranges::any_of(
      runs, [&](const std::string& run) { return run.find(text) != std::string::npos; });
}

bool HasRepair(const ParsedMessage& parsed, std::string_view kind) {
  return std::ranges::any_of(parsed.repairs,
                             [&](const Repair& repair) { return repair.kind == kind; });
}

std::string Joined(const std::vector<std::string>& runs) {
  std::string joined;
  for (const std::string& run : runs) joined += run;
  return joined;
}

// Whether a message without any header is without the white space that it begins with.
bool LosesLeadingSpace(const Tokenizer& tokenizer, const ParsedMessage& parsed,
                       std::span<const int32_t> ids) {
  if (!HasRepair(parsed, "missing message marker")) return false;
  const HarmonyTokens harmony = FindHarmonyTokens(tokenizer).value();
  const auto start = std::find(ids.rbegin(), ids.rend(), harmony.start);
  ids = ids.last(static_cast<size_t>(start - ids.rbegin()));
  for (const int32_t marker : {harmony.channel, harmony.constrain}) {
    if (std::ranges::find(ids, marker) != ids.end()) return false;
  }
  const std::string text = Joined(Runs(tokenizer, ids));
  const std::string content = parsed.message.Text();
  if (content.size() >= text.size()) return false;
  std::vector<std::string> header;
  SplitInto(std::string_view(text).substr(0, text.size() - content.size()), false, header);
  return header.empty();
}

// Whether everything that the tokens of `group` say is in it. All but the last are messages without
// tokens of their own.
bool SaysAll(const Tokenizer& tokenizer, std::span<const ParsedMessage> group,
             std::span<const int32_t> ids) {
  std::vector<std::string> runs = Runs(tokenizer, ids);
  const std::string content = group.back().message.Text();
  // Headers and the texts of messages without tokens of their own may be anywhere in these.
  std::vector<std::string> texts;
  for (const ParsedMessage& parsed : group.first(group.size() - 1)) {
    texts.push_back(parsed.message.Text());
  }
  if (!CutOffEnd(runs, content)) {
    // A header that became a text is without its markers and spaces.
    const bool header = HasRepair(group.back(), "cut off header");
    if (!header && !(HasRepair(group.back(), "arguments in header") && IsIn(runs, content))) {
      return false;
    }
    texts.push_back(content);
  }
  const std::string said_here = Joined(Runs(tokenizer, ids));
  for (const ParsedMessage& parsed : group) {
    if (!HasRepair(parsed, "missing message marker")) continue;
    if (said_here.find(parsed.message.Text()) == std::string::npos) return false;
  }
  const HarmonyTokens harmony = FindHarmonyTokens(tokenizer).value();
  const bool closed = std::ranges::find(ids, harmony.message) != ids.end();
  if (!closed && group.size() == 1 && LosesLeadingSpace(tokenizer, group.back(), ids)) return false;
  std::vector<std::string> words;
  for (const std::string& run : runs) SplitInto(run, /*markers=*/closed, words);
  const std::vector<std::string> said = Said(group);
  return std::ranges::all_of(words,
                             [&](const std::string& word) { return IsMadeOf(word, said, texts); });
}

bool SaysNothing(const Tokenizer& tokenizer, std::span<const int32_t> ids) {
  std::vector<std::string> words;
  for (const std::string& run : Runs(tokenizer, ids)) SplitInto(run, false, words);
  return words.empty();
}

std::string CheckNothingIsLost(const Tokenizer& tokenizer, std::span<const int32_t> ids,
                               std::span<const ParsedMessage> messages) {
  size_t position = 0;
  for (size_t begin = 0; begin < messages.size();) {
    size_t end = begin;
    while (end + 1 < messages.size() && messages[end].end_token == messages[begin].first_token) {
      ++end;
    }
    const size_t first = messages[begin].first_token;
    const size_t last = messages[end].end_token;
    if (first < position || last < first || last > ids.size()) return "tokens out of order";
    if (!SaysNothing(tokenizer, ids.subspan(position, first - position))) {
      return fmt::format("text before message {} is lost", begin);
    }
    if (!SaysAll(tokenizer, messages.subspan(begin, end + 1 - begin),
                 ids.subspan(first, last - first))) {
      return fmt::format("text of message {} is lost", end);
    }
    position = last;
    begin = end + 1;
  }
  return SaysNothing(tokenizer, ids.subspan(position)) ? "" : "text at the end is lost";
}

// A conversation has to go on with what was read.
std::string CheckRenderable(std::span<const ParsedMessage> messages, std::optional<Role> role) {
  for (const ParsedMessage& parsed : messages) {
    const Message& message = parsed.message;
    if (role != Role::kTool && message.role == Role::kTool && !message.name) {
      return "a tool without a name";
    }
  }
  return "";
}

}  // namespace

CheckedParse ParseAndCheck(const Tokenizer::Pointer& tokenizer, const HarmonyTokens& tokens,
                           std::span<const int32_t> ids, std::optional<Role> role) {
  const auto parser = NewHarmonyParser(tokenizer, tokens, role);
  Stream stream;
  for (const int32_t id : ids) stream.Take(parser->Push(id), parser->messages());
  stream.Take(parser->Finish(), parser->messages());
  stream.Compare(parser->messages(), 0);
  CheckedParse checked{.messages = parser->messages(), .violation = stream.violation()};
  if (checked.violation.empty() && stream.ended() != checked.messages.size()) {
    checked.violation = "a message without an end";
  }
  if (checked.violation.empty()) {
    checked.violation = CheckNothingIsLost(*tokenizer, ids, checked.messages);
  }
  if (checked.violation.empty()) {
    checked.violation = CheckRenderable(checked.messages, role);
  }
  return checked;
}

}  // namespace fairlead::testing

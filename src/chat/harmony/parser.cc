#include "chat/harmony/parser.h"

#include <limits>
#include <utility>

#include "chat/harmony/header.h"
#include "tokenizer/utf8.h"

namespace fairlead {
namespace {

// A well-formed header has at most four words. One that goes on is a text without a header, which
// should not wait for its end.
constexpr size_t kMostHeaderWords = 16;
constexpr size_t kMostHeaderBytes = 4096;

std::string& Text(ParsedMessage& parsed) {
  return std::get<std::string>(parsed.message.content.front());
}

// Who has larger numbers than an id can be gives the nearest id.
std::string NumberOf(int32_t token) {
  if (token == std::numeric_limits<int32_t>::max()) return fmt::format("{} or more", token);
  if (token == std::numeric_limits<int32_t>::min()) return fmt::format("{} or less", token);
  return fmt::to_string(token);
}

// The same thing many times over is told once.
void AddRepair(std::vector<Repair>& repairs, std::string_view kind, std::string_view text) {
  if (!repairs.empty() && repairs.back().kind == kind && repairs.back().text == text) return;
  repairs.push_back({std::string(kind), std::string(text)});
}

void MoveRepairs(std::vector<Repair>& from, std::vector<Repair>& to) {
  for (Repair& repair : from) to.push_back(std::move(repair));
  from.clear();
}

}  // namespace

HarmonyParser::HarmonyParser(Tokenizer::Pointer tokenizer, const HarmonyTokens& tokens,
                             std::optional<Role> role)
    : tokenizer_(std::move(tokenizer)), tokens_(tokens) {
  if (role) BeginHeader({.role = role, .default_role = *role});
}

std::vector<MessageDelta> HarmonyParser::Push(int32_t token) {
  const auto bytes = tokenizer_->TokenBytes(token);
  if (bytes && !tokenizer_->IsSpecial(token)) {
    AddBytes(*bytes);
  } else {
    FlushBytes();
    OnSpecial(token, bytes);
  }
  ++position_;
  if (state_ == HarmonyState::kContent) messages_.back().end_token = position_;
  return std::exchange(deltas_, {});
}

std::vector<MessageDelta> HarmonyParser::Finish() {
  FlushBytes();
  if (arguments_) TakeArguments(/*as_content=*/true);
  if (state_ == HarmonyState::kHeader && HeaderIsBlank() && !header_.context.started) {
    MoveRepairs(header_.repairs, carried_);
  } else if (state_ == HarmonyState::kHeader && position_ > 0) {
    BreakHeader();
  }
  if (state_ == HarmonyState::kContent) EndMessage(position_);
  state_ = HarmonyState::kExpectStart;
  if (!carried_.empty()) {
    RecoveredHeader header = ReadOpenHeader("", {.started = false});
    header.repairs = std::exchange(carried_, {});
    BeginMessage(std::move(header));
    EndMessage(position_);
  }
  return std::exchange(deltas_, {});
}

void HarmonyParser::OnSpecial(int32_t token, std::optional<std::string_view> name) {
  if (token == tokens_.start) {
    OnStart();
  } else if (token == tokens_.channel) {
    OnMarker(kChannelMarker);
  } else if (token == tokens_.constrain) {
    OnMarker(kConstrainMarker);
  } else if (token == tokens_.message) {
    OnMessage();
  } else if (tokens_.EndsMessage(token) || token == tokens_.end_of_text) {
    OnEnd(token);
  } else if (name) {
    Note("stray special token", *name);
  } else {
    Note("unknown token", NumberOf(token));
  }
}

void HarmonyParser::OnStart() {
  if (arguments_) TakeArguments(/*as_content=*/true);
  if (state_ == HarmonyState::kHeader && HeaderIsBlank()) {
    // The header begins again, and with it the role can be another.
    header_.text.clear();
    if (header_.context.started) Note("repeated start", TokenName(tokens_.start));
    header_.context = {.default_role = header_.context.default_role};
    return;
  }
  if (state_ == HarmonyState::kHeader) {
    BreakHeader();
  } else if (state_ == HarmonyState::kContent) {
    Note("missing end", "");
  }
  if (state_ == HarmonyState::kContent) EndMessage(position_);
  BeginHeader({});
}

void HarmonyParser::OnMarker(std::string_view marker) {
  if (arguments_ && marker != kChannelMarker) return Note("stray marker", marker);
  if (arguments_) TakeArguments(/*as_content=*/true);
  if (state_ == HarmonyState::kContent) {
    if (marker != kChannelMarker) return Note("stray marker", marker);
    Note("missing end", "");
    const Role speaker = messages_.back().message.role;
    EndMessage(position_);
    BeginBareHeader(speaker);
  }
  if (state_ == HarmonyState::kExpectStart) BeginBareHeader(Role::kAssistant);
  AddToHeader(fmt::format("{}{}", kTokenByte, marker));
}

void HarmonyParser::OnMessage() {
  if (arguments_) return Note("repeated message marker", TokenName(tokens_.message));
  if (state_ == HarmonyState::kExpectStart) BeginBareHeader(Role::kAssistant);
  if (state_ == HarmonyState::kHeader) return CloseHeader();
  auto header = ReadHeaderAtEnd(Text(messages_.back()));
  if (!header) return Note("repeated message marker", TokenName(tokens_.message));
  Note("missing end", "");
  EndMessage(position_);
  header_.first_token = position_;
  BeginMessage(std::move(*header));
}

void HarmonyParser::OnEnd(int32_t token) {
  if (arguments_) TakeArguments(/*as_content=*/true);
  if (state_ == HarmonyState::kHeader && HeaderIsBlank() && !header_.context.started) {
    // White space between messages, and no header at all.
    MoveRepairs(header_.repairs, carried_);
    state_ = HarmonyState::kExpectStart;
  }
  if (state_ == HarmonyState::kExpectStart) return Note("stray end", TokenName(token));
  if (state_ == HarmonyState::kHeader) OpenContent();
  if (token == tokens_.end_of_text) Note("end of text", TokenName(token));
  EndMessage(position_ + 1);
}

void HarmonyParser::AddBytes(std::string_view bytes) {
  pending_ += bytes;
  std::string text;
  const size_t decoded = AppendUtf8Lossy(pending_, /*final=*/false, text);
  const bool broken = std::string_view(pending_).substr(0, decoded) != text;
  pending_.erase(0, decoded);
  AddText(text);
  if (broken) Note("broken UTF-8", "");
}

void HarmonyParser::FlushBytes() {
  if (pending_.empty()) return;
  std::string text;
  AppendUtf8Lossy(std::exchange(pending_, {}), /*final=*/true, text);
  AddText(text);
  Note("broken UTF-8", "");
}

void HarmonyParser::AddText(std::string_view text) {
  if (arguments_ && !text.empty()) TakeArguments(/*as_content=*/false);
  if (state_ == HarmonyState::kContent) return AddContent(text);
  if (state_ == HarmonyState::kExpectStart) BeginBareHeader(Role::kAssistant);
  AddToHeader(text);
}

void HarmonyParser::BeginHeader(const HeaderContext& context) {
  header_ = {.context = context, .first_token = position_};
  MoveRepairs(carried_, header_.repairs);
  state_ = HarmonyState::kHeader;
}

void HarmonyParser::BeginBareHeader(Role speaker) {
  BeginHeader({.default_role = speaker, .started = false});
}

bool HarmonyParser::HeaderIsBlank() const {
  return WhiteSpacePrefix(header_.text) == header_.text.size();
}

void HarmonyParser::AddToHeader(std::string_view text) {
  header_.text += text;
  for (const char c : text) {
    const bool in_word = c != ' ' && (c < '\t' || c > '\r');
    header_.words += in_word && !header_.in_word ? 1 : 0;
    header_.in_word = in_word;
  }
  if (header_.words > kMostHeaderWords || header_.text.size() > kMostHeaderBytes) OpenContent();
}

void HarmonyParser::CloseHeader() {
  RecoveredHeader header = WithNotes(ReadClosedHeader(header_.text, header_.context));
  if (header.arguments.empty()) return BeginMessage(std::move(header));
  arguments_ = std::move(header);
}

void HarmonyParser::TakeArguments(bool as_content) {
  RecoveredHeader header = *std::exchange(arguments_, std::nullopt);
  MoveRepairs(header_.repairs, header.repairs);
  const std::string arguments = std::move(header.arguments);
  if (!as_content) {
    if (!header.leftover.empty()) header.leftover += ' ';
    header.leftover += arguments;
    return BeginMessage(std::move(header));
  }
  BeginMessage(std::move(header));
  Note("arguments in header", arguments);
  AddContent(arguments);
}

void HarmonyParser::OpenContent() {
  const std::string text = std::move(header_.text);
  std::string_view rest = text;
  while (true) {
    RecoveredHeader header = ReadOpenHeader(rest, header_.context);
    const std::string_view content = rest.substr(header.end);
    // Another header may begin in what turned out to be content.
    const size_t next = content.find(fmt::format("{}{}", kTokenByte, kChannelMarker));
    header_.context = {.default_role = header.message.role, .started = false};
    BeginMessage(WithNotes(std::move(header)));
    Note("missing message marker", "");
    AddContent(WithoutMarkerTokens(content.substr(0, next)));
    if (next == std::string_view::npos) return;
    EndMessage(header_.first_token);
    rest = content.substr(next);
  }
}

void HarmonyParser::BreakHeader() {
  RecoveredHeader header = ReadOpenHeader(header_.text, header_.context);
  if (header.end < header_.text.size() && !HeaderIsBlank()) return OpenContent();
  Note("cut off header", "");
  if (header.message.recipient) {
    // Nobody knows whether the name is complete, and nothing was sent to it.
    return AddLeftover(header.message, HeaderText(header_.text), std::move(header_.repairs));
  }
  BeginMessage(WithNotes(std::move(header)));
}

RecoveredHeader HarmonyParser::WithNotes(RecoveredHeader header) {
  std::vector<Repair> repairs = std::exchange(header_.repairs, {});
  MoveRepairs(header.repairs, repairs);
  header.repairs = std::move(repairs);
  return header;
}

void HarmonyParser::BeginMessage(RecoveredHeader header) {
  if (!header.leftover.empty()) {
    AddLeftover(header.message, header.leftover, {});
    EndMessage(header_.first_token);
  }
  messages_.push_back({.message = std::move(header.message),
                       .repairs = std::move(header.repairs),
                       .first_token = header_.first_token,
                       .end_token = header_.first_token});
  deltas_.push_back({.message = messages_.size() - 1, .text = {}});
  state_ = HarmonyState::kContent;
}

// Words that have no place in the header of `beside` become a message of their own, where they
// disturb neither an answer nor the arguments of a tool.
void HarmonyParser::AddLeftover(const Message& beside, std::string_view text,
                                std::vector<Repair> repairs) {
  RecoveredHeader header{.repairs = std::move(repairs)};
  header.message.role = beside.role;
  header.message.name = beside.name;
  if (beside.role == Role::kAssistant) header.message.channel = kAnalysis;
  header.message.content.emplace_back(std::string());
  BeginMessage(std::move(header));
  Note("leftover header words", text);
  AddContent(text);
}

MessageDelta& HarmonyParser::Delta() {
  const size_t last = messages_.size() - 1;
  if (deltas_.empty() || deltas_.back().message != last) {
    deltas_.push_back({.message = last, .text = {}});
  }
  return deltas_.back();
}

void HarmonyParser::AddContent(std::string_view text) {
  if (text.empty()) return;
  Text(messages_.back()) += text;
  Delta().text += text;
}

void HarmonyParser::EndMessage(size_t end_token) {
  messages_.back().complete = true;
  messages_.back().end_token = end_token;
  Delta().ends = true;
  state_ = HarmonyState::kExpectStart;
}

void HarmonyParser::Note(std::string_view kind, std::string_view text) {
  if (state_ == HarmonyState::kHeader) {
    AddRepair(header_.repairs, kind, text);
  } else if (messages_.empty()) {
    AddRepair(carried_, kind, text);
  } else {
    AddRepair(messages_.back().repairs, kind, text);
  }
}

std::string HarmonyParser::TokenName(int32_t token) const {
  return std::string(tokenizer_->TokenBytes(token).value_or(""));
}

std::unique_ptr<ChatParser> NewHarmonyParser(Tokenizer::Pointer tokenizer,
                                             const HarmonyTokens& tokens,
                                             std::optional<Role> role) {
  return std::make_unique<HarmonyParser>(std::move(tokenizer), tokens, role);
}

}  // namespace fairlead

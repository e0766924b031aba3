#include "chat/harmony/openai_parser.h"

#include <utility>

#include "chat/harmony/openai_header.h"
#include "tokenizer/utf8.h"

namespace fairlead {
namespace {

constexpr std::string_view kReplacement = "\uFFFD";

std::string& Text(Message& message) { return std::get<std::string>(message.content.front()); }

}  // namespace

OpenAiParser::OpenAiParser(Tokenizer::Pointer tokenizer, const HarmonyTokens& tokens,
                           std::optional<Role> role, bool strict)
    : tokenizer_(std::move(tokenizer)),
      tokens_(tokens),
      strict_(strict),
      state_(role ? HarmonyState::kHeader : HarmonyState::kExpectStart),
      next_role_(role) {}

std::optional<Role> OpenAiParser::role() const {
  return current() != nullptr ? current()->role : next_role_;
}

Status OpenAiParser::Push(int32_t token) {
  if (token < 0) {
    return Fail(ErrorCode::kInvalidData, "harmony", "token: expected an id, got {}", token);
  }
  switch (state_) {
    case HarmonyState::kExpectStart:
      if (token != tokens_.start) {
        return Fail(ErrorCode::kInvalidData, "harmony", "token: expected {} (<|start|>), got {}",
                    tokens_.start, token);
      }
      header_.clear();
      state_ = HarmonyState::kHeader;
      return {};
    case HarmonyState::kHeader:
      return OnHeaderToken(token);
    case HarmonyState::kContent:
      OnContentToken(token);
      return {};
  }
  return {};
}

Status OpenAiParser::Finish() {
  if (state_ == HarmonyState::kHeader) {
    return Fail(ErrorCode::kInvalidData, "harmony",
                "header: expected its end, got the end of the tokens");
  }
  if (state_ == HarmonyState::kContent) EndContent();
  return {};
}

Status OpenAiParser::OnHeaderToken(int32_t token) {
  if (token == tokens_.message) return BeginContent();
  if (!strict_ && tokens_.EndsMessage(token)) return EndInHeader();
  header_.push_back(token);
  return {};
}

Result<std::string> OpenAiParser::HeaderText() const {
  std::string text;
  for (const int32_t token : header_) {
    const auto bytes = tokenizer_->TokenBytes(token);
    if (!bytes) {
      return Fail(ErrorCode::kInvalidData, "harmony",
                  "header: expected ids of the vocabulary, got {}", token);
    }
    text += *bytes;
  }
  if (FindInvalidUtf8(text)) {
    return Fail(ErrorCode::kInvalidData, "harmony", "header: expected UTF-8, got {}", Quoted(text));
  }
  return text;
}

Status OpenAiParser::BeginContent() {
  state_ = HarmonyState::kExpectStart;
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string text, HeaderText());
  FAIRLEAD_ASSIGN_OR_RETURN(message_, ReadOpenAiHeader(text, next_role_));
  next_role_ = std::nullopt;
  state_ = HarmonyState::kContent;
  return {};
}

Status OpenAiParser::EndInHeader() {
  if (next_role_ && !header_.empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(const std::string text, HeaderText());
    FAIRLEAD_ASSIGN_OR_RETURN(Message message, ReadOpenAiHeaderAsText(text, next_role_));
    messages_.push_back(std::move(message));
  }
  next_role_ = std::nullopt;
  state_ = HarmonyState::kExpectStart;
  return {};
}

void OpenAiParser::OnContentToken(int32_t token) {
  if (tokens_.EndsMessage(token)) return EndContent();
  const auto bytes = tokenizer_->TokenBytes(token);
  stuck_ = stuck_ || !bytes;
  delta_.reset();
  if (!stuck_) AddContentBytes(*bytes);
}

// Decodes up to the first bytes that are no character, and these; what follows waits for the next
// token.
void OpenAiParser::AddContentBytes(std::string_view bytes) {
  pending_ += bytes;
  const auto broken = FindBrokenUtf8(pending_);
  size_t decoded = broken ? broken->offset : pending_.size();
  std::string text = pending_.substr(0, decoded);
  if (broken && !broken->cut_off) {
    text += kReplacement;
    decoded += broken->length;
  }
  pending_.erase(0, decoded);
  Text(message_) += text;
  if (!text.empty() || !broken) delta_ = std::move(text);
}

void OpenAiParser::EndContent() {
  std::string& text = Text(message_);
  if (std::exchange(stuck_, false)) text += kReplacement;
  AppendUtf8Lossy(std::exchange(pending_, {}), /*final=*/true, text);
  messages_.push_back(std::move(message_));
  delta_.reset();
  state_ = HarmonyState::kExpectStart;
}

}  // namespace fairlead

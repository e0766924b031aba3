#include "tests/chat/fake_format.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>

namespace fairlead::testing {
namespace {

class FakeParser : public ChatParser {
 public:
  explicit FakeParser(std::optional<Role> role) {
    if (role) Begin(0, RoleName(*role));
  }

  std::vector<MessageDelta> Push(int32_t token) override {
    const size_t at = seen_++;
    if (state_ == State::kNone) {
      Begin(at, token == kFakeStart ? "" : "startless ");
      if (token == kFakeStart) return {};
    }
    if (state_ == State::kHeader) return Header(token);
    return Content(token);
  }
  std::vector<MessageDelta> Finish() override {
    if (state_ == State::kNone) return {};
    if (state_ == State::kHeader) {
      if (seen_ == first_) return {};
      EndHeader();
    }
    messages_.back().repairs.push_back({"cut off", ""});
    return {End()};
  }
  const std::vector<ParsedMessage>& messages() const override { return messages_; }

 private:
  enum class State { kNone, kHeader, kContent };

  void Begin(size_t first, std::string_view header) {
    state_ = State::kHeader;
    first_ = first;
    header_ = header;
  }
  std::vector<MessageDelta> Header(int32_t token) {
    if (token != kFakeMessage) {
      header_ += token < 40 ? kFakeAlphabet[static_cast<size_t>(token)] : '?';
      return {};
    }
    EndHeader();
    return {{messages_.size() - 1, "", false}};
  }
  void EndHeader() {
    ParsedMessage parsed;
    parsed.first_token = first_;
    parsed.end_token = seen_;
    parsed.message.role = Role::kAssistant;
    parsed.message.content.emplace_back(std::string());
    std::istringstream words(header_);
    for (std::string word; words >> word;) {
      if (word.starts_with("to=")) {
        parsed.message.recipient = word.substr(3);
      } else if (word.starts_with("c=")) {
        parsed.message.channel = word.substr(2);
      } else if (word.starts_with("t=")) {
        parsed.message.content_type = word.substr(2);
      } else if (word != "assistant") {
        parsed.repairs.push_back({"odd word", word});
      }
    }
    messages_.push_back(std::move(parsed));
    state_ = State::kContent;
  }
  std::vector<MessageDelta> Content(int32_t token) {
    if (token >= kFakeEnd) return {End()};
    const std::string text(1, token < 40 ? kFakeAlphabet[static_cast<size_t>(token)] : '?');
    std::get<std::string>(messages_.back().message.content[0]) += text;
    messages_.back().end_token = seen_;
    return {{messages_.size() - 1, text, false}};
  }
  MessageDelta End() {
    messages_.back().end_token = seen_;
    messages_.back().complete = true;
    state_ = State::kNone;
    return {messages_.size() - 1, "", true};
  }

  State state_ = State::kNone;
  size_t first_ = 0;
  size_t seen_ = 0;
  std::string header_;
  std::vector<ParsedMessage> messages_;
};

std::string Written(const Message& message, bool ends_answer) {
  std::string text("<");
  text += message.name.value_or(std::string(RoleName(message.role)));
  if (message.recipient) text += " to=" + *message.recipient;
  if (message.channel) text += " c=" + *message.channel;
  if (message.content_type) text += " t=" + *message.content_type;
  text += "|" + message.Text();
  if (message.role == Role::kAssistant && message.recipient) return text + "^";
  return text + (ends_answer ? "!" : ">");
}

// The index of the first final message, if the last one of the assistant is final; else 0.
size_t KeptFrom(const std::vector<Message>& messages) {
  size_t first = messages.size();
  bool last_is_final = false;
  for (size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].role != Role::kAssistant) continue;
    last_is_final = messages[i].channel == "final";
    if (last_is_final && first == messages.size()) first = i;
  }
  return last_is_final ? first : 0;
}

}  // namespace

std::vector<int32_t> FakeIds(std::string_view text) {
  constexpr std::string_view kSpecials = "<|>!^";
  std::vector<int32_t> ids;
  for (const char c : text) {
    const size_t special = kSpecials.find(c);
    const size_t plain = kFakeAlphabet.find(c);
    EXPECT_TRUE(special != kSpecials.npos || plain != kFakeAlphabet.npos) << text;
    ids.push_back(special == kSpecials.npos ? static_cast<int32_t>(plain)
                                            : kFakeStart + static_cast<int32_t>(special));
  }
  return ids;
}

Result<RenderedConversation> FakeFormat::Render(const Conversation& conversation,
                                                const RenderOptions& options) const {
  RenderedConversation rendered;
  const std::vector<Message>& messages = conversation.messages;
  const size_t kept_from = options.auto_drop_analysis ? KeptFrom(messages) : 0;
  for (size_t i = 0; i < messages.size(); ++i) {
    if (i < kept_from && messages[i].channel == "analysis") continue;
    const bool ends_answer = options.training && i + 1 == messages.size();
    const std::vector<int32_t> ids = FakeIds(Written(messages[i], ends_answer));
    const size_t begin = rendered.ids.size();
    rendered.ids.insert(rendered.ids.end(), ids.begin(), ids.end());
    rendered.messages.push_back({i, begin, rendered.ids.size()});
  }
  if (options.next_role) {
    const std::vector<int32_t> ids = FakeIds("<" + std::string(RoleName(*options.next_role)));
    rendered.ids.insert(rendered.ids.end(), ids.begin(), ids.end());
  }
  return rendered;
}

std::unique_ptr<ChatParser> FakeFormat::NewParser(std::optional<Role> next_role) const {
  return std::make_unique<FakeParser>(next_role);
}

Result<std::shared_ptr<const TokenConstraint>> FakeFormat::NewConstraint(
    const AnswerRules& rules) const {
  return Fail(ErrorCode::kUnsupported, "fake", "rules: expected none, got {}", rules.tools.size());
}

}  // namespace fairlead::testing

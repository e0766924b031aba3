// Harmony's tokens to messages as openai-harmony's StreamableParser gives them, errors included.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "chat/conversation.h"
#include "chat/harmony/parser.h"
#include "chat/harmony/special_tokens.h"
#include "tokenizer/tokenizer.h"

namespace fairlead {

// After an error it goes on as openai-harmony does. What it loses there is lost here, too: text
// behind an id that the tokenizer does not know, and text in a broken header.
class OpenAiParser {
 public:
  // With a role, the first header has been begun. Not strict: a header may lack <|message|>.
  OpenAiParser(Tokenizer::Pointer tokenizer, const HarmonyTokens& tokens, std::optional<Role> role,
               bool strict);

  // kInvalidData for what openai-harmony refuses.
  Status Push(int32_t token);
  // No token follows.
  Status Finish();

  // Those that are complete.
  const std::vector<Message>& messages() const { return messages_; }
  HarmonyState state() const { return state_; }
  // In content: the message so far, as far as its bytes could be decoded. Else nullptr.
  const Message* current() const { return state_ == HarmonyState::kContent ? &message_ : nullptr; }
  // Of the current message, or of the one that is to come when it is known.
  std::optional<Role> role() const;
  // The text that the last token completed; nullopt when it completed none.
  const std::optional<std::string>& delta() const { return delta_; }

 private:
  Status OnHeaderToken(int32_t token);
  Status BeginContent();
  Status EndInHeader();
  void OnContentToken(int32_t token);
  void AddContentBytes(std::string_view bytes);
  void EndContent();
  Result<std::string> HeaderText() const;

  const Tokenizer::Pointer tokenizer_;
  const HarmonyTokens tokens_;
  const bool strict_;
  HarmonyState state_;
  std::optional<Role> next_role_;
  std::vector<int32_t> header_;
  Message message_;
  std::string pending_;  // bytes of the content that are not decoded yet
  // An id without a token: it and everything behind it becomes one U+FFFD.
  bool stuck_ = false;
  std::optional<std::string> delta_;
  std::vector<Message> messages_;
};

}  // namespace fairlead

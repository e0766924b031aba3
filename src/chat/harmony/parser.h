// Harmony's tokens to messages, whatever the tokens are.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/chat_format.h"
#include "chat/harmony/recovered_header.h"
#include "chat/harmony/special_tokens.h"
#include "tokenizer/tokenizer.h"

namespace fairlead {

// Where a reader of messages is.
enum class HarmonyState { kExpectStart, kHeader, kContent };

// The parser that never fails. Time is linear in the tokens, and beyond its messages it holds the
// text of one header, which is bounded.
class HarmonyParser : public ChatParser {
 public:
  HarmonyParser(Tokenizer::Pointer tokenizer, const HarmonyTokens& tokens,
                std::optional<Role> role);

  std::vector<MessageDelta> Push(int32_t token) override;
  std::vector<MessageDelta> Finish() override;
  const std::vector<ParsedMessage>& messages() const override { return messages_; }
  HarmonyState state() const { return state_; }

 private:
  // A header that has begun and not ended.
  struct Header {
    HeaderContext context;
    size_t first_token = 0;
    std::string text = {};  // markers that are special tokens behind kTokenByte
    size_t words = 0;
    bool in_word = false;
    std::vector<Repair> repairs = {};  // for the message that it becomes
  };

  // A token that is no text; `name` is nullopt for an id without a token.
  void OnSpecial(int32_t token, std::optional<std::string_view> name);
  void OnStart();
  void OnMarker(std::string_view marker);
  void OnMessage();
  void OnEnd(int32_t token);

  void BeginHeader(const HeaderContext& context);
  // One that nothing announced.
  void BeginBareHeader(Role speaker);
  bool HeaderIsBlank() const;
  void AddToHeader(std::string_view text);
  void CloseHeader();
  // Begins the message of `arguments_`.
  void TakeArguments(bool as_content);
  // Reads a header that is missing its end as header and content.
  void OpenContent();
  // Ends a header that is cut off.
  void BreakHeader();

  RecoveredHeader WithNotes(RecoveredHeader header);
  void BeginMessage(RecoveredHeader header);
  void AddLeftover(const Message& beside, std::string_view text, std::vector<Repair> repairs);
  void AddContent(std::string_view text);
  void EndMessage(size_t end_token);
  MessageDelta& Delta();

  void AddBytes(std::string_view bytes);
  void AddText(std::string_view text);
  // Gives up on a character that is not complete.
  void FlushBytes();
  void Note(std::string_view kind, std::string_view text);
  std::string TokenName(int32_t token) const;

  const Tokenizer::Pointer tokenizer_;
  const HarmonyTokens tokens_;
  HarmonyState state_ = HarmonyState::kExpectStart;
  Header header_;  // kHeader
  // A header that is known, except for what its arguments are: the next token tells. kHeader.
  std::optional<RecoveredHeader> arguments_;
  std::string pending_;          // bytes of a character that is not complete
  std::vector<Repair> carried_;  // noted before there was a message
  std::vector<ParsedMessage> messages_;
  std::vector<MessageDelta> deltas_;  // of this call
  size_t position_ = 0;               // tokens before this one
};

// With a role, the first message is of that role and its header has been begun; without, the tokens
// begin with <|start|>. docs/harmony.md says what becomes of everything that is malformed.
std::unique_ptr<ChatParser> NewHarmonyParser(Tokenizer::Pointer tokenizer,
                                             const HarmonyTokens& tokens, std::optional<Role> role);

}  // namespace fairlead

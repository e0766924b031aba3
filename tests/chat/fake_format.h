// A format of the simplest kind, with ids that FakeExecutor knows: one id per character, four
// special ones, and headers of words in any order.
#pragma once

#include <string_view>
#include <vector>

#include "chat/chat_format.h"

namespace fairlead::testing {

// Ids of kFakeAlphabet's characters are their places in it.
inline constexpr std::string_view kFakeAlphabet = "abcdefghijklmnopqrstuvwxyz .=_{}:";
inline constexpr int32_t kFakeStart = 40;
inline constexpr int32_t kFakeMessage = 41;
inline constexpr int32_t kFakeEnd = 42;
inline constexpr int32_t kFakeReturn = 43;
inline constexpr int32_t kFakeCall = 44;

// The ids of `text`: '<', '|', '>', '!' and '^' stand for start, message, end, return and call.
std::vector<int32_t> FakeIds(std::string_view text);

// Writes "<role to=recipient c=channel t=content_type|text>"; a call ends with '^', for training a
// last final message with '!'. Drops analysis before a last final message. Words of a header that
// it does not know are repaired.
class FakeFormat : public ChatFormat {
 public:
  Result<RenderedConversation> Render(const Conversation& conversation,
                                      const RenderOptions& options) const override;
  std::unique_ptr<ChatParser> NewParser(std::optional<Role> next_role) const override;
  Result<std::shared_ptr<const TokenConstraint>> NewConstraint(
      const AnswerRules& rules) const override;
  std::vector<int32_t> StopTokens() const override { return {kFakeReturn, kFakeCall}; }
};

}  // namespace fairlead::testing

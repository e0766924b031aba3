// An answer on the screen, as it comes in.
#pragma once

#include <chrono>
#include <string>

#include "cli/chat/chat_turn.h"
#include "cli/chat/screen.h"

namespace fairlead {

class AnswerView {
 public:
  AnswerView(Screen& screen, ThinkMode mode) : screen_(screen), mode_(mode) {}

  ThinkMode mode() const { return mode_; }
  // From here on; thinking that is just going on changes at once.
  void SetMode(ThinkMode mode);
  // Shows the thinking in full that is going on, or hides it again.
  void Toggle();

  void Begin() { begin_ = std::chrono::steady_clock::now(); }
  // How far the prompt is, once it has taken a moment.
  void Prompt(int64_t done, int64_t total);
  void Delta(const ParsedMessage& message, const MessageDelta& delta, int64_t tokens);
  // Why the answer ended, if not of itself.
  void End(const ModelAnswer& answer, int64_t context);
  void Calling(const ToolCall& call);
  void Called(const ToolCall& call, const ToolOutput& output);

 private:
  enum class Part { kNone, kThinking, kCall, kText };

  void EndPart();
  void ShowThinking(std::string_view added);

  Screen& screen_;
  ThinkMode mode_;
  Part part_ = Part::kNone;
  std::string gathered_;  // the text of this part
  int64_t tokens_ = 0;    // of this part
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace fairlead

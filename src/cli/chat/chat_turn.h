// A turn of a conversation: answers of the model, and what it asks tools for in between.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/chat/answerer.h"
#include "cli/chat/dialogue.h"

namespace fairlead {

struct ToolCall {
  std::string recipient;  // as the model wrote it: "functions.now"
  std::string arguments;
};

// Who follows a turn, and decides.
class TurnWatcher {
 public:
  virtual ~TurnWatcher() = default;
  // A prompt is about to run; `left_out` oldest turns had to be left out of it just now.
  virtual void Begin(int64_t prompt_tokens, size_t left_out) = 0;
  virtual void Prompt(int64_t done, int64_t total) = 0;
  virtual void Delta(const ParsedMessage& message, const MessageDelta& delta, int64_t tokens) = 0;
  virtual void End(const ModelAnswer& answer) = 0;
  // The user has enough.
  virtual bool Stop() = 0;
  // Whether a declared tool may run.
  virtual bool Allow(const CommandTool& tool, const ToolCall& call) = 0;
  // Before and after a call; for one that is not run, only after.
  virtual void Calling(const ToolCall& call) = 0;
  virtual void Called(const ToolCall& call, const ToolOutput& output) = 0;
};

struct Turn {
  std::vector<ModelAnswer> answers;  // never empty
  bool too_many_calls = false;

  const ModelAnswer& last() const { return answers.back(); }
  // What was answered to the user: channel final and preambles, of all answers.
  std::string Text() const;
  // What the model thought.
  std::string Reasoning() const;
};

// Whether a message is meant for the user.
bool IsText(const Message& message);

// Answers the last message of `dialogue`, to which everything that is said is added. On an error
// the dialogue holds what was said before it. kInvalidArgument: the turn alone is too long.
Result<Turn> TakeTurn(Answerer& answerer, Dialogue& dialogue, const ChatOptions& options,
                      const GenerateSettings& settings, TurnWatcher& watcher);

}  // namespace fairlead

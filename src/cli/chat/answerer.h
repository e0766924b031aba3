// A model that answers conversations, one at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "chat/chat_format.h"
#include "chat/openai/completion.h"
#include "chat/transcript_map.h"
#include "cli/chat/chat_options.h"
#include "cli/generator.h"

namespace fairlead {

struct ModelAnswer {
  std::vector<ParsedMessage> messages;  // without half a header that it was cut off in
  FinishReason finish_reason = FinishReason::kStop;
  std::string error;  // of kError
  // The same in the words of the OpenAI APIs.
  CompletionMessage completion;
  CompletionFinish completion_finish = CompletionFinish::kStop;
  CompletionUsage usage;
  double seconds = 0;              // of all of it
  double first_token_seconds = 0;  // until the first token
};

// What an answer is watched with, in the thread that asked for it.
struct AnswerWatch {
  // Tokens of the prompt that ran so far.
  std::function<void(int64_t done, int64_t total)> prompt = nullptr;
  // A piece of a message, and the tokens of the message so far.
  std::function<void(const ParsedMessage&, const MessageDelta&, int64_t tokens)> delta = nullptr;
  // Asked between steps.
  std::function<bool()> stop = nullptr;
};

class Answerer {
 public:
  // Opens the model and its format; the settings are checked.
  static Result<std::unique_ptr<Answerer>> Create(const ChatOptions& options);

  const std::string& model_name() const { return name_; }
  int64_t vocabulary_size() const { return artifact_->facts().vocabulary_size; }
  // Tokens of a prompt with its answer, at most.
  int64_t context() const { return generator_->context(); }
  // ... of a prompt.
  int64_t longest_prompt() const { return generator_->longest_prompt(); }
  RunStatistics statistics() const { return generator_->statistics(); }

  // The conversation as it is shown to the model, which speaks next: what it said before as it
  // wrote it.
  Result<std::vector<int32_t>> Render(const Conversation& conversation);
  // The model's answer to `conversation`, of which `prompt` is the rendering. Stopped answers are
  // answers.
  Result<ModelAnswer> Reply(const Conversation& conversation, const std::vector<int32_t>& prompt,
                            const AnswerRules& rules, const GenerateSettings& settings,
                            const AnswerWatch& watch);

 private:
  Answerer() = default;

  std::string name_;
  std::shared_ptr<const Artifact> artifact_;
  Tokenizer::Pointer tokenizer_;
  std::shared_ptr<const ChatFormat> format_;
  std::unique_ptr<Generator> generator_;
  TranscriptMap transcripts_{TranscriptMap::Limits()};
  bool constrain_ = true;
};

}  // namespace fairlead

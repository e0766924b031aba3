// What came of a prompt, collected from the engine's events, and how it is written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/prompt_file.h"
#include "runtime/request.h"

namespace fairlead {

struct GeneratedAnswer {
  std::string text;
  std::vector<int32_t> ids;
  std::vector<float> logprobs;                          // of the ids; when asked for
  std::vector<std::vector<TokenLogprob>> top_logprobs;  // the same
  std::optional<FinishReason> finish_reason;            // nullopt: goes on
  std::optional<std::string> stop_string;
  std::string error;
};

// A prompt and its answers.
class Generation {
 public:
  // `prompt` has its ids.
  explicit Generation(Prompt prompt);

  const Prompt& prompt() const { return prompt_; }
  const std::vector<GeneratedAnswer>& answers() const { return answers_; }
  bool done() const { return open_ == 0; }

  void Take(const Event& event);
  // Nothing can be answered: one answer, the error.
  void Refuse(const std::string& error);

  // {"text", "ids", "finish_reason", ...} of one answer.
  Json AnswerJson(size_t index) const;
  // {"id", "prompt", "prompt_tokens", "answers": [...]}, without what the prompt does not have.
  Json ToJson() const;

 private:
  Prompt prompt_;
  std::vector<GeneratedAnswer> answers_;
  size_t open_;
};

}  // namespace fairlead

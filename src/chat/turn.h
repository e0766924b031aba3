// One answer: what an engine is asked for, and what its events mean.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "chat/chat_format.h"
#include "chat/openai/completion.h"
#include "runtime/request.h"

namespace fairlead {

struct TurnOptions {
  SamplingParams sampling = {};
  int64_t max_tokens = 128;
  // Keeps headers well formed and enforces the rules; without, the parser repairs what it gets.
  bool constrain_headers = true;
};

// The request for an answer to `prompt`, which was rendered with next_role kAssistant. Everything
// that `options` do not say is left as in Request. Errors are NewConstraint's.
Result<Request> MakeTurnRequest(const ChatFormat& format, std::vector<int32_t> prompt,
                                const AnswerRules& rules, const TurnOptions& options);

// What one event adds to an answer, in the words of the model and in those of the OpenAI APIs.
struct TurnDelta {
  std::vector<MessageDelta> messages;
  std::vector<CompletionDelta> completion;
};

// Reads the events of one answer. Not thread-safe.
class TurnReader {
 public:
  // `prompt_tokens` and `options` are for the OpenAI APIs' side of it.
  TurnReader(const ChatFormat& format, int64_t prompt_tokens, Completion::Options options);

  // Events of this answer, in order. The last one ends what is open. Every token is read, also what
  // is behind a stop string: who wants those matches them in the deltas, cancels, and cuts.
  TurnDelta Take(const Event& event);

  const std::vector<ParsedMessage>& messages() const { return parser_->messages(); }
  const std::vector<int32_t>& ids() const { return ids_; }
  const Completion& completion() const { return completion_; }
  // Once the last event is there.
  const std::optional<FinishReason>& finish_reason() const { return finish_reason_; }
  const std::string& error() const { return error_; }  // of kError
  // Without cached_tokens, which events do not tell.
  CompletionUsage usage() const;

 private:
  const std::unique_ptr<ChatParser> parser_;
  const int64_t prompt_tokens_;
  Completion completion_;
  std::vector<int32_t> ids_;
  std::optional<FinishReason> finish_reason_;
  std::string error_;
};

}  // namespace fairlead

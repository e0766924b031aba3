#include "chat/turn.h"

#include <iterator>

namespace fairlead {
namespace {

template <typename T>
void Append(std::vector<T> from, std::vector<T>& to) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

Result<Request> MakeTurnRequest(const ChatFormat& format, std::vector<int32_t> prompt,
                                const AnswerRules& rules, const TurnOptions& options) {
  Request request;
  request.prompt = std::move(prompt);
  request.sampling = options.sampling;
  request.max_tokens = options.max_tokens;
  request.stop_token_ids = format.StopTokens();
  if (options.constrain_headers) {
    FAIRLEAD_ASSIGN_OR_RETURN(request.constraint, format.NewConstraint(rules));
  }
  return request;
}

TurnReader::TurnReader(const ChatFormat& format, int64_t prompt_tokens, Completion::Options options)
    : parser_(format.NewParser(Role::kAssistant)),
      prompt_tokens_(prompt_tokens),
      completion_(std::move(options)) {}

TurnDelta TurnReader::Take(const Event& event) {
  TurnDelta delta;
  if (event.token) {
    ids_.push_back(*event.token);
    delta.messages = parser_->Push(*event.token);
    delta.completion = completion_.Push(delta.messages, parser_->messages());
  }
  if (event.finish_reason) {
    finish_reason_ = event.finish_reason;
    error_ = event.error;
    std::vector<MessageDelta> last = parser_->Finish();
    Append(completion_.Finish(*event.finish_reason, last, parser_->messages()), delta.completion);
    Append(std::move(last), delta.messages);
  }
  return delta;
}

CompletionUsage TurnReader::usage() const {
  CompletionUsage usage;
  usage.prompt_tokens = prompt_tokens_;
  usage.completion_tokens = static_cast<int64_t>(ids_.size());
  usage.reasoning_tokens = completion_.ReasoningTokens(parser_->messages());
  return usage;
}

}  // namespace fairlead

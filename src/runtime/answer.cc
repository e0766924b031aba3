#include "runtime/answer.h"

#include <algorithm>
#include <utility>

namespace fairlead {
namespace {

SamplingParams ParamsOf(const Request& request, int index) {
  SamplingParams params = request.sampling;
  params.seed += static_cast<uint64_t>(index);
  return params;
}

std::vector<int32_t> StopTokens(const Request& request, const ModelFacts& facts) {
  if (request.stop_token_ids) return *request.stop_token_ids;
  return request.ignore_eos ? std::vector<int32_t>{} : facts.eos_token_ids;
}

}  // namespace

Answer::Answer(RequestId id, int index, std::shared_ptr<const Request> request,
               const ModelFacts& facts, Tokenizer::Pointer tokenizer, int limit)
    : id_(id),
      index_(index),
      request_(std::move(request)),
      stop_token_ids_(StopTokens(*request_, facts)),
      vocabulary_size_(facts.vocabulary_size),
      limit_(limit),
      tokens_(request_->prompt),
      sampler_(ParamsOf(*request_, index), request_->prompt) {
  if (tokenizer) text_.emplace(std::move(tokenizer), request_->stop_strings);
  if (request_->constraint) {
    constraint_ = request_->constraint->Clone();
    allowed_.emplace(facts.vocabulary_size);
    FindAllowed();
  }
}

bool Answer::IsStop(int32_t token) const {
  return std::find(stop_token_ids_.begin(), stop_token_ids_.end(), token) != stop_token_ids_.end();
}

void Answer::FindAllowed() {
  constraint_->AllowedTokens(*allowed_);
  if (!constraint_->complete()) return;
  only_end_left_ = allowed_->empty();
  for (int32_t token : stop_token_ids_) allowed_->Add(token);
}

std::vector<int32_t> Answer::Draft(const Drafter& drafter) {
  const int room = limit_ - static_cast<int>(tokens_.size()) - 1;
  const int count = std::min(request_->draft_tokens, room);
  if (count <= 0) return {};
  std::vector<int32_t> draft = drafter.Propose(tokens_, count);
  draft.resize(std::min(draft.size(), static_cast<size_t>(count)));
  const auto known = [this](int32_t id) { return id >= 0 && id < vocabulary_size_; };
  draft.erase(std::find_if_not(draft.begin(), draft.end(), known), draft.end());
  if (constraint_) {
    size_t accepted = 0;
    while (accepted < draft.size() && constraint_->Accept(draft[accepted])) ++accepted;
    constraint_->Rollback(static_cast<int>(accepted));
    draft.resize(accepted);
  }
  return draft;
}

Event Answer::NewEvent() const {
  Event event;
  event.request = id_;
  event.index = index_;
  return event;
}

Event Answer::EndWith(Event event, FinishReason reason) {
  event.finish_reason = reason;
  if (!text_) return event;
  if (!text_->stop_string()) event.text += text_->Finish();
  const bool of_itself = reason == FinishReason::kStop || reason == FinishReason::kLength;
  if (of_itself && text_->stop_string()) {
    event.stop_string = text_->stop_string();
    event.finish_reason = FinishReason::kStop;
  }
  return event;
}

Event Answer::End(FinishReason reason, std::string error) {
  Event event = NewEvent();
  event.error = std::move(error);
  return EndWith(std::move(event), reason);
}

Event Answer::Advance(std::span<float> logits) {
  if (only_end_left_) return End(FinishReason::kStop);
  const bool may_stop = generated() >= request_->min_tokens;
  SampleRules rules;
  if (allowed_) rules.allowed = &*allowed_;
  if (!may_stop) rules.banned = stop_token_ids_;
  rules.logprobs = request_->logprobs;
  rules.top_logprobs = request_->top_logprobs;
  Result<SampledToken> sampled =
      sampler_.Sample(logits, static_cast<int64_t>(tokens_.size()), rules);
  if (!sampled) return End(FinishReason::kError, std::move(sampled.error().message));

  const int32_t token = sampled->token;
  Event event = NewEvent();
  event.token = token;
  event.logprob = sampled->logprob;
  event.top_logprobs = std::move(sampled->top_logprobs);
  tokens_.push_back(token);
  sampler_.Accept(token);
  if (IsStop(token)) return EndWith(std::move(event), FinishReason::kStop);
  if (text_) event.text = text_->Push(token, generated() >= request_->min_tokens);
  if (text_ && text_->stop_string()) return EndWith(std::move(event), FinishReason::kStop);
  if (constraint_ && !constraint_->Accept(token)) {
    event.error = fmt::format("[engine] constraint: refused token {}, which it had allowed", token);
    return EndWith(std::move(event), FinishReason::kError);
  }
  if (constraint_) FindAllowed();
  if (only_end_left_) return EndWith(std::move(event), FinishReason::kStop);
  if (static_cast<int>(tokens_.size()) >= limit_) {
    return EndWith(std::move(event), FinishReason::kLength);
  }
  return event;
}

}  // namespace fairlead

// One answer to a request while it is being made: its tokens, how the next one is chosen, its text,
// and when it ends. Knows nothing about batches.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "config/model_facts.h"
#include "runtime/drafter.h"
#include "runtime/request.h"
#include "runtime/sampling/sequence_sampler.h"
#include "runtime/text_stream.h"
#include "tokenizer/tokenizer.h"

namespace fairlead {

class Answer {
 public:
  // Answer `index` to `request`, which is valid. Prompt and answer end at `limit` tokens.
  // `tokenizer` may be nullptr: no text.
  Answer(RequestId id, int index, std::shared_ptr<const Request> request, const ModelFacts& facts,
         Tokenizer::Pointer tokenizer, int limit);

  RequestId id() const { return id_; }
  int index() const { return index_; }
  int priority() const { return request_->priority; }
  // Prompt and answer so far.
  const std::vector<int32_t>& tokens() const { return tokens_; }
  int prompt_size() const { return static_cast<int>(request_->prompt.size()); }
  int generated() const { return static_cast<int>(tokens_.size()) - prompt_size(); }
  bool wants_drafts() const { return request_->draft_tokens > 0; }

  // Tokens that `drafter` expects next and that the answer may hold.
  std::vector<int32_t> Draft(const Drafter& drafter);

  // Chooses the token after tokens() from the model's logits, [vocabulary], which are changed. The
  // event has its token, and a finish_reason if it is the last one.
  Event Advance(std::span<float> logits);
  // The last event of an answer that ends for another reason.
  Event End(FinishReason reason, std::string error = "");

 private:
  Event NewEvent() const;
  Event EndWith(Event event, FinishReason reason);
  // Finds what the next token may be.
  void FindAllowed();
  bool IsStop(int32_t token) const;

  RequestId id_;
  int index_;
  std::shared_ptr<const Request> request_;
  std::vector<int32_t> stop_token_ids_;
  int64_t vocabulary_size_;
  int limit_;
  std::vector<int32_t> tokens_;
  SequenceSampler sampler_;
  std::optional<TextStream> text_;
  std::unique_ptr<TokenConstraint> constraint_;
  std::optional<TokenSet> allowed_;  // with a constraint
  bool only_end_left_ = false;       // the constraint allows nothing more, whatever min_tokens says
};

}  // namespace fairlead

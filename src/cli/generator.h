// An engine with everything that prompts need besides.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "artifact/artifact.h"
#include "base/error.h"
#include "cli/generate.h"
#include "cli/generate_statistics.h"
#include "cli/prompt_file.h"
#include "runtime/constraint/vocabulary_trie.h"
#include "runtime/engine.h"

namespace fairlead {

class Generator {
 public:
  // For as many answers side by side as `options` allow and `answers` need, of at most `positions`
  // tokens with their prompts (0: what the model was exported for).
  static Result<std::unique_ptr<Generator>> Create(std::shared_ptr<const Artifact> artifact,
                                                   Tokenizer::Pointer tokenizer,
                                                   const GenerateOptions& options, int64_t answers,
                                                   int64_t positions);

  // Sets the ids of a prompt that has text. kInvalidArgument: the text's own error.
  Status Encode(Prompt& prompt) const;
  // Whether a prompt of so many tokens can have an answer of up to `max_tokens`, or as many as the
  // context leaves. kInvalidArgument: the prompt is too long for the model. kResourceExhausted: the
  // KV cache is too small for both.
  Status CheckRoom(int64_t prompt, int64_t max_tokens) const;
  // kInvalidArgument: the prompt's own error. kResourceExhausted: the KV cache is too small for it.
  Result<RequestId> Submit(const Prompt& prompt, EventSink sink);

  Engine& engine() { return *engine_; }
  // Tokens of a prompt with its answer, at most.
  int64_t context() const;
  // ... of a prompt.
  int64_t longest_prompt() const;
  const KvMemory& kv_memory() const { return kv_memory_; }
  RunStatistics statistics() const;

 private:
  Generator(std::shared_ptr<const Artifact> artifact, Tokenizer::Pointer tokenizer)
      : artifact_(std::move(artifact)), tokenizer_(std::move(tokenizer)) {}
  Result<std::shared_ptr<const TokenConstraint>> Constraint(const std::string& regex);

  using Clock = std::chrono::steady_clock;

  std::shared_ptr<const Artifact> artifact_;
  Tokenizer::Pointer tokenizer_;
  int speculate_ = 0;
  KvMemory kv_memory_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<Engine> engine_;
  std::shared_ptr<const VocabularyTrie> trie_;  // built for the first regular expression
  std::unordered_map<std::string, std::shared_ptr<const TokenConstraint>> constraints_;
  std::optional<Clock::time_point> start_;  // the first Submit
  std::optional<Clock::time_point> first_token_;
};

}  // namespace fairlead

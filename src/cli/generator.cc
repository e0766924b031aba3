#include "cli/generator.h"

#include <algorithm>
#include <limits>

#include "runtime/constraint/automaton_constraint.h"
#include "runtime/ngram_drafter.h"

namespace fairlead {

Result<std::unique_ptr<Generator>> Generator::Create(std::shared_ptr<const Artifact> artifact,
                                                     Tokenizer::Pointer tokenizer,
                                                     const GenerateOptions& options,
                                                     int64_t answers, int64_t positions) {
  std::unique_ptr<Generator> generator(new Generator(std::move(artifact), std::move(tokenizer)));
  Generator& self = *generator;
  self.speculate_ = options.speculate;
  const auto slots = static_cast<int>(std::min<int64_t>(options.max_batch, answers));
  KvBudget budget{options.kv_cache_memory, {}};
  FAIRLEAD_ASSIGN_OR_RETURN(
      self.executor_,
      CreateExecutor(*self.artifact_, options.run, options.run.backend, slots, positions, &budget));
  self.kv_memory_ = budget.planned;
  EngineOptions engine;
  engine.max_waiting = std::numeric_limits<int>::max();  // the callers limit themselves
  engine.tokenizer = self.tokenizer_;
  if (options.speculate > 0) engine.drafter = std::make_shared<NgramDrafter>();
  FAIRLEAD_ASSIGN_OR_RETURN(self.engine_,
                            Engine::Create(*self.executor_, self.artifact_->facts(), engine));
  return generator;
}

Status Generator::Encode(Prompt& prompt) const {
  if (!prompt.text) return {};
  auto ids = tokenizer_->Encode(*prompt.text, /*parse_special=*/false);
  if (ids) {
    prompt.ids = std::move(*ids);
    return {};
  }
  Error error = std::move(ids).error();
  // No setting gives the split pattern more than it had.
  if (error.code == ErrorCode::kResourceExhausted) error.code = ErrorCode::kInvalidArgument;
  return tl::unexpected(std::move(error));
}

Result<std::shared_ptr<const TokenConstraint>> Generator::Constraint(const std::string& regex) {
  if (const auto known = constraints_.find(regex); known != constraints_.end()) {
    return known->second;
  }
  if (trie_ == nullptr) trie_ = VocabularyTrie::Build(tokenizer_);
  FAIRLEAD_ASSIGN_OR_RETURN(
      auto constraint, CompileRegexConstraint(regex, trie_, artifact_->facts().vocabulary_size));
  constexpr size_t kMostRemembered = 16;  // each may hold some megabytes
  if (constraints_.size() == kMostRemembered) constraints_.clear();
  constraints_.emplace(regex, constraint);
  return constraint;
}

Status Generator::CheckRoom(int64_t prompt, int64_t max_tokens) const {
  const ExportOptions& exported = artifact_->manifest.options;
  const int64_t longest = std::min(exported.sequence_length - 1, exported.max_context_length);
  if (prompt > longest) {
    return Fail(ErrorCode::kInvalidArgument, "generate",
                "prompt: expected at most {} tokens, got {}", longest, prompt);
  }
  return engine_->CheckRoom(prompt, max_tokens);
}

Result<RequestId> Generator::Submit(const Prompt& prompt, EventSink sink) {
  // An export may hold prompts shorter than its sequences.
  const ExportOptions& exported = artifact_->manifest.options;
  const auto tokens = static_cast<int64_t>(prompt.ids.size());
  const int64_t longest = exported.max_context_length;
  if (tokens > longest && longest < exported.sequence_length) {
    return Fail(ErrorCode::kInvalidArgument, "generate",
                "prompt: expected at most {} tokens (max_context_length), got {}", longest, tokens);
  }
  Request request = prompt.settings.request;
  request.prompt = prompt.ids;
  request.draft_tokens = speculate_;
  if (prompt.settings.regex) {
    FAIRLEAD_ASSIGN_OR_RETURN(request.constraint, Constraint(*prompt.settings.regex));
  }
  if (!start_) start_ = Clock::now();
  return engine_->Submit(std::move(request), [this, sink = std::move(sink)](const Event& event) {
    if (event.token && !first_token_) first_token_ = Clock::now();
    sink(event);
  });
}

int64_t Generator::context() const {
  const int64_t length = artifact_->manifest.options.sequence_length;
  return kv_memory_.tokens > 0 ? std::min(length, kv_memory_.tokens) : length;
}

int64_t Generator::longest_prompt() const {
  return std::min(context() - 1, artifact_->manifest.options.max_context_length);
}

RunStatistics Generator::statistics() const {
  RunStatistics statistics{engine_->statistics(), 0.0, kv_memory_};
  if (first_token_) {
    statistics.first_token_seconds = std::chrono::duration<double>(*first_token_ - *start_).count();
  }
  return statistics;
}

}  // namespace fairlead

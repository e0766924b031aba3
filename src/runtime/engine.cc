#include "runtime/engine.h"

#include <algorithm>
#include <chrono>

#include "runtime/paged_kv.h"
#include "runtime/run_plan.h"

namespace fairlead {
namespace {

template <typename... Args>
tl::unexpected<Error> Invalid(fmt::format_string<Args...> format, Args&&... args) {
  return Fail(ErrorCode::kInvalidArgument, "engine", format, std::forward<Args>(args)...);
}

Status CheckRequest(const Request& request, int64_t vocabulary_size, int64_t max_position) {
  if (request.prompt.empty()) return Invalid("prompt: expected at least 1 token, got 0");
  if (static_cast<int64_t>(request.prompt.size()) >= max_position) {
    return Invalid("prompt: expected at most {} tokens and one more for the answer, got {}",
                   max_position - 1, request.prompt.size());
  }
  for (int32_t id : request.prompt) {
    if (id < 0 || id >= vocabulary_size) {
      return Invalid("prompt: expected token ids 0 to {}, got {}", vocabulary_size - 1, id);
    }
  }
  if (request.max_tokens < 1) {
    return Invalid("max_tokens: expected at least 1, got {}", request.max_tokens);
  }
  return ValidateSampling(request.sampling);
}

bool Contains(const std::vector<int32_t>& tokens, int32_t token) {
  return std::find(tokens.begin(), tokens.end(), token) != tokens.end();
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::Create(Executor& executor, ModelFacts facts,
                                               const EngineOptions& options) {
  FAIRLEAD_RETURN_IF_ERROR(CheckExecutor(executor, facts));
  const Capabilities& limits = executor.capabilities();
  if (options.max_rows < 0 || options.max_rows > limits.max_rows) {
    return Invalid("max_rows: expected 0 to {}, got {}", limits.max_rows, options.max_rows);
  }
  Capabilities used = limits;
  if (options.max_rows > 0) used.max_rows = options.max_rows;
  return std::unique_ptr<Engine>(new Engine(executor, std::move(facts), std::move(used)));
}

Engine::Engine(Executor& executor, ModelFacts facts, Capabilities limits)
    : executor_(executor),
      facts_(std::move(facts)),
      limits_(std::move(limits)),
      kv_(std::make_unique<PagedKv>(facts_, limits_)) {
  for (int slot = limits_.max_slots - 1; slot >= 0; --slot) free_slots_.push_back(slot);
}

Result<RequestId> Engine::Submit(Request request) {
  const int64_t max_position = limits_.max_position;
  FAIRLEAD_RETURN_IF_ERROR(CheckRequest(request, facts_.vocabulary_size, max_position));
  if (!request.stop_token_ids) {
    request.stop_token_ids = request.ignore_eos ? std::vector<int32_t>{} : facts_.eos_token_ids;
  }
  Sequence sequence;
  sequence.tokens = std::move(request.prompt);
  sequence.prompt_size = static_cast<int>(sequence.tokens.size());
  sequence.limit =
      sequence.prompt_size +
      static_cast<int>(std::min(request.max_tokens, max_position - sequence.prompt_size));
  sequence.request = std::move(request);
  FAIRLEAD_RETURN_IF_ERROR(kv_->CheckFits(sequence.limit - 1));
  sequence.id = next_id_++;
  waiting_.push_back(std::move(sequence));
  return waiting_.back().id;
}

bool Engine::Cancel(RequestId id) {
  const auto is_it = [id](const Sequence& sequence) { return sequence.id == id; };
  if (std::erase_if(waiting_, is_it) > 0) return true;
  if (std::none_of(live_.begin(), live_.end(), is_it)) return false;
  if (Status released = Retire(id); !released && failure_) failure_ = std::move(released);
  return true;
}

Status Engine::AdmitWaiting() {
  while (!waiting_.empty() && !free_slots_.empty()) {
    Sequence& next = waiting_.front();
    const Result<int> reused = kv_->Admit(free_slots_.back(), next.tokens, next.limit - 1);
    if (!reused && reused.error().code == ErrorCode::kResourceExhausted) return {};
    if (!reused) return tl::unexpected(reused.error());
    next.slot = free_slots_.back();
    next.cached = *reused;
    free_slots_.pop_back();
    live_.push_back(std::move(next));
    waiting_.pop_front();
  }
  return {};
}

Result<std::vector<Event>> Engine::Step() {
  FAIRLEAD_RETURN_IF_ERROR(failure_);
  Result<std::vector<Event>> events = RunStep();
  if (!events) failure_ = tl::unexpected(events.error());
  return events;
}

Result<std::vector<Event>> Engine::RunStep() {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  FAIRLEAD_RETURN_IF_ERROR(AdmitWaiting());
  if (live_.empty()) return std::vector<Event>{};

  std::vector<PendingTokens> pending;
  for (const Sequence& sequence : live_) {
    pending.push_back({sequence.slot, sequence.cached, sequence.tokens, sequence.last_step});
  }
  const std::vector<RowShare> shares = ShareRows(pending, limits_.max_rows);
  FAIRLEAD_ASSIGN_OR_RETURN(const StepPlan plan, BuildPlan(pending, shares, *kv_));
  FAIRLEAD_ASSIGN_OR_RETURN(const Tensor result, RunPlan(executor_, facts_, plan));

  ++statistics_.steps;
  std::vector<Event> events;
  int64_t prompt_rows = 0;
  const std::span<const float> logits = result.As<float>();
  const auto columns = static_cast<size_t>(facts_.vocabulary_size);
  for (const RowShare& share : shares) {
    Sequence& sequence = live_[share.index];
    prompt_rows += std::clamp(sequence.prompt_size - sequence.cached, 0, share.count);
    sequence.cached += share.count;
    sequence.last_step = static_cast<uint64_t>(statistics_.steps);
    FAIRLEAD_RETURN_IF_ERROR(kv_->Commit(sequence.slot, sequence.cached));
    if (share.reaches_end) {
      events.push_back(Advance(sequence, logits.subspan(events.size() * columns, columns)));
    }
  }
  for (const Event& event : events) {
    if (event.finish_reason) FAIRLEAD_RETURN_IF_ERROR(Retire(event.request));
  }
  const std::chrono::duration<double> elapsed = Clock::now() - start;
  CountStep(plan, prompt_rows, elapsed.count());
  return events;
}

Event Engine::Advance(Sequence& sequence, std::span<const float> logits) {
  Event event;
  event.request = sequence.id;
  const auto position = static_cast<int64_t>(sequence.tokens.size());
  const Result<int32_t> token = Sample(logits, sequence.request.sampling, position);
  if (!token) {
    event.finish_reason = FinishReason::kError;
    event.error = token.error().message;
    return event;
  }
  event.token = *token;
  if (sequence.request.logprobs) event.logprob = LogProbability(logits, *token);
  sequence.tokens.push_back(*token);
  ++statistics_.generated_tokens;
  if (Contains(*sequence.request.stop_token_ids, *token)) {
    event.finish_reason = FinishReason::kStop;
  } else if (static_cast<int>(sequence.tokens.size()) >= sequence.limit) {
    event.finish_reason = FinishReason::kLength;
  }
  return event;
}

Status Engine::Retire(RequestId id) {
  const auto found = std::find_if(live_.begin(), live_.end(),
                                  [id](const Sequence& sequence) { return sequence.id == id; });
  const int slot = found->slot;
  live_.erase(found);
  free_slots_.push_back(slot);
  return kv_->Release(slot);
}

void Engine::CountStep(const StepPlan& plan, int64_t prompt_rows, double seconds) {
  const double share =
      static_cast<double>(prompt_rows) / static_cast<double>(plan.token_ids.size());
  statistics_.prompt_tokens += prompt_rows;
  statistics_.prompt_seconds += seconds * share;
  statistics_.generation_seconds += seconds * (1.0 - share);
}

}  // namespace fairlead

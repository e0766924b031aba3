#include "runtime/engine.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "runtime/kv/make_kv_manager.h"
#include "runtime/run_plan.h"
#include "tokenizer/utf8.h"

namespace fairlead {
namespace {

template <typename... Args>
tl::unexpected<Error> Invalid(fmt::format_string<Args...> format, Args&&... args) {
  return Fail(ErrorCode::kInvalidArgument, "engine", format, std::forward<Args>(args)...);
}

// Refuses a number outside of [least, most].
Status CheckNumber(std::string_view name, int64_t least, int64_t most, int64_t found) {
  if (found >= least && found <= most) return {};
  if (most == std::numeric_limits<int64_t>::max()) {
    return Invalid("{}: expected at least {}, got {}", name, least, found);
  }
  return Invalid("{}: expected {} to {}, got {}", name, least, most, found);
}

Status CheckTokens(std::string_view name, std::span<const int32_t> tokens, int64_t vocabulary) {
  for (int32_t id : tokens) {
    if (id < 0 || id >= vocabulary) {
      return Invalid("{}: expected token ids 0 to {}, got {}", name, vocabulary - 1, id);
    }
  }
  return {};
}

constexpr int64_t kMostDrafts = 1024;
constexpr int64_t kAny = std::numeric_limits<int64_t>::max();

}  // namespace

Result<std::unique_ptr<Engine>> Engine::Create(Executor& executor, ModelFacts facts,
                                               const EngineOptions& options) {
  FAIRLEAD_RETURN_IF_ERROR(CheckExecutor(executor, facts));
  Capabilities limits = executor.capabilities();
  FAIRLEAD_RETURN_IF_ERROR(CheckNumber("max_rows", 0, limits.max_rows, options.max_rows));
  FAIRLEAD_RETURN_IF_ERROR(CheckNumber("mixed_prompt_rows", 1, kAny, options.mixed_prompt_rows));
  FAIRLEAD_RETURN_IF_ERROR(CheckNumber("max_waiting", 1, kAny, options.max_waiting));
  if (options.max_rows > 0) limits.max_rows = options.max_rows;
  return std::unique_ptr<Engine>(
      new Engine(executor, std::move(facts), std::move(limits), options));
}

Engine::Engine(Executor& executor, ModelFacts facts, Capabilities limits,
               const EngineOptions& options)
    : facts_(std::move(facts)),
      limits_(std::move(limits)),
      options_(options),
      batch_(executor, facts_, limits_, MakeKvManager(facts_, limits_, options.prefix_cache),
             {options.mixed_prompt_rows, options.drafter},
             [this](const Event& event) { Report(event); }),
      statistics_(batch_.statistics()) {}

Status Engine::CheckRequest(const Request& request) const {
  const auto prompt = static_cast<int64_t>(request.prompt.size());
  if (prompt == 0) return Invalid("prompt: expected at least 1 token, got 0");
  if (prompt >= limits_.max_position) {
    return Invalid("prompt: expected at most {} tokens and one more for the answer, got {}",
                   limits_.max_position - 1, prompt);
  }
  const int64_t vocabulary = facts_.vocabulary_size;
  FAIRLEAD_RETURN_IF_ERROR(CheckTokens("prompt", request.prompt, vocabulary));
  if (request.stop_token_ids) {
    FAIRLEAD_RETURN_IF_ERROR(CheckTokens("stop_token_ids", *request.stop_token_ids, vocabulary));
  }
  FAIRLEAD_RETURN_IF_ERROR(CheckNumber("n", 1, options_.max_waiting, request.n));
  FAIRLEAD_RETURN_IF_ERROR(CheckNumber("max_tokens", 1, kAny, request.max_tokens));
  FAIRLEAD_RETURN_IF_ERROR(CheckNumber("min_tokens", 0, request.max_tokens, request.min_tokens));
  FAIRLEAD_RETURN_IF_ERROR(
      CheckNumber("top_logprobs", 0, request.logprobs ? vocabulary : 0, request.top_logprobs));
  FAIRLEAD_RETURN_IF_ERROR(
      CheckNumber("draft_tokens", 0, options_.drafter ? kMostDrafts : 0, request.draft_tokens));
  if (!request.stop_strings.empty() && !options_.tokenizer) {
    return Invalid("stop_strings: expected none without a tokenizer");
  }
  for (const std::string& stop : request.stop_strings) {
    if (stop.empty() || FindInvalidUtf8(stop)) {
      return Invalid("stop_strings: expected text in UTF-8, got {}", Quoted(stop));
    }
  }
  return ValidateSampling(request.sampling, vocabulary);
}

int Engine::LongestSequence(int64_t prompt, int64_t max_tokens) const {
  return static_cast<int>(prompt + std::min(max_tokens, limits_.max_position - prompt));
}

Status Engine::CheckRoom(int64_t prompt, int64_t max_tokens) const {
  // The last token never runs.
  return batch_.kv().CheckFits(LongestSequence(prompt, max_tokens) - 1);
}

Result<RequestId> Engine::Submit(Request request, EventSink sink) {
  FAIRLEAD_RETURN_IF_ERROR(CheckRequest(request));
  const auto prompt = static_cast<int64_t>(request.prompt.size());
  FAIRLEAD_RETURN_IF_ERROR(CheckRoom(prompt, request.max_tokens));
  const int limit = LongestSequence(prompt, request.max_tokens);

  {
    const std::lock_guard lock(mutex_);
    FAIRLEAD_RETURN_IF_ERROR(CheckQueue(request.n));
  }
  // Long prompts and large constraints take time that nobody else should wait for.
  const RequestId id = next_id_++;
  const auto shared = std::make_shared<const Request>(std::move(request));
  const auto shared_sink = std::make_shared<const EventSink>(std::move(sink));
  std::vector<std::unique_ptr<Answer>> answers;
  answers.reserve(static_cast<size_t>(shared->n));
  for (int index = 0; index < shared->n; ++index) {
    answers.push_back(
        std::make_unique<Answer>(id, index, shared, facts_, options_.tokenizer, limit));
  }
  const std::lock_guard lock(mutex_);
  FAIRLEAD_RETURN_IF_ERROR(CheckQueue(shared->n));
  submitted_.reserve(submitted_.size() + answers.size());
  open_[id] = {shared_sink, shared->n};
  std::move(answers.begin(), answers.end(), std::back_inserter(submitted_));
  wake_.notify_one();
  return id;
}

Status Engine::CheckQueue(int answers) const {
  FAIRLEAD_RETURN_IF_ERROR(failure_);
  const int64_t waiting = statistics_.waiting + static_cast<int64_t>(submitted_.size());
  if (waiting + answers <= options_.max_waiting) return {};
  return fairlead::Fail(ErrorCode::kResourceExhausted, "engine",
                        "queue: expected at most {} waiting answers, got {} and {} more",
                        options_.max_waiting, waiting, answers);
}

bool Engine::Cancel(RequestId id) {
  const std::lock_guard lock(mutex_);
  if (!open_.contains(id)) return false;
  cancelled_.push_back(id);
  wake_.notify_one();
  return true;
}

void Engine::Report(const Event& event) {
  std::shared_ptr<const EventSink> sink;
  {
    const std::lock_guard lock(mutex_);
    const auto open = open_.find(event.request);
    if (open == open_.end()) return;
    sink = open->second.sink;
    if (event.finish_reason && --open->second.answers == 0) open_.erase(open);
  }
  (*sink)(event);
}

Status Engine::TakeInbox() {
  std::vector<std::unique_ptr<Answer>> submitted;
  std::vector<RequestId> cancelled;
  {
    const std::lock_guard lock(mutex_);
    FAIRLEAD_RETURN_IF_ERROR(failure_);
    submitted.swap(submitted_);
    cancelled.swap(cancelled_);
    statistics_.waiting += static_cast<int>(submitted.size());
  }
  for (std::unique_ptr<Answer>& answer : submitted) batch_.Add(std::move(answer));
  for (RequestId id : cancelled) FAIRLEAD_RETURN_IF_ERROR(batch_.Cancel(id));
  return {};
}

Result<bool> Engine::Step() {
  Result<bool> stepped = false;
  if (Status taken = TakeInbox(); !taken) {
    stepped = tl::unexpected(std::move(taken).error());
  } else {
    stepped = batch_.Step();
  }
  std::vector<std::unique_ptr<Answer>> too_late;
  {
    const std::lock_guard lock(mutex_);
    if (!stepped) {
      failure_ = tl::unexpected(stepped.error());
      too_late.swap(submitted_);
    }
  }
  for (std::unique_ptr<Answer>& answer : too_late) batch_.Add(std::move(answer));
  if (!stepped) batch_.Fail(stepped.error());
  const std::lock_guard lock(mutex_);
  statistics_ = batch_.statistics();
  return stepped;
}

Status Engine::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    FAIRLEAD_ASSIGN_OR_RETURN(const bool stepped, Step());
    if (stepped) continue;
    std::unique_lock lock(mutex_);
    wake_.wait(lock, stop, [this] { return !submitted_.empty() || !cancelled_.empty(); });
  }
  return {};
}

EngineStatistics Engine::statistics() const {
  const std::lock_guard lock(mutex_);
  EngineStatistics statistics = statistics_;
  statistics.waiting += static_cast<int>(submitted_.size());
  return statistics;
}

}  // namespace fairlead

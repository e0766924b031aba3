#include "runtime/batch.h"

#include <algorithm>
#include <chrono>

#include "runtime/run_plan.h"

namespace fairlead {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

template <typename T>
bool IsExhausted(const Result<T>& result) {
  return !result && result.error().code == ErrorCode::kResourceExhausted;
}

}  // namespace

Batch::Batch(Executor& executor, ModelFacts facts, Capabilities limits,
             std::unique_ptr<KvManager> kv, Options options, EventReport report)
    : executor_(executor),
      facts_(std::move(facts)),
      limits_(std::move(limits)),
      kv_(std::move(kv)),
      options_(std::move(options)),
      report_(std::move(report)) {}

Batch::Rank Batch::RankOf(const Answer& answer) {
  return {-int64_t{answer.priority()}, answer.id(), answer.index()};
}

void Batch::Report(const Event& event) {
  if (event.token) ++statistics_.generated_tokens;
  if (event.finish_reason == FinishReason::kCancelled) {
    ++statistics_.cancelled;
  } else if (event.finish_reason == FinishReason::kError) {
    ++statistics_.failed;
  } else if (event.finish_reason) {
    ++statistics_.finished;
  }
  report_(event);
}

void Batch::Add(std::unique_ptr<Answer> answer) {
  const Rank rank = RankOf(*answer);
  Member member;
  member.answer = std::move(answer);
  waiting_.emplace(rank, std::move(member));
}

Status Batch::Cancel(RequestId id) {
  std::vector<size_t> ended;
  for (size_t i = 0; i < live_.size(); ++i) {
    if (live_[i].answer->id() != id) continue;
    live_[i].ended = true;
    Report(live_[i].answer->End(FinishReason::kCancelled));
    ended.push_back(i);
  }
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    Answer& answer = *it->second.answer;
    if (answer.id() == id) Report(answer.End(FinishReason::kCancelled));
    it = answer.id() == id ? waiting_.erase(it) : std::next(it);
  }
  return Release(ended);
}

void Batch::Fail(const Error& error) {
  for (Member& member : live_) {
    if (!member.ended) Report(member.answer->End(FinishReason::kError, error.message));
  }
  for (auto& [rank, member] : waiting_) {
    Report(member.answer->End(FinishReason::kError, error.message));
  }
  live_.clear();
  waiting_.clear();
}

const Batch::Member* Batch::Sibling(const Member& member) const {
  const Member* sibling = nullptr;
  for (const Member& other : live_) {
    if (other.answer->id() != member.answer->id()) continue;
    sibling = &other;
    if (other.cached >= other.answer->prompt_size()) break;
  }
  return sibling;
}

bool Batch::AwaitsPrompt(const Member& member) const {
  const Member* sibling = Sibling(member);
  return sibling != nullptr && sibling->cached < sibling->answer->prompt_size();
}

Result<Admission> Batch::Place(const Member& member) {
  const Member* sibling = Sibling(member);
  if (sibling != nullptr && member.answer->generated() == 0) {
    return kv_->Fork(sibling->slot, member.answer->prompt_size());
  }
  return kv_->Admit(member.answer->tokens());
}

Status Batch::AdmitWaiting() {
  for (auto next = waiting_.begin(); next != waiting_.end();) {
    Member& member = next->second;
    if (AwaitsPrompt(member)) {
      ++next;
      continue;
    }
    const Result<Admission> place = Place(member);
    if (IsExhausted(place)) {
      if (live_.empty()) return tl::unexpected(place.error());
      const size_t last = LastRanked();
      if (live_[last].answer->priority() >= member.answer->priority()) return {};
      FAIRLEAD_RETURN_IF_ERROR(Preempt(last));
      continue;
    }
    if (!place) return tl::unexpected(place.error());
    member.slot = place->slot;
    member.cached = place->cached;
    member.last_step = statistics_.steps;
    live_.push_back(std::move(member));
    next = waiting_.erase(next);
  }
  return {};
}

size_t Batch::LastRanked() const {
  const auto last = std::max_element(
      live_.begin(), live_.end(),
      [](const Member& a, const Member& b) { return RankOf(*a.answer) < RankOf(*b.answer); });
  return static_cast<size_t>(last - live_.begin());
}

Status Batch::Preempt(size_t index) {
  Member member = std::move(live_[index]);
  live_.erase(live_.begin() + static_cast<ptrdiff_t>(index));
  FAIRLEAD_RETURN_IF_ERROR(kv_->Release(member.slot));
  ++statistics_.preemptions;
  member.slot = -1;
  member.cached = 0;
  member.draft.clear();
  const Rank rank = RankOf(*member.answer);
  waiting_.emplace(rank, std::move(member));
  return {};
}

Status Batch::Release(const std::vector<size_t>& ended) {
  for (auto index = ended.rbegin(); index != ended.rend(); ++index) {
    const int slot = live_[*index].slot;
    live_.erase(live_.begin() + static_cast<ptrdiff_t>(*index));
    FAIRLEAD_RETURN_IF_ERROR(kv_->Release(slot));
  }
  return {};
}

void Batch::Draft() {
  for (Member& member : live_) {
    member.draft.clear();
    if (options_.drafter && member.answer->wants_drafts() && member.remaining() == 1) {
      member.draft = member.answer->Draft(*options_.drafter);
    }
  }
}

std::vector<RowShare> Batch::Share() const {
  std::vector<PendingTokens> pending;
  pending.reserve(live_.size());
  for (const Member& member : live_) {
    pending.push_back({member.remaining(), static_cast<int>(member.draft.size()),
                       member.answer->priority(), member.last_step});
  }
  return ShareRows(pending, limits_, {options_.mixed_prompt_rows, prompts_next_});
}

Result<bool> Batch::ReserveAll(std::span<const RowShare> shares) {
  for (const RowShare& share : shares) {
    Member& member = live_[share.index];
    const Status reserved = kv_->Reserve(member.slot, member.cached + share.count);
    if (reserved) continue;
    if (!IsExhausted(reserved)) return tl::unexpected(reserved.error());
    if (std::any_of(live_.begin(), live_.end(), [](const Member& m) { return !m.draft.empty(); })) {
      for (Member& drafting : live_) drafting.draft.clear();
    } else if (live_.size() > 1) {
      FAIRLEAD_RETURN_IF_ERROR(Preempt(LastRanked()));
    } else {
      return tl::unexpected(reserved.error());
    }
    return false;
  }
  return true;
}

StepPlan Batch::BuildPlan(std::span<const RowShare> shares) const {
  StepPlan plan;
  for (const RowShare& share : shares) {
    const Member& member = live_[share.index];
    const std::vector<int32_t>& tokens = member.answer->tokens();
    const int known = std::min(share.count, member.remaining());
    const auto first = tokens.begin() + member.cached;
    plan.token_ids.insert(plan.token_ids.end(), first, first + known);
    plan.token_ids.insert(plan.token_ids.end(), member.draft.begin(),
                          member.draft.begin() + (share.count - known));
    const auto rows = static_cast<int32_t>(plan.token_ids.size());
    for (int32_t row = rows - share.outputs; row < rows; ++row) plan.output_rows.push_back(row);
    plan.spans.push_back({member.slot, member.cached, share.count});
    kv_->FillPages(plan.spans.back(), plan);
  }
  return plan;
}

Result<bool> Batch::Step() {
  const Clock::time_point start = Clock::now();
  FAIRLEAD_RETURN_IF_ERROR(AdmitWaiting());
  if (live_.empty()) return false;
  Draft();
  std::vector<RowShare> shares;
  for (bool reserved = false; !reserved;) {
    shares = Share();
    FAIRLEAD_ASSIGN_OR_RETURN(reserved, ReserveAll(shares));
  }
  const StepPlan plan = BuildPlan(shares);
  const Clock::time_point before = Clock::now();
  FAIRLEAD_ASSIGN_OR_RETURN(Tensor logits, RunPlan(executor_, facts_, plan));
  statistics_.executor_seconds += SecondsSince(before);
  ++statistics_.steps;
  FAIRLEAD_ASSIGN_OR_RETURN(const int64_t prompt_rows, Take(shares, logits.As<float>()));
  const double seconds = SecondsSince(start);
  const double prompt_share =
      static_cast<double>(prompt_rows) / static_cast<double>(plan.token_ids.size());
  statistics_.prompt_seconds += seconds * prompt_share;
  statistics_.generation_seconds += seconds * (1.0 - prompt_share);
  return true;
}

Result<int64_t> Batch::Take(std::span<const RowShare> shares, std::span<float> logits) {
  const auto columns = static_cast<size_t>(facts_.vocabulary_size);
  int64_t prompt_rows = 0;
  size_t row = 0;
  std::vector<size_t> ended;
  for (const RowShare& share : shares) {
    Member& member = live_[share.index];
    prompt_rows += CountRows(member, share.count);
    prompts_next_ = member.remaining() == 1;
    const auto outputs = static_cast<size_t>(share.outputs);
    FAIRLEAD_ASSIGN_OR_RETURN(
        const bool goes_on,
        Advance(member, share, logits.subspan(row * columns, outputs * columns)));
    if (!goes_on) ended.push_back(share.index);
    row += outputs;
  }
  std::sort(ended.begin(), ended.end());
  FAIRLEAD_RETURN_IF_ERROR(Release(ended));
  return prompt_rows;
}

int64_t Batch::CountRows(Member& member, int count) {
  const int end = member.cached + count;
  const int again = std::clamp(member.computed - member.cached, 0, count);
  const int first_time = std::max(
      0, std::min(end, member.answer->prompt_size()) - std::max(member.cached, member.computed));
  statistics_.recomputed_tokens += again;
  statistics_.prompt_tokens += first_time;
  return int64_t{again} + first_time;
}

Result<bool> Batch::Advance(Member& member, const RowShare& share, std::span<float> logits) {
  const auto columns = static_cast<size_t>(facts_.vocabulary_size);
  bool goes_on = true;
  member.cached += share.count - share.outputs;
  for (size_t row = 0; row < static_cast<size_t>(share.outputs); ++row) {
    const Event event = member.answer->Advance(logits.subspan(row * columns, columns));
    ++member.cached;
    goes_on = !event.finish_reason;
    member.ended = !goes_on;
    const bool drafted = row + 1 < static_cast<size_t>(share.outputs);
    const bool right = drafted && event.token && *event.token == member.draft[row];
    if (right) ++statistics_.accepted_tokens;
    Report(event);
    if (!goes_on || !right) break;
  }
  statistics_.drafted_tokens += std::max(0, share.outputs - 1);
  member.computed = std::max(member.computed, member.cached);
  member.last_step = statistics_.steps;
  const std::span<const int32_t> tokens = member.answer->tokens();
  FAIRLEAD_RETURN_IF_ERROR(
      kv_->Commit(member.slot, tokens.first(static_cast<size_t>(member.cached))));
  FAIRLEAD_RETURN_IF_ERROR(kv_->Truncate(member.slot, member.cached));
  return goes_on;
}

EngineStatistics Batch::statistics() const {
  EngineStatistics statistics = statistics_;
  statistics.live = static_cast<int>(live_.size());
  statistics.waiting = static_cast<int>(waiting_.size());
  statistics.kv = kv_->statistics();
  return statistics;
}

}  // namespace fairlead

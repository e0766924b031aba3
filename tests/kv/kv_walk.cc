#include "tests/kv/kv_walk.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/kv/make_kv_manager.h"
#include "runtime/run_plan.h"

namespace fairlead::testing {

KvWalk::KvWalk(uint32_t seed, const FakeLimits& limits, bool prefix_cache, int longest)
    : random_(seed),
      executor_(limits),
      kv_(MakeKvManager(executor_.facts(), executor_.capabilities(), prefix_cache)),
      window_(limits.window),
      longest_(longest) {
  const Status suits = CheckExecutor(executor_, executor_.facts());
  EXPECT_TRUE(suits) << suits.error().message;
}

void KvWalk::Run(int operations) {
  for (int i = 0; i < operations && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(i);
    Operate();
    Check();
  }
  while (!live_.empty() && !::testing::Test::HasFailure()) Release();
  Check();
  for (const KvStatistics::Pages& pages : kv_->statistics().pages) EXPECT_EQ(pages.held, 0);
}

void KvWalk::Operate() {
  const int choice = Below(100);
  if (live_.empty() || choice < 12) {
    Admit();
  } else if (choice < 16) {
    Fork();
  } else if (choice < 84) {
    Step();
  } else if (choice < 92) {
    if (!nothing_is_lost) Truncate();
  } else {
    Release();
  }
}

int KvWalk::AnySlot() {
  return std::next(live_.begin(), Below(static_cast<int>(live_.size())))->first;
}

std::vector<int32_t> KvWalk::NewText() {
  std::vector<int32_t> text;
  if (!texts_.empty() && Below(8) > 0) {
    // Mostly one of the last few, cut anywhere or not at all.
    const auto recent = std::min<size_t>(texts_.size(), 6);
    text = texts_[texts_.size() - 1 - static_cast<size_t>(Below(static_cast<int>(recent)))];
    if (Below(3) > 0) text.resize(static_cast<size_t>(1 + Below(static_cast<int>(text.size()))));
  }
  // Two letters: texts that differ come together again, and blocks look alike.
  const int more = Below(4) == 0 ? Below(200) : Below(20);
  for (int i = 0; i < more || text.empty(); ++i) text.push_back(Below(8) == 0 ? 1 : 2);
  text.resize(std::min(text.size(), static_cast<size_t>(longest_ - 1)));
  texts_.push_back(text);
  return text;
}

int KvWalk::LongestKnown(const std::vector<int32_t>& text) const {
  size_t longest = 0;
  const auto compare = [&](const std::vector<int32_t>& known) {
    const auto end = std::mismatch(text.begin(), text.end(), known.begin(), known.end()).first;
    longest = std::max(longest, static_cast<size_t>(end - text.begin()) / kPageTokens);
  };
  for (const std::vector<int32_t>& known : ended_) compare(known);
  for (const auto& [slot, sequence] : live_) compare(sequence.tokens);
  return static_cast<int>(std::min(longest, (text.size() - 1) / kPageTokens)) * kPageTokens;
}

void KvWalk::Admit() {
  const std::vector<int32_t> text = NewText();
  const KvStatistics before = kv_->statistics();
  const Result<Admission> admission = kv_->Admit(text);
  if (!admission) {
    EXPECT_EQ(admission.error().code, ErrorCode::kResourceExhausted);
    EXPECT_EQ(kv_->statistics().admissions, before.admissions);
    ++refused_admissions;
    return;
  }
  if (nothing_is_lost) {
    ASSERT_EQ(admission->cached, LongestKnown(text));
  }
  ASSERT_LT(admission->cached, static_cast<int>(text.size()));
  ASSERT_EQ(live_.count(admission->slot), 0u);
  EXPECT_EQ(kv_->statistics().reused_tokens, before.reused_tokens + admission->cached);
  live_[admission->slot] = {
      {text.begin(), text.begin() + admission->cached}, text, static_cast<int>(text.size())};
}

void KvWalk::Fork() {
  const int parent = AnySlot();
  const std::vector<int32_t>& text = live_[parent].tokens;
  if (text.empty()) return;
  const int length =
      Below(2) == 0 ? static_cast<int>(text.size()) : 1 + Below(static_cast<int>(text.size()));
  const Result<Admission> admission = kv_->Fork(parent, length);
  if (!admission) {
    EXPECT_EQ(admission.error().code, ErrorCode::kResourceExhausted);
    return;
  }
  ASSERT_LT(admission->cached, length);
  ASSERT_EQ(live_.count(admission->slot), 0u);
  ++forks;
  shared_by_forks += admission->cached;
  live_[admission->slot] = {{text.begin(), text.begin() + admission->cached},
                            {text.begin(), text.begin() + length},
                            length};
}

void KvWalk::Step() {
  const Capabilities& limits = executor_.capabilities();
  StepPlan plan;
  std::vector<std::vector<int32_t>> texts;  // of each span, drafts included
  std::set<int> slots;
  const int wanted = 1 + Below(3);
  int rows_left = limits.max_rows;
  for (int i = 0; i < wanted && rows_left > 0; ++i) {
    const int slot = AnySlot();
    const Sequence& sequence = live_[slot];
    const auto done = static_cast<int>(sequence.tokens.size());
    int most = std::min(rows_left, longest_ - done);
    if (!limits.shapes.empty()) {
      // Either one sequence alone or several with few rows.
      const StepShape& shape = limits.shapes[wanted == 1 ? 0 : 1];
      most = std::min(most, shape.tokens);
    }
    if (most < 1 || slots.count(slot) > 0) continue;
    std::vector<int32_t> text = sequence.tokens;
    const int rows = 1 + Below(most);
    for (int row = done; row < done + rows; ++row) {
      const bool given = row < static_cast<int>(sequence.coming.size()) && Below(50) > 0;
      text.push_back(given ? sequence.coming[static_cast<size_t>(row)] : Below(3));
    }
    const Status reserved = kv_->Reserve(slot, done + rows);
    if (!reserved) {
      EXPECT_EQ(reserved.error().code, ErrorCode::kResourceExhausted);
      EXPECT_GT(done + rows, sequence.promised) << "promised: " << reserved.error().message;
      ++refused_reserves;
      continue;
    }
    slots.insert(slot);
    const Span span{slot, done, rows};
    plan.spans.push_back(span);
    kv_->FillPages(span, plan);
    for (int row = done; row < done + rows; ++row) {
      plan.output_rows.push_back(static_cast<int32_t>(plan.token_ids.size()));
      plan.token_ids.push_back(text[static_cast<size_t>(row)]);
    }
    texts.push_back(std::move(text));
    rows_left -= rows;
  }
  if (plan.spans.empty()) return;
  const Result<Tensor> logits = RunPlan(executor_, executor_.facts(), plan);
  ASSERT_TRUE(logits) << logits.error().message;
  ++steps;
  size_t row = 0;
  for (size_t s = 0; s < plan.spans.size(); ++s) {
    const Span& span = plan.spans[s];
    for (int i = 0; i < span.token_count; ++i, ++row) {
      const auto seen = static_cast<size_t>(span.start_position + i) + 1;
      const std::vector<float> expected = FakeLogits(std::span(texts[s]).first(seen), window_);
      const auto found = logits->As<float>().subspan(row * expected.size(), expected.size());
      ASSERT_TRUE(std::equal(expected.begin(), expected.end(), found.begin()))
          << "slot " << span.slot << " position " << seen - 1;
    }
    const int accepted = Below(3) > 0 ? span.token_count : 1 + Below(span.token_count);
    texts[s].resize(static_cast<size_t>(span.start_position + accepted));
    if (accepted < span.token_count) {
      const Status cut = kv_->Truncate(span.slot, span.start_position + accepted);
      ASSERT_TRUE(cut) << cut.error().message;
    }
    const Status committed = kv_->Commit(span.slot, texts[s]);
    ASSERT_TRUE(committed) << committed.error().message;
    live_[span.slot].tokens = std::move(texts[s]);
  }
}

void KvWalk::Truncate() {
  const int slot = AnySlot();
  Sequence& sequence = live_[slot];
  const auto length = static_cast<int>(sequence.tokens.size());
  int target = std::max(0, length - Below(80));
  if (Below(3) == 0) target = target / kPageTokens * kPageTokens;
  const Status cut = kv_->Truncate(slot, target);
  if (!cut) {
    EXPECT_EQ(cut.error().code, ErrorCode::kInvalidArgument);
    ++refused_truncations;
    return;
  }
  sequence.tokens.resize(static_cast<size_t>(target));
  // Room that is shared with others is not promised a second time.
  if (target < length) sequence.promised = std::min(sequence.promised, target);
  ++truncations;
}

void KvWalk::Release() {
  const int slot = AnySlot();
  ASSERT_TRUE(kv_->Release(slot));
  if (!live_[slot].tokens.empty()) texts_.push_back(live_[slot].tokens);
  ended_.push_back(live_[slot].tokens);
  live_.erase(slot);
}

void KvWalk::Check() {
  const Status sound = kv_->CheckInvariants();
  ASSERT_TRUE(sound) << sound.error().message;
  for (const KvStatistics::Pages& pages : kv_->statistics().pages) {
    ASSERT_EQ(pages.total, pages.free + pages.cached + pages.held) << pages.group;
  }
}

}  // namespace fairlead::testing

#include "tests/support/plans.h"

#include <algorithm>
#include <numeric>

#include "tests/support/random.h"

namespace fairlead::testing {

SlotPages::SlotPages(const ModelFacts& facts, int slots, int64_t positions, uint64_t seed)
    : groups_(facts.kv_groups) {
  const auto each = static_cast<size_t>((positions + kPageTokens - 1) / kPageTokens);
  Random random(seed);
  for (size_t g = 0; g < groups_.size(); ++g) {
    std::vector<int32_t> all(each * static_cast<size_t>(slots));
    std::iota(all.begin(), all.end(), 0);
    random.Shuffle(all);
    auto& group = pages_.emplace_back();
    for (auto from = all.begin(); from != all.end(); from += static_cast<std::ptrdiff_t>(each)) {
      group.emplace_back(from, from + static_cast<std::ptrdiff_t>(each));
    }
  }
}

std::vector<int> SlotPages::kv_pages() const {
  std::vector<int> counts;
  for (const auto& group : pages_) {
    counts.push_back(static_cast<int>(group.size() * group[0].size()));
  }
  return counts;
}

std::vector<PageTable> SlotPages::Tables(const std::vector<Span>& spans) const {
  std::vector<PageTable> tables;
  for (size_t g = 0; g < groups_.size(); ++g) {
    PageTable table;
    table.offsets.push_back(0);
    for (const Span& span : spans) {
      const auto& owned = pages_[g][static_cast<size_t>(span.slot)];
      const int first = FirstVisible(groups_[g], span.start_position) / kPageTokens;
      const int last = (span.start_position + span.token_count - 1) / kPageTokens;
      table.first_page.push_back(first);
      table.pages.insert(table.pages.end(), owned.begin() + first, owned.begin() + last + 1);
      table.offsets.push_back(static_cast<int32_t>(table.pages.size()));
    }
    tables.push_back(std::move(table));
  }
  return tables;
}

Schedule CutIntoSteps(const std::vector<Sequence>& sequences, int budget) {
  std::vector<int> done(sequences.size());
  const auto left = [&](size_t s) {
    return static_cast<int>(sequences[s].tokens.size()) - done[s];
  };
  Random random(static_cast<uint64_t>(budget));
  Schedule schedule;
  for (;;) {
    std::vector<size_t> order(sequences.size());
    std::iota(order.begin(), order.end(), 0);
    random.Shuffle(order);
    std::vector<Span> spans;
    int room = budget;
    for (size_t i = 0; i < order.size() && room > 0; ++i) {
      const size_t s = order[i];
      if (left(s) == 0) continue;
      const auto others = std::any_of(order.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                      order.end(), [&](size_t o) { return left(o) > 0; });
      const int share = others ? static_cast<int>(random.Int(1, room)) : room;
      const int count = std::min(share, left(s));
      spans.push_back({sequences[s].slot, done[s], count});
      done[s] += count;
      room -= count;
    }
    if (spans.empty()) return schedule;
    schedule.push_back(std::move(spans));
  }
}

StepPlan MakePlan(const std::vector<Span>& spans, const std::vector<Sequence>& sequences,
                  const SlotPages& pages) {
  StepPlan plan;
  plan.spans = spans;
  for (const Span& span : spans) {
    const auto sequence = std::find_if(sequences.begin(), sequences.end(),
                                       [&](const Sequence& s) { return s.slot == span.slot; });
    const auto first = sequence->tokens.begin() + span.start_position;
    plan.token_ids.insert(plan.token_ids.end(), first, first + span.token_count);
  }
  plan.output_rows.resize(plan.token_ids.size());
  std::iota(plan.output_rows.begin(), plan.output_rows.end(), 0);
  plan.pages = pages.Tables(spans);
  return plan;
}

}  // namespace fairlead::testing

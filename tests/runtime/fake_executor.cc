#include "tests/runtime/fake_executor.h"

#include <algorithm>
#include <cstring>

namespace fairlead::testing {
namespace {

uint64_t Mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
  return hash ^ (hash >> 29);
}

uint64_t HashOf(std::span<const int32_t> tokens) {
  uint64_t hash = tokens.size();
  for (int32_t token : tokens) hash = Mix(hash, static_cast<uint64_t>(token) + 1);
  return hash;
}

std::vector<float> LogitsOf(std::span<const int32_t> full, std::span<const int32_t> sliding) {
  const uint64_t seed = Mix(HashOf(full), HashOf(sliding));
  std::vector<float> logits;
  for (uint64_t i = 0; i < kFakeVocabulary; ++i) {
    logits.push_back(static_cast<float>(Mix(seed, i + 1) % 4096) / 512.0f);
  }
  return logits;
}

}  // namespace

ModelFacts FakeFacts(int window) {
  ModelFacts facts;
  facts.model_type = "fake";
  facts.vocabulary_size = kFakeVocabulary;
  facts.layers = 2;
  facts.max_positions = 1024;
  facts.kv_groups = {{"full", 0, 1, 1, 1}, {"sliding", window, 1, 1, 1}};
  facts.eos_token_ids = {7};
  return facts;
}

std::vector<float> FakeLogits(std::span<const int32_t> tokens, int window) {
  return LogitsOf(tokens, tokens.last(std::min(tokens.size(), static_cast<size_t>(window))));
}

FakeExecutor::FakeExecutor(const FakeLimits& limits) : facts_(FakeFacts(limits.window)) {
  facts_.max_positions = std::max(facts_.max_positions, limits.max_position);
  ExecutorOptions options;
  options.max_rows = limits.max_rows;
  options.max_slots = limits.max_slots;
  options.max_position = limits.max_position;
  options.kv_pages = limits.kv_pages;
  limits_ = PlanCapabilities(facts_, options).value();
  limits_.shapes = limits.shapes;
  limits_.slot_positions = limits.slot_positions;
  if (!limits.slot_positions.empty()) limits_.kv_pages.clear();
  for (int pages : limits_.kv_pages) {
    cells_.emplace_back(static_cast<size_t>(pages) * kPageTokens, -1);
  }
  for (int ring : limits_.slot_positions) {
    cells_.emplace_back(static_cast<size_t>(ring) * (static_cast<size_t>(limits_.max_slots) + 1),
                        -1);
  }
}

int32_t& FakeExecutor::RingCell(size_t group, int slot, int position) {
  const int ring = limits_.slot_positions[group];
  return cells_[group][static_cast<size_t>(slot) * static_cast<size_t>(ring) +
                       static_cast<size_t>(position % ring)];
}

int32_t& FakeExecutor::Cell(size_t group, const StepPlan& plan, size_t span, int position) {
  if (!limits_.slot_positions.empty()) return RingCell(group, plan.spans[span].slot, position);
  const PageTable& table = plan.pages[group];
  const int index = table.offsets[span] + position / kPageTokens - table.first_page[span];
  const int32_t page = table.pages[static_cast<size_t>(index)];
  return cells_[group][static_cast<size_t>(page * kPageTokens + position % kPageTokens)];
}

void FakeExecutor::WritePadding(const StepPlan& plan) {
  if (limits_.slot_positions.empty()) return;
  for (const StepShape& shape : limits_.shapes) {
    int most = 0;
    for (const Span& span : plan.spans) most = std::max(most, span.token_count);
    if (static_cast<int>(plan.spans.size()) > shape.spans || most > shape.tokens) continue;
    for (const Span& span : plan.spans) {
      for (int i = span.token_count; i < shape.tokens; ++i) {
        for (size_t g = 0; g < cells_.size(); ++g) {
          RingCell(g, limits_.max_slots, span.start_position + i) = -2;
        }
      }
    }
    return;
  }
}

std::vector<int32_t> FakeExecutor::Visible(size_t group, const StepPlan& plan, size_t span,
                                           int position) {
  std::vector<int32_t> tokens;
  for (int p = FirstVisible(facts_.kv_groups[group], position); p <= position; ++p) {
    tokens.push_back(Cell(group, plan, span, p));
  }
  return tokens;
}

Result<StepResult> FakeExecutor::Step(const StepPlan& plan) {
  FAIRLEAD_RETURN_IF_ERROR(failure);
  FAIRLEAD_RETURN_IF_ERROR(ValidatePlan(plan, facts_, limits_));
  plans_.push_back(plan);
  size_t row = 0;
  for (size_t s = 0; s < plan.spans.size(); ++s) {
    for (int i = 0; i < plan.spans[s].token_count; ++i, ++row) {
      const int position = plan.spans[s].start_position + i;
      for (size_t g = 0; g < cells_.size(); ++g) Cell(g, plan, s, position) = plan.token_ids[row];
    }
  }
  WritePadding(plan);
  std::vector<float> logits;
  int32_t first_row = 0;
  for (size_t s = 0; s < plan.spans.size(); ++s) {
    const Span& span = plan.spans[s];
    for (int32_t output : plan.output_rows) {
      if (output < first_row || output >= first_row + span.token_count) continue;
      const int position = span.start_position + output - first_row;
      const std::vector<int32_t> seen = Visible(0, plan, s, position);
      std::vector<float> of_row = LogitsOf(seen, Visible(1, plan, s, position));
      if (change_logits) change_logits(seen, of_row);
      logits.insert(logits.end(), of_row.begin(), of_row.end());
    }
    first_row += span.token_count;
  }
  const auto rows = static_cast<int64_t>(plan.output_rows.size());
  return StepResult{Tensor::FromFloats({rows, kFakeVocabulary}, logits)};
}

}  // namespace fairlead::testing

#include "runtime/scheduler.h"

#include <algorithm>
#include <numeric>

namespace fairlead {
namespace {

// Indices of pending sequences, in the order in which they are served.
struct Queues {
  std::vector<size_t> decoding;
  std::vector<size_t> prompts;
};

Queues Order(std::span<const PendingTokens> pending) {
  std::vector<size_t> order(pending.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const PendingTokens& x = pending[a];
    const PendingTokens& y = pending[b];
    return x.priority != y.priority ? x.priority > y.priority : x.last_step < y.last_step;
  });
  Queues queues;
  for (size_t i : order) {
    (pending[i].remaining == 1 ? queues.decoding : queues.prompts).push_back(i);
  }
  return queues;
}

RowShare PromptShare(size_t index, const PendingTokens& prompt, int rows) {
  const int count = std::min(rows, prompt.remaining);
  return {index, count, count == prompt.remaining ? 1 : 0};
}

// Gives drafted tokens at most `rows` rows, in equal parts as far as they are wanted.
void AddDrafts(std::span<const PendingTokens> pending, std::span<RowShare> shares, int rows) {
  std::vector<RowShare*> drafting;
  for (RowShare& share : shares) {
    if (pending[share.index].drafted > 0) drafting.push_back(&share);
  }
  auto left = static_cast<int>(drafting.size());
  for (RowShare* share : drafting) {
    const int part = left > 1 ? rows / left : rows;
    const int drafted = std::min(part, pending[share->index].drafted);
    share->count += drafted;
    share->outputs += drafted;
    rows -= drafted;
    --left;
  }
}

std::vector<RowShare> ShareRagged(std::span<const PendingTokens> pending, const Queues& queues,
                                  int max_rows, int mixed_prompt_rows) {
  std::vector<RowShare> shares;
  int rows_left = max_rows;
  for (size_t i : queues.decoding) {
    if (rows_left == 0) break;
    shares.push_back({i, 1, 1});
    --rows_left;
  }
  const size_t decoding = shares.size();
  int prompt_rows = decoding > 0 ? std::min(rows_left, mixed_prompt_rows) : rows_left;
  for (size_t i : queues.prompts) {
    if (prompt_rows == 0) break;
    shares.push_back(PromptShare(i, pending[i], prompt_rows));
    prompt_rows -= shares.back().count;
    rows_left -= shares.back().count;
  }
  AddDrafts(pending, std::span(shares).first(decoding), std::min(rows_left, mixed_prompt_rows));
  return shares;
}

// The shape that runs most decoding sequences, with most tokens of each.
StepShape DecodingShape(std::span<const StepShape> shapes) {
  return *std::max_element(shapes.begin(), shapes.end(), [](StepShape a, StepShape b) {
    return a.spans != b.spans ? a.spans < b.spans : a.tokens < b.tokens;
  });
}

// The shape that runs the longest chunk of a prompt, with most sequences beside it.
StepShape PromptShape(std::span<const StepShape> shapes) {
  return *std::max_element(shapes.begin(), shapes.end(), [](StepShape a, StepShape b) {
    return a.tokens != b.tokens ? a.tokens < b.tokens : a.spans < b.spans;
  });
}

std::vector<RowShare> ShareFixed(std::span<const PendingTokens> pending, const Queues& queues,
                                 std::span<const StepShape> shapes, bool prompts_next) {
  const bool prompts = queues.decoding.empty() || (prompts_next && !queues.prompts.empty());
  const std::vector<size_t>& queue = prompts ? queues.prompts : queues.decoding;
  const StepShape shape = prompts ? PromptShape(shapes) : DecodingShape(shapes);
  std::vector<RowShare> shares;
  for (size_t i : queue) {
    if (static_cast<int>(shares.size()) == shape.spans) break;
    if (prompts) {
      shares.push_back(PromptShare(i, pending[i], shape.tokens));
    } else {
      const int count = std::min(shape.tokens, 1 + pending[i].drafted);
      shares.push_back({i, count, count});
    }
  }
  return shares;
}

}  // namespace

std::vector<RowShare> ShareRows(std::span<const PendingTokens> pending, const Capabilities& limits,
                                const SharePolicy& policy) {
  const Queues queues = Order(pending);
  if (!limits.shapes.empty()) {
    return ShareFixed(pending, queues, limits.shapes, policy.prompts_next);
  }
  return ShareRagged(pending, queues, limits.max_rows, policy.mixed_prompt_rows);
}

}  // namespace fairlead

// One step of execution as plain, serialisable data: prompt processing, decoding, chunked prefill,
// speculation and any mix of them are all spans.
#pragma once

#include <cstdint>
#include <vector>

#include "base/error.h"
#include "config/model_facts.h"

namespace fairlead {

// Positions per page of the KV cache. Divides the 256 positions at which attention splits.
inline constexpr int kPageTokens = 32;

// Consecutive positions of one sequence. Its rows are contiguous and ascending in token_ids.
struct Span {
  int slot = 0;            // which sequence, below Capabilities::max_slots
  int start_position = 0;  // position of its first row
  int token_count = 0;
};

// The pages of every span for one KV group, in compressed-row form: span s owns
// pages[offsets[s] .. offsets[s + 1]), which cover positions from first_page[s] * kPageTokens on.
// Every position the step writes or may see must be covered.
struct PageTable {
  std::vector<int32_t> first_page;
  std::vector<int32_t> offsets;
  std::vector<int32_t> pages;
};

struct StepPlan {
  std::vector<Span> spans;
  std::vector<int32_t> token_ids;    // one per row: the sum of token_count
  std::vector<int32_t> output_rows;  // rows whose logits are wanted, ascending
  std::vector<PageTable> pages;      // one per KV group of the model; none for slots
};

// A program of fixed shape: at most `spans` sequences with at most `tokens` rows each.
struct StepShape {
  int spans = 0;
  int tokens = 0;
};

// What a step may ask for; an executor promises to run every plan within these.
struct Capabilities {
  int max_rows = 0;          // token budget of a step
  int max_slots = 0;         // sequences that may be alive
  int64_t max_position = 0;  // positions are below this
  // Where keys and values lie. Either in pages, whose number there is per KV group, or, where that
  // is empty, in slots: per KV group the last so many positions that were written to a slot.
  std::vector<int> kv_pages = {};
  std::vector<int> slot_positions = {};
  // Empty: any plan within max_rows. Else a plan must fit one of these.
  std::vector<StepShape> shapes = {};
};

// Rows that one sequence may have in a step.
int MostSpanRows(const Capabilities& limits);

// Checks a plan against the executor's promises: rows, shapes, one span per slot, ids below the
// vocabulary, output rows, and page tables that cover what each span writes and sees, or none for
// slots. Every executor calls this first.
Status ValidatePlan(const StepPlan& plan, const ModelFacts& facts, const Capabilities& limits);

// The first position that a query at `position` can see in `group`.
inline int FirstVisible(const KvGroup& group, int position) {
  return group.window > 0 && position >= group.window ? position - group.window + 1 : 0;
}

}  // namespace fairlead

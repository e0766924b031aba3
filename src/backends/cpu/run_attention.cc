// Attention over the paged KV cache.
#include <algorithm>
#include <atomic>

#include "backends/cpu/step_state.h"

namespace fairlead::cpu {
namespace {

static_assert(kKvPage == kPageTokens && kSplit % kPageTokens == 0);

// Rows of a span that one thread takes together, so that a piece of the cache is read from memory
// once for all of them.
constexpr int kBlockRows = 16;

// Some consecutive rows of a span, for one kv head.
struct Block {
  int span;
  int first_row;  // of the step
  int rows;
  int kv_head;
};

int64_t StateFloats(int heads, int padded_dim) {
  return 2 * RoundUp(heads, 16) + int64_t{heads} * padded_dim;
}

AttentionState StateAt(float* memory, int heads) {
  const int64_t lanes = RoundUp(heads, 16);
  return {memory, memory + lanes, memory + 2 * lanes};
}

// One attention op in one step.
class Attention {
 public:
  Attention(const AttentionOp& op, const Node& node, const KvPool& pool, const StepState& state)
      : op_(op),
        state_(state),
        pool_(pool),
        pages_(state.plan->pages[static_cast<size_t>(op.kv_group)]),
        q_(state.Floats(node.inputs[0])),
        k_(state.Floats(node.inputs[1])),
        v_(state.Floats(node.inputs[2])),
        sinks_(state.FloatsOrNull(node.inputs[3])),
        output_(state.Floats(node.outputs[0])),
        heads_(op.num_heads / op.num_kv_heads) {}

  void Run() {
    WriteCache();
    const std::vector<Block> blocks = Blocks();
    // Every thread has its own scratch, so a thread is an index here and takes blocks from a list.
    std::atomic<size_t> next{0};
    const auto work = [&](int64_t thread) {
      float* scratch = state_.scratch.attention.floats() + thread * state_.scratch.attention_floats;
      for (size_t i = next.fetch_add(1); i < blocks.size(); i = next.fetch_add(1)) {
        RunBlock(blocks[i], scratch);
      }
    };
    Parallel(state_.compute, state_.compute.pool->size(), Multiplications(), work);
  }

 private:
  int64_t Page(int span, int position) const {
    const auto s = static_cast<size_t>(span);
    return pages_.pages[static_cast<size_t>(pages_.offsets[s] + position / kPageTokens -
                                            pages_.first_page[s])];
  }
  int FirstSeen(int position) const {
    return op_.window > 0 ? std::max(0, position - op_.window + 1) : 0;
  }

  void WriteCache() const {
    const int64_t kv_columns = int64_t{op_.num_kv_heads} * op_.head_dim;
    int64_t row = 0;
    for (size_t s = 0; s < state_.plan->spans.size(); ++s) {
      const Span& span = state_.plan->spans[s];
      for (int i = 0; i < span.token_count; ++i, ++row) {
        const int position = span.start_position + i;
        pool_.Write(Page(static_cast<int>(s), position), position % kPageTokens,
                    k_ + row * kv_columns, v_ + row * kv_columns);
      }
    }
  }

  int64_t Multiplications() const {
    int64_t keys = 0;
    for (int32_t position : state_.positions) keys += position + 1 - FirstSeen(position);
    return 2 * keys * op_.num_heads * op_.head_dim;
  }

  std::vector<Block> Blocks() const {
    std::vector<Block> blocks;
    int row = 0;
    for (size_t s = 0; s < state_.plan->spans.size(); ++s) {
      const int end = row + state_.plan->spans[s].token_count;
      for (; row < end; row = std::min(row + kBlockRows, end)) {
        for (int head = 0; head < op_.num_kv_heads; ++head) {
          blocks.push_back({static_cast<int>(s), row, std::min(kBlockRows, end - row), head});
        }
      }
    }
    return blocks;
  }

  // Piece by piece through the context; every row merges the pieces it sees in order.
  void RunBlock(const Block& block, float* scratch) const {
    const int first_position = state_.positions[static_cast<size_t>(block.first_row)];
    const int last_position = first_position + block.rows - 1;
    const int first_piece = FirstSeen(first_position) / kSplit;
    for (int piece = first_piece; piece * kSplit <= last_position; ++piece) {
      const float* k_pages[kSplitPages] = {};
      const float* v_pages[kSplitPages] = {};
      for (int i = 0; i < kSplitPages; ++i) {
        const int position = piece * kSplit + i * kPageTokens;
        if (position > last_position || position + kPageTokens <= FirstSeen(first_position))
          continue;
        const int64_t page = Page(block.span, position);
        k_pages[i] = pool_.keys(page, block.kv_head);
        v_pages[i] = pool_.values(page, block.kv_head);
      }
      for (int i = 0; i < block.rows; ++i) {
        RunPiece(block, i, piece, k_pages, v_pages, scratch);
      }
    }
    for (int i = 0; i < block.rows; ++i) Finish(block, i, scratch);
  }

  void RunPiece(const Block& block, int i, int piece, const float* const* k_pages,
                const float* const* v_pages, float* scratch) const {
    const int position = state_.positions[static_cast<size_t>(block.first_row + i)];
    const int first = FirstSeen(position);
    const int begin = std::max(first - piece * kSplit, 0);
    const int end = std::min(position + 1 - piece * kSplit, kSplit);
    if (begin >= end) return;
    const int padded = pool_.padded_dim();
    float* scores = scratch;
    float* states = scores + int64_t{heads_} * kSplit;
    const bool is_first = piece == first / kSplit;
    // State 0 is for pieces, the following ones for what each row has merged so far.
    const AttentionState merged = RowState(states, i + 1);
    const AttentionState target = is_first ? merged : RowState(states, 0);
    AttentionSplit split;
    split.q = q_ + (int64_t{block.first_row} + i) * op_.num_heads * op_.head_dim +
              int64_t{block.kv_head} * heads_ * op_.head_dim;
    split.heads = heads_;
    split.head_dim = op_.head_dim;
    split.padded_dim = padded;
    split.scale = op_.scale;
    split.k_pages = k_pages;
    split.v_pages = v_pages;
    split.begin = begin;
    split.end = end;
    split.scores = scores;
    split.state = target;
    state_.compute.kernels->attention_split(split);
    if (!is_first) state_.compute.kernels->attention_merge({merged, target, heads_, padded});
  }

  void Finish(const Block& block, int i, float* scratch) const {
    const int64_t row = block.first_row + i;
    const int first_head = block.kv_head * heads_;
    state_.compute.kernels->attention_finish(
        {RowState(scratch + int64_t{heads_} * kSplit, i + 1),
         sinks_ == nullptr ? nullptr : sinks_ + first_head, heads_, op_.head_dim,
         pool_.padded_dim(), output_ + (row * op_.num_heads + first_head) * op_.head_dim});
  }

  AttentionState RowState(float* states, int index) const {
    const int padded = pool_.padded_dim();
    return StateAt(states + index * StateFloats(heads_, padded), heads_);
  }

  const AttentionOp& op_;
  const StepState& state_;
  const KvPool& pool_;
  const PageTable& pages_;
  const float* q_;
  const float* k_;
  const float* v_;
  const float* sinks_;
  float* output_;
  int heads_;  // that share a kv head
};

}  // namespace

int64_t AttentionScratchFloats(const AttentionOp& op) {
  const int heads = op.num_heads / op.num_kv_heads;
  const auto padded = static_cast<int>(RoundUp(op.head_dim, 16));
  return RoundUp(int64_t{heads} * kSplit + (kBlockRows + 1) * StateFloats(heads, padded), 16);
}

Status Run(const AttentionOp& op, const Node& node, size_t index, StepState& state) {
  const KvPool& pool = state.pools[static_cast<size_t>(state.pool_of_node[index])];
  Attention(op, node, pool, state).Run();
  return {};
}

}  // namespace fairlead::cpu

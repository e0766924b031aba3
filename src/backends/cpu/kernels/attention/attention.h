// The kernels of this family: attention of one row to one kv head, all query heads that share it at
// once. The context is cut at absolute positions (multiples of 256); each piece gives maximum, sum
// and weighted values, and the pieces are merged in order, so that the bits of a row depend on
// nothing but its own context.
#pragma once

#include <cstdint>

namespace fairlead::cpu {

inline constexpr int kSplit = 256;  // positions of a piece
inline constexpr int kKvPage = 32;  // positions of a page
inline constexpr int kSplitPages = kSplit / kKvPage;

// What a row knows after some pieces: softmax(scores) * V = output / sum, with exponents relative
// to maximum. Arrays of `heads` entries, rounded up to 16; output [heads][padded_dim].
struct AttentionState {
  float* maximum;
  float* sum;
  float* output;
};

// Attention to positions [begin, end) of one piece, numbered from its start, 0 <= begin < end <=
// 256.
struct AttentionSplit {
  const float* q;  // [heads][head_dim]
  int heads;
  int head_dim;
  int padded_dim;  // head_dim rounded up to 16
  float scale;
  const float* const* k_pages;  // per page of the piece that holds [begin, end): [head_dim][32]
  const float* const* v_pages;  // [32][padded_dim], columns from head_dim on are 0
  int begin;
  int end;
  float* scores;         // scratch [heads][256]
  AttentionState state;  // written
};

// into = into and then piece
struct AttentionMerge {
  AttentionState into;
  AttentionState piece;
  int heads;
  int padded_dim;
};

// output = state.output / sum, with one sink per head (or none: nullptr) added to the sum.
struct AttentionFinish {
  AttentionState state;
  const float* sinks;
  int heads;
  int head_dim;
  int padded_dim;
  float* output;  // [heads][head_dim]
};

}  // namespace fairlead::cpu

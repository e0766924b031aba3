// The bytes of the KV cache: for every attention layer a pool of pages, in the order the kernels
// read.
#pragma once

#include <cstdint>
#include <vector>

#include "backends/cpu/buffer.h"
#include "backends/step_plan.h"
#include "base/error.h"
#include "graph/graph.h"

namespace fairlead::cpu {

// Pages of one layer. Of a page and kv head, keys lie as [head_dim][kPageTokens], so that one
// vector holds 16 positions, and values as [kPageTokens][padded_dim] with zeros behind head_dim.
class KvPool {
 public:
  static Result<KvPool> Create(const AttentionOp& op, int pages);

  int padded_dim() const { return padded_dim_; }
  float* keys(int64_t page, int head) const {
    return keys_.floats() + (page * heads_ + head) * kPageTokens * head_dim_;
  }
  float* values(int64_t page, int head) const {
    return values_.floats() + (page * heads_ + head) * kPageTokens * padded_dim_;
  }
  // Stores one position's rows of all heads, each [heads * head_dim].
  void Write(int64_t page, int offset, const float* k, const float* v) const;

 private:
  int heads_ = 0;
  int head_dim_ = 0;
  int padded_dim_ = 0;
  Buffer keys_;
  Buffer values_;
};

}  // namespace fairlead::cpu

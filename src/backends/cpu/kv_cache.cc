#include "backends/cpu/kv_cache.h"

#include <algorithm>

namespace fairlead::cpu {

Result<KvPool> KvPool::Create(const AttentionOp& op, int pages) {
  KvPool pool;
  pool.heads_ = op.num_kv_heads;
  pool.head_dim_ = op.head_dim;
  pool.padded_dim_ = static_cast<int>(RoundUp(op.head_dim, 16));
  const int64_t rows = int64_t{pages} * pool.heads_ * kPageTokens;
  const auto bytes = int64_t{sizeof(float)};
  FAIRLEAD_ASSIGN_OR_RETURN(pool.keys_, Buffer::Allocate(rows * pool.head_dim_ * bytes, "keys"));
  FAIRLEAD_ASSIGN_OR_RETURN(pool.values_,
                            Buffer::Allocate(rows * pool.padded_dim_ * bytes, "values"));
  return pool;
}

void KvPool::Write(int64_t page, int offset, const float* k, const float* v) const {
  for (int head = 0; head < heads_; ++head) {
    float* key = keys(page, head) + offset;
    for (int d = 0; d < head_dim_; ++d) key[d * kPageTokens] = k[head * head_dim_ + d];
    std::copy_n(v + head * head_dim_, head_dim_, values(page, head) + offset * padded_dim_);
  }
}

}  // namespace fairlead::cpu

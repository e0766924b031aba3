#include "nn/sharding.h"

#include <algorithm>

namespace fairlead {

Axis SplitAxis(int64_t size, int part, int parts, int64_t unit) {
  if (parts == 1) return size;
  const int64_t units = size / unit, even = units / parts, longer = units % parts;
  const int64_t start = part * even + std::min<int64_t>(part, longer);
  return {size, {{start * unit, (even + (part < longer ? 1 : 0)) * unit}}};
}

HeadSharding ShardHeads(const ParallelContext& parallel, int64_t heads, int64_t kv_heads) {
  const int rank = parallel.rank, ranks = parallel.size();
  const Axis query = SplitAxis(heads, rank, ranks);
  if (kv_heads % ranks == 0) return {query, SplitAxis(kv_heads, rank, ranks)};
  if (ranks % kv_heads == 0) return {query, {kv_heads, {{rank * kv_heads / ranks, 1}}}};
  Axis repeated(kv_heads);
  const Range mine = query.held[0];
  for (int64_t head = mine.start; head < mine.start + mine.count; ++head) {
    repeated.held.push_back({head * kv_heads / heads, 1});
  }
  return {query, repeated};
}

}  // namespace fairlead

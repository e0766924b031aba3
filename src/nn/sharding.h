// How dimensions are divided among ranks. The rules in one place; layers apply them.
#pragma once

#include <cstdint>

#include "distributed/parallel_context.h"
#include "graph/axis.h"

namespace fairlead {

// Part `part` of `parts` of a dimension: consecutive whole units, as even as can be, the first
// parts one unit longer (90 blocks over 4: 23, 23, 22, 22). `unit` divides `size`.
Axis SplitAxis(int64_t size, int part, int parts, int64_t unit = 1);

// The query and kv heads of one rank; axes count heads.
struct HeadSharding {
  Axis query;
  Axis key_value;
};

// Query heads are divided evenly (`heads` is a multiple of the ranks, never padded). kv heads are
// divided too where they can be; held by several ranks each where there are more ranks than kv
// heads and they divide; and otherwise repeated, one for each query head.
HeadSharding ShardHeads(const ParallelContext& parallel, int64_t heads, int64_t kv_heads);

}  // namespace fairlead

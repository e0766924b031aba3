// Which part of a model one rank holds.
#pragma once

namespace fairlead {

// `size` ranks share a model; this is number `rank`. Layers take one from the first day, so that
// sharding changes slices and never model code.
struct ParallelContext {
  int rank = 0;
  int size = 1;
};

}  // namespace fairlead

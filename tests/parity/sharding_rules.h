// The rules of sharding once more, for tests: from the sizes of the whole model's parameters, and
// element by element where the program computes with ranges.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace fairlead::testing {

struct Degrees {
  int tp = 1;
  int ep = 1;

  int ranks() const { return tp * ep; }
  std::string ToString() const;  // "tp3_ep2"
};

// What the goldens are run with.
std::vector<Degrees> AllDegrees();

struct Sizes {
  int64_t vocabulary = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  int64_t experts = 0;
  int64_t intermediate = 0;
};

// Read off the shapes of the parameters of an unsharded graph.
Sizes SizesOf(const Graph& whole);

// Whether a model of these sizes cannot be divided so.
bool MustRefuse(const Sizes& sizes, Degrees degrees);

using Indices = std::vector<int64_t>;

// The indices that a rank holds along each dimension of a parameter of the whole model, in order.
std::vector<Indices> HeldIndices(const Parameter& whole, const Sizes& sizes, Degrees degrees,
                                 int rank);

}  // namespace fairlead::testing

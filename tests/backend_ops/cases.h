// Small graphs around one op each, with the weights and sequences to run them on.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "tests/support/run.h"
#include "tests/support/weights.h"

namespace fairlead::testing {

// Rows of the tables that activations are looked up in: token t of a sequence makes x the t-th row.
inline constexpr int64_t kVocabulary = 97;

struct OpCase {
  std::string name;
  ModelFacts facts;
  Graph graph;
  std::map<std::string, Fill> fills;
  std::vector<Sequence> sequences;
  Recording recording;             // the values to compare, besides the logits
  std::vector<std::string> exact;  // of them, those that must be equal (indices)
};

// The cases of each op: one overload per entry of ops.def.
#define FAIRLEAD_OP(Name, text) std::vector<OpCase> Cases(const Name##Op&);
#include "graph/ops.def"
#undef FAIRLEAD_OP

}  // namespace fairlead::testing

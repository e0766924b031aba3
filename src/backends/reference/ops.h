// The mathematics of every op.
#pragma once

#include <span>
#include <vector>

#include "backends/backend.h"
#include "backends/reference/kv_cache.h"

namespace fairlead::reference {

// Where a row of the step belongs.
struct RowPlace {
  size_t span = 0;
  int position = 0;
};

// An input of a node: a value of the step, a parameter, or neither when it is left out.
struct Operand {
  const Tensor* value = nullptr;
  const PackedTensor* parameter = nullptr;
};

// A node in the middle of a step.
struct NodeRun {
  const StepPlan& plan;
  std::span<const RowPlace> places;  // of the step's rows
  Group& group;
  KvLayer* kv = nullptr;         // of an attention node
  std::vector<Operand> inputs;   // in the order of the op's kInputs
  std::vector<Tensor*> outputs;  // zeros of the bound shape
};

// Computes the node's outputs. Fails for indices (of rows or experts) that do not exist.
Status RunNode(const Op& op, NodeRun& run);

}  // namespace fairlead::reference

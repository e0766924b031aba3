// What the ops of a step work on.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "backends/backend.h"
#include "backends/cpu/buffer.h"
#include "backends/cpu/kv_cache.h"
#include "backends/cpu/product.h"

namespace fairlead::cpu {

// Cosines and sines of one kind of rotary op for the rows of the step.
struct RotaryTable {
  std::vector<float> inverse_frequencies;
  float attention_scaling = 1.0f;
  Buffer cosines;  // [rows][half]
  Buffer sines;
};

// Memory that ops use while they run; sized when the program is loaded.
struct Scratch {
  Buffer packed_x;     // rows interleaved for the kernels
  Buffer expert_rows;  // per (row, choice): activations, then outputs
  Buffer attention;    // per thread: `attention_floats`
  int64_t attention_floats = 0;
};

// One executor's values, caches and scratch, with what the current step binds them to.
struct StepState {
  const Program* program = nullptr;
  Compute compute{};
  std::shared_ptr<Group> group;
  std::vector<const PackedTensor*> tensors;  // per value: the parameter, or nullptr
  std::vector<std::byte*> values;            // per value: its bytes in this step
  std::vector<KvPool> pools;
  std::vector<int> pool_of_node;  // per node: an attention op's pool
  std::vector<RotaryTable> rotary_tables;
  std::vector<int> table_of_node;  // per node: a rotary op's table
  Scratch scratch;

  const StepPlan* plan = nullptr;
  std::vector<int32_t> positions;  // per row
  int64_t rows = 0;
  int64_t output_rows = 0;

  float* Floats(ValueId id) const {
    return reinterpret_cast<float*>(values[static_cast<size_t>(id)]);
  }
  // An optional input; nullptr where it is left out.
  const float* FloatsOrNull(ValueId id) const { return id == kNoValue ? nullptr : Floats(id); }
  // All of a computed value's floats in this step.
  std::span<float> FloatsOf(ValueId id) const {
    return {Floats(id), static_cast<size_t>(Rows(id) * Columns(id))};
  }
  int32_t* Ints(ValueId id) const {
    return reinterpret_cast<int32_t*>(values[static_cast<size_t>(id)]);
  }
  const PackedTensor& Weight(ValueId id) const { return *tensors[static_cast<size_t>(id)]; }
  const ValueType& Type(ValueId id) const {
    return program->graph.values[static_cast<size_t>(id)].type;
  }
  int64_t Rows(ValueId id) const { return Type(id).dims.front().Bind(rows, output_rows); }
  int64_t Columns(ValueId id) const { return Type(id).dims.back().Bind(rows, output_rows); }
};

// Fills the rotary tables for the positions of the step.
void FillRotaryTables(StepState& state);

// Runs one op: reads its inputs, writes its outputs. `index` is the node's number.
#define FAIRLEAD_OP(Name, text) \
  Status Run(const Name##Op& op, const Node& node, size_t index, StepState& state);
#include "graph/ops.def"
#undef FAIRLEAD_OP

// Scratch floats that a thread needs for an attention op.
int64_t AttentionScratchFloats(const AttentionOp& op);

}  // namespace fairlead::cpu

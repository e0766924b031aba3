// The ops that treat every row by itself, and the matrix product.
#include <algorithm>
#include <cmath>

#include "backends/cpu/step_state.h"

namespace fairlead::cpu {
namespace {

// The indices of the `count` largest logits, in descending order; equal ones by ascending index. A
// NaN is larger than any number, as in PyTorch's topk.
void ChooseLargest(const float* logits, int64_t experts, int count, int32_t* chosen) {
  const auto beats = [logits](int64_t a, int64_t b) {
    if (std::isnan(logits[b])) return false;
    return std::isnan(logits[a]) || logits[a] > logits[b];
  };
  int found = 0;
  for (int64_t expert = 0; expert < experts; ++expert) {
    int place = found;
    while (place > 0 && beats(expert, chosen[place - 1])) --place;
    if (place == count) continue;
    found = std::min(found + 1, count);
    std::copy_backward(chosen + place, chosen + found - 1, chosen + found);
    chosen[place] = static_cast<int32_t>(expert);
  }
}

}  // namespace

Status Run(const EmbeddingOp& op, const Node& node, size_t, StepState& state) {
  const PackedTensor& weight = state.Weight(node.inputs[1]);
  const int32_t* ids = state.Ints(node.inputs[0]);
  float* output = state.Floats(node.outputs[0]);
  const int64_t columns = weight.columns();
  Parallel(state.compute, state.rows, state.rows * columns, [&](int64_t row) {
    const int64_t local = ids[row] - op.vocabulary_offset;
    if (local >= 0 && local < weight.rows()) {
      ReadRow(weight, 0, local, output + row * columns);
    } else {
      std::fill_n(output + row * columns, columns, 0.0f);
    }
  });
  return {};
}

Status Run(const RmsNormOp& op, const Node& node, size_t, StepState& state) {
  const float* x = state.Floats(node.inputs[0]);
  const float* weight = state.Floats(node.inputs[1]);
  float* output = state.Floats(node.outputs[0]);
  const int64_t rows = state.Rows(node.outputs[0]), columns = state.Columns(node.outputs[0]);
  Parallel(state.compute, rows, rows * columns, [&](int64_t row) {
    state.compute.kernels->rms_norm(
        {x + row * columns, weight, op.eps, columns, output + row * columns});
  });
  return {};
}

Status Run(const LinearOp&, const Node& node, size_t, StepState& state) {
  const PackedTensor& weight = state.Weight(node.inputs[1]);
  const float* x = state.Floats(node.inputs[0]);
  Product product;
  product.format = weight.layout.format;
  product.weight = weight.bytes.data();
  product.bias = state.FloatsOrNull(node.inputs[2]);
  product.outputs = weight.rows();
  product.columns = weight.columns();
  product.rows = state.Rows(node.outputs[0]);
  product.output = state.Floats(node.outputs[0]);
  product.output_stride = product.outputs;
  product.x = x;
  if (product.rows > 1) {
    std::vector<const float*> rows;
    for (int64_t row = 0; row < product.rows; ++row) rows.push_back(x + row * product.columns);
    PackRows(state.compute, rows, product.columns, state.scratch.packed_x.floats());
    product.x = state.scratch.packed_x.floats();
  }
  RunProducts(state.compute, {&product, 1}, nullptr);
  return {};
}

void FillRotaryTables(StepState& state) {
  for (RotaryTable& table : state.rotary_tables) {
    const auto half = static_cast<int64_t>(table.inverse_frequencies.size());
    // Sine and cosine cost about as much as 32 multiplications.
    Parallel(state.compute, state.rows, state.rows * half * 32, [&](int64_t row) {
      const auto position = static_cast<float>(state.positions[static_cast<size_t>(row)]);
      for (int64_t i = 0; i < half; ++i) {
        const float angle = position * table.inverse_frequencies[static_cast<size_t>(i)];
        table.cosines.floats()[row * half + i] = std::cos(angle) * table.attention_scaling;
        table.sines.floats()[row * half + i] = std::sin(angle) * table.attention_scaling;
      }
    });
  }
}

Status Run(const RotaryOp& op, const Node& node, size_t index, StepState& state) {
  const RotaryTable& table = state.rotary_tables[static_cast<size_t>(state.table_of_node[index])];
  const auto half = static_cast<int64_t>(op.inverse_frequencies.size());
  const float* x = state.Floats(node.inputs[0]);
  float* output = state.Floats(node.outputs[0]);
  const int64_t columns = state.Columns(node.outputs[0]);
  Parallel(state.compute, state.rows, state.rows * columns, [&](int64_t row) {
    state.compute.kernels->rotary({x + row * columns, table.cosines.floats() + row * half,
                                   table.sines.floats() + row * half, columns / (2 * half), half,
                                   output + row * columns});
  });
  return {};
}

Status Run(const RouterOp& op, const Node& node, size_t, StepState& state) {
  const float* logits = state.Floats(node.inputs[0]);
  float* weights = state.Floats(node.outputs[0]);
  int32_t* indices = state.Ints(node.outputs[1]);
  const int64_t rows = state.Rows(node.inputs[0]), experts = state.Columns(node.inputs[0]);
  for (int64_t row = 0; row < rows; ++row) {
    const float* x = logits + row * experts;
    float* weight = weights + row * op.top_k;
    int32_t* chosen = indices + row * op.top_k;
    ChooseLargest(x, experts, op.top_k, chosen);
    for (int k = 0; k < op.top_k; ++k) weight[k] = x[chosen[k]] - x[chosen[0]];
    state.compute.kernels->exp({weight, op.top_k, weight});
    float sum = 0.0f;
    for (int k = 0; k < op.top_k; ++k) sum += weight[k];
    for (int k = 0; k < op.top_k; ++k) weight[k] /= sum;
  }
  return {};
}

Status Run(const AddOp&, const Node& node, size_t, StepState& state) {
  const float* a = state.Floats(node.inputs[0]);
  const float* b = state.Floats(node.inputs[1]);
  float* output = state.Floats(node.outputs[0]);
  const int64_t rows = state.Rows(node.outputs[0]), columns = state.Columns(node.outputs[0]);
  const int64_t b_stride = state.Type(node.inputs[1]).dims.size() == 1 ? 0 : columns;
  Parallel(state.compute, rows, rows * columns, [&](int64_t row) {
    state.compute.kernels->add(
        {a + row * columns, b + row * b_stride, columns, output + row * columns});
  });
  return {};
}

Status Run(const TakeRowsOp&, const Node& node, size_t, StepState& state) {
  const float* x = state.Floats(node.inputs[0]);
  const int32_t* wanted = state.Ints(node.inputs[1]);
  float* output = state.Floats(node.outputs[0]);
  const int64_t columns = state.Columns(node.outputs[0]);
  for (int64_t row = 0; row < state.output_rows; ++row) {
    std::copy_n(x + wanted[row] * columns, columns, output + row * columns);
  }
  return {};
}

// A single rank: its own values are the sum, and all there is to gather.
Status Run(const AllReduceOp&, const Node& node, size_t, StepState& state) {
  return state.group->AllReduceSum(state.FloatsOf(node.inputs[0]), state.FloatsOf(node.outputs[0]));
}

Status Run(const AllGatherOp& op, const Node& node, size_t, StepState& state) {
  return state.group->AllGatherColumns(state.FloatsOf(node.inputs[0]), state.Rows(node.inputs[0]),
                                       op.parts, state.FloatsOf(node.outputs[0]));
}

}  // namespace fairlead::cpu

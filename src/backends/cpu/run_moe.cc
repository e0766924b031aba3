// The expert layers: rows are grouped by expert, so that every expert's weights are read once and
// multiplied with all rows that chose it.
#include <algorithm>

#include "backends/cpu/step_state.h"

namespace fairlead::cpu {
namespace {

// (row, choice) pairs ordered by expert, then by row.
struct Grouping {
  std::vector<int64_t> pairs;   // row * top_k + choice
  std::vector<int64_t> starts;  // per expert: its first pair; one more entry at the end
};

Result<Grouping> GroupByExpert(const int32_t* indices, int64_t pairs, int64_t experts) {
  Grouping grouping;
  grouping.starts.assign(static_cast<size_t>(experts) + 1, 0);
  for (int64_t i = 0; i < pairs; ++i) {
    if (indices[i] < 0 || indices[i] >= experts) {
      return Fail(ErrorCode::kInvalidData, "cpu", "expert: expected 0 to {}, got {}", experts - 1,
                  indices[i]);
    }
    ++grouping.starts[static_cast<size_t>(indices[i]) + 1];
  }
  for (size_t e = 0; e < static_cast<size_t>(experts); ++e) {
    grouping.starts[e + 1] += grouping.starts[e];
  }
  std::vector<int64_t> next(grouping.starts.begin(), grouping.starts.end() - 1);
  grouping.pairs.resize(static_cast<size_t>(pairs));
  for (int64_t i = 0; i < pairs; ++i) {
    grouping.pairs[static_cast<size_t>(next[static_cast<size_t>(indices[i])]++)] = i;
  }
  return grouping;
}

// The product of every chosen expert with its rows; `rows` are in the grouping's order.
void RunExperts(const Grouping& grouping, const PackedTensor& weight, const float* bias,
                std::span<const float* const> rows, float* output, int64_t output_stride,
                const GluParameters* glu, StepState& state) {
  float* packed = state.scratch.packed_x.floats();
  std::vector<Product> products;
  for (size_t e = 0; e + 1 < grouping.starts.size(); ++e) {
    const int64_t first = grouping.starts[e], count = grouping.starts[e + 1] - first;
    if (count == 0) continue;
    Product product;
    product.format = weight.layout.format;
    product.weight = weight.bytes.data() + static_cast<int64_t>(e) * weight.expert_bytes();
    product.bias = bias + static_cast<int64_t>(e) * weight.rows();
    product.outputs = weight.rows();
    product.columns = weight.columns();
    product.rows = count;
    product.x = packed + first * weight.columns();
    product.output = output + first * output_stride;
    product.output_stride = output_stride;
    PackRows(state.compute, rows.subspan(static_cast<size_t>(first), static_cast<size_t>(count)),
             weight.columns(), packed + first * weight.columns());
    products.push_back(product);
  }
  RunProducts(state.compute, products, glu);
}

}  // namespace

Status Run(const MoeExpertsOp& op, const Node& node, size_t, StepState& state) {
  const float* x = state.Floats(node.inputs[0]);
  const float* weights = state.Floats(node.inputs[1]);
  const PackedTensor& gate_up = state.Weight(node.inputs[3]);
  const PackedTensor& down = state.Weight(node.inputs[4]);
  const int64_t rows = state.Rows(node.inputs[0]), top_k = state.Columns(node.inputs[1]);
  const int64_t hidden = down.rows(), intermediate = down.columns(), pairs = rows * top_k;
  FAIRLEAD_ASSIGN_OR_RETURN(const Grouping grouping,
                            GroupByExpert(state.Ints(node.inputs[2]), pairs, gate_up.experts()));

  // First the activations of all pairs; when they have been packed again, the outputs take their
  // place.
  float* expert_rows = state.scratch.expert_rows.floats();
  std::vector<const float*> inputs(static_cast<size_t>(pairs));
  for (size_t i = 0; i < inputs.size(); ++i) inputs[i] = x + grouping.pairs[i] / top_k * hidden;
  const GluParameters glu{op.limit, op.alpha};
  RunExperts(grouping, gate_up, state.Floats(node.inputs[5]), inputs, expert_rows, intermediate,
             &glu, state);
  for (size_t i = 0; i < inputs.size(); ++i) {
    inputs[i] = expert_rows + static_cast<int64_t>(i) * intermediate;
  }
  RunExperts(grouping, down, state.Floats(node.inputs[6]), inputs, expert_rows, hidden, nullptr,
             state);

  std::vector<const float*> outputs(static_cast<size_t>(pairs));  // in the router's order
  for (size_t i = 0; i < outputs.size(); ++i) {
    outputs[static_cast<size_t>(grouping.pairs[i])] =
        expert_rows + static_cast<int64_t>(i) * hidden;
  }
  float* output = state.Floats(node.outputs[0]);
  Parallel(state.compute, rows, pairs * hidden, [&](int64_t row) {
    state.compute.kernels->weighted_sum({weights + row * top_k, outputs.data() + row * top_k, top_k,
                                         hidden, output + row * hidden});
  });
  return {};
}

}  // namespace fairlead::cpu

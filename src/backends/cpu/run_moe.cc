// The expert layers: rows are grouped by expert, so that every expert's weights are read once and
// multiplied with all rows that chose it.
#include <algorithm>

#include "backends/cpu/step_state.h"

namespace fairlead::cpu {
namespace {

// (row, choice) pairs of the experts that this rank has, ordered by expert, then by row.
struct Grouping {
  std::vector<int64_t> pairs;   // row * top_k + choice
  std::vector<int64_t> starts;  // per expert: its first pair; one more entry at the end
};

Result<Grouping> GroupByExpert(const MoeExpertsOp& op, std::span<const int32_t> indices,
                               int64_t experts) {
  const int64_t all = op.num_experts > 0 ? op.num_experts : experts;
  const auto is_mine = [&](int32_t index) {
    return index >= op.expert_offset && index < op.expert_offset + experts;
  };
  const auto local = [&](int32_t index) { return static_cast<size_t>(index - op.expert_offset); };
  Grouping grouping;
  grouping.starts.assign(static_cast<size_t>(experts) + 1, 0);
  for (const int32_t index : indices) {
    if (index < 0 || index >= all) {
      return Fail(ErrorCode::kInvalidData, "cpu", "expert: expected 0 to {}, got {}", all - 1,
                  index);
    }
    if (is_mine(index)) ++grouping.starts[local(index) + 1];
  }
  for (size_t e = 0; e < static_cast<size_t>(experts); ++e) {
    grouping.starts[e + 1] += grouping.starts[e];
  }
  std::vector<int64_t> next(grouping.starts.begin(), grouping.starts.end() - 1);
  grouping.pairs.resize(static_cast<size_t>(grouping.starts.back()));
  for (size_t i = 0; i < indices.size(); ++i) {
    if (!is_mine(indices[i])) continue;
    grouping.pairs[static_cast<size_t>(next[local(indices[i])]++)] = static_cast<int64_t>(i);
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

// What this rank's experts add to each row, in the router's order.
struct Contributions {
  std::vector<float> weights;
  std::vector<const float*> outputs;
  std::vector<int64_t> starts;  // per row: its first; one more entry at the end
};

Contributions Collect(const Grouping& grouping, const float* weights, const float* expert_rows,
                      int64_t hidden, size_t rows, int64_t top_k) {
  std::vector<const float*> by_pair(rows * static_cast<size_t>(top_k), nullptr);
  for (size_t i = 0; i < grouping.pairs.size(); ++i) {
    by_pair[static_cast<size_t>(grouping.pairs[i])] =
        expert_rows + static_cast<int64_t>(i) * hidden;
  }
  Contributions sums;
  for (size_t pair = 0; pair < by_pair.size(); ++pair) {
    if (pair % static_cast<size_t>(top_k) == 0) {
      sums.starts.push_back(static_cast<int64_t>(sums.outputs.size()));
    }
    if (by_pair[pair] == nullptr) continue;
    sums.weights.push_back(weights[pair]);
    sums.outputs.push_back(by_pair[pair]);
  }
  sums.starts.push_back(static_cast<int64_t>(sums.outputs.size()));
  return sums;
}

}  // namespace

Status Run(const MoeExpertsOp& op, const Node& node, size_t, StepState& state) {
  const float* x = state.Floats(node.inputs[0]);
  const float* weights = state.Floats(node.inputs[1]);
  const PackedTensor& gate_up = state.Weight(node.inputs[3]);
  const PackedTensor& down = state.Weight(node.inputs[4]);
  const int64_t rows = state.Rows(node.inputs[0]), top_k = state.Columns(node.inputs[1]);
  const int64_t hidden = down.rows(), intermediate = down.columns(), pairs = rows * top_k;
  const std::span indices(state.Ints(node.inputs[2]), static_cast<size_t>(pairs));
  FAIRLEAD_ASSIGN_OR_RETURN(const Grouping grouping, GroupByExpert(op, indices, gate_up.experts()));

  // First the activations of all pairs; when they have been packed again, the outputs take their
  // place.
  float* expert_rows = state.scratch.expert_rows.floats();
  std::vector<const float*> inputs(grouping.pairs.size());
  for (size_t i = 0; i < inputs.size(); ++i) inputs[i] = x + grouping.pairs[i] / top_k * hidden;
  const GluParameters glu{op.limit, op.alpha};
  RunExperts(grouping, gate_up, state.Floats(node.inputs[5]), inputs, expert_rows, intermediate,
             &glu, state);
  for (size_t i = 0; i < inputs.size(); ++i) {
    inputs[i] = expert_rows + static_cast<int64_t>(i) * intermediate;
  }
  RunExperts(grouping, down, state.Floats(node.inputs[6]), inputs, expert_rows, hidden, nullptr,
             state);

  const Contributions sums =
      Collect(grouping, weights, expert_rows, hidden, static_cast<size_t>(rows), top_k);
  float* output = state.Floats(node.outputs[0]);
  Parallel(state.compute, rows, pairs * hidden, [&](int64_t row) {
    const int64_t first = sums.starts[static_cast<size_t>(row)];
    const int64_t count = sums.starts[static_cast<size_t>(row) + 1] - first;
    if (count == 0) {  // all of the row's experts are other ranks'
      std::fill_n(output + row * hidden, hidden, 0.0f);
      return;
    }
    state.compute.kernels->weighted_sum({sums.weights.data() + first, sums.outputs.data() + first,
                                         count, hidden, output + row * hidden});
  });
  return {};
}

}  // namespace fairlead::cpu

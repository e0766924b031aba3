#include "backends/reference/ops.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fairlead::reference {
namespace {

using Row = std::span<float>;
using ConstRow = std::span<const float>;

int64_t Rows(const Tensor& tensor) { return tensor.shape[0]; }
int64_t Columns(const Tensor& tensor) { return tensor.shape[1]; }

Row RowOf(Tensor& tensor, int64_t row) {
  return tensor.As<float>().subspan(static_cast<size_t>(row * Columns(tensor)),
                                    static_cast<size_t>(Columns(tensor)));
}
ConstRow RowOf(const Operand& operand, int64_t row) {
  const Tensor& tensor = *operand.value;
  return tensor.As<float>().subspan(static_cast<size_t>(row * Columns(tensor)),
                                    static_cast<size_t>(Columns(tensor)));
}

// Row `row` of matrix `expert` of a parameter; zeros of `columns` for an input left out.
std::vector<float> ParameterRow(const Operand& operand, int64_t expert, int64_t row,
                                int64_t columns) {
  std::vector<float> values(static_cast<size_t>(columns));
  if (operand.parameter != nullptr) ReadRow(*operand.parameter, expert, row, values.data());
  return values;
}
std::vector<float> ParameterVector(const Operand& operand, int64_t columns) {
  return ParameterRow(operand, 0, 0, columns);
}

float Dot(ConstRow a, ConstRow b) {
  float sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// y[r] = x[r] * weight[expert]^T + bias for every r. Goes over the weight once, so that each of its
// rows is dequantised once.
void Multiply(const PackedTensor& weight, int64_t expert, const std::vector<ConstRow>& x,
              ConstRow bias, const std::vector<Row>& y) {
  std::vector<float> row(static_cast<size_t>(weight.columns()));
  for (int64_t out = 0; out < weight.rows(); ++out) {
    ReadRow(weight, expert, out, row.data());
    const auto o = static_cast<size_t>(out);
    for (size_t r = 0; r < x.size(); ++r) y[r][o] = Dot(x[r], row) + bias[o];
  }
}

Status CheckIndex(std::string_view what, int64_t index, int64_t count) {
  if (index >= 0 && index < count) return {};
  return Fail(ErrorCode::kInvalidArgument, "reference", "{}: expected 0 to {}, got {}", what,
              count - 1, index);
}

Status Run(const EmbeddingOp& op, NodeRun& run) {
  const PackedTensor& weight = *run.inputs[1].parameter;
  const auto ids = run.inputs[0].value->As<int32_t>();
  for (int64_t row = 0; row < Rows(*run.outputs[0]); ++row) {
    const int64_t local = ids[static_cast<size_t>(row)] - op.vocabulary_offset;
    if (local < 0 || local >= weight.rows()) continue;  // another rank's: zeros
    ReadRow(weight, 0, local, RowOf(*run.outputs[0], row).data());
  }
  return {};
}

Status Run(const TakeRowsOp&, NodeRun& run) {
  const Operand& x = run.inputs[0];
  const auto rows = run.inputs[1].value->As<int32_t>();
  for (size_t i = 0; i < rows.size(); ++i) {
    FAIRLEAD_RETURN_IF_ERROR(CheckIndex("row", rows[i], Rows(*x.value)));
    const ConstRow from = RowOf(x, rows[i]);
    std::copy(from.begin(), from.end(), RowOf(*run.outputs[0], static_cast<int64_t>(i)).begin());
  }
  return {};
}

Status Run(const RmsNormOp& op, NodeRun& run) {
  const int64_t columns = Columns(*run.outputs[0]);
  const std::vector<float> weight = ParameterVector(run.inputs[1], columns);
  for (int64_t row = 0; row < Rows(*run.outputs[0]); ++row) {
    const ConstRow x = RowOf(run.inputs[0], row);
    const Row y = RowOf(*run.outputs[0], row);
    const float mean = Dot(x, x) / static_cast<float>(columns);
    const float scale = 1.0f / std::sqrt(mean + op.eps);
    for (size_t i = 0; i < y.size(); ++i) y[i] = weight[i] * (x[i] * scale);
  }
  return {};
}

Status Run(const LinearOp&, NodeRun& run) {
  std::vector<ConstRow> x;
  std::vector<Row> y;
  for (int64_t row = 0; row < Rows(*run.outputs[0]); ++row) {
    x.push_back(RowOf(run.inputs[0], row));
    y.push_back(RowOf(*run.outputs[0], row));
  }
  const PackedTensor& weight = *run.inputs[1].parameter;
  Multiply(weight, 0, x, ParameterVector(run.inputs[2], weight.rows()), y);
  return {};
}

Status Run(const RotaryOp& op, NodeRun& run) {
  const size_t half = op.inverse_frequencies.size();
  for (int64_t row = 0; row < Rows(*run.outputs[0]); ++row) {
    const ConstRow x = RowOf(run.inputs[0], row);
    const Row y = RowOf(*run.outputs[0], row);
    const auto position = static_cast<float>(run.places[static_cast<size_t>(row)].position);
    for (size_t i = 0; i < half; ++i) {
      const float angle = position * op.inverse_frequencies[i];
      const float cos = std::cos(angle) * op.attention_scaling;
      const float sin = std::sin(angle) * op.attention_scaling;
      for (size_t first = i; first < x.size(); first += 2 * half) {
        const size_t second = first + half;
        y[first] = x[first] * cos - x[second] * sin;
        y[second] = x[second] * cos + x[first] * sin;
      }
    }
  }
  return {};
}

// The context of one query head at `place`: keys and values of its kv head at all visible
// positions, the sink (minus infinity for none) in the softmax's denominator only.
void Attend(const AttentionOp& op, const PageTable& table, KvLayer& kv, RowPlace place, int head,
            float sink, ConstRow query, Row context) {
  const auto head_dim = static_cast<size_t>(op.head_dim);
  const auto kv_head = static_cast<size_t>(head / (op.num_heads / op.num_kv_heads));
  const int first = op.window > 0 ? std::max(0, place.position - op.window + 1) : 0;
  const auto of_head = [&](Row row) { return row.subspan(kv_head * head_dim, head_dim); };

  std::vector<float> scores;
  float max = sink;
  for (int j = first; j <= place.position; ++j) {
    const Row key = of_head(kv.key(PageOf(table, place.span, j), j % kPageTokens));
    scores.push_back(Dot(query, key) * op.scale);
    max = std::max(max, scores.back());
  }
  float sum = std::exp(sink - max);
  for (float& score : scores) {
    score = std::exp(score - max);
    sum += score;
  }
  for (int j = first; j <= place.position; ++j) {
    const Row value = of_head(kv.value(PageOf(table, place.span, j), j % kPageTokens));
    const float weight = scores[static_cast<size_t>(j - first)] / sum;
    for (size_t i = 0; i < head_dim; ++i) context[i] += weight * value[i];
  }
}

Status Run(const AttentionOp& op, NodeRun& run) {
  const PageTable& table = run.plan.pages[static_cast<size_t>(op.kv_group)];
  for (size_t row = 0; row < run.places.size(); ++row) {
    const RowPlace place = run.places[row];
    const int32_t page = PageOf(table, place.span, place.position);
    const ConstRow k = RowOf(run.inputs[1], static_cast<int64_t>(row));
    const ConstRow v = RowOf(run.inputs[2], static_cast<int64_t>(row));
    std::copy(k.begin(), k.end(), run.kv->key(page, place.position % kPageTokens).begin());
    std::copy(v.begin(), v.end(), run.kv->value(page, place.position % kPageTokens).begin());
  }
  std::vector<float> sinks(static_cast<size_t>(op.num_heads),
                           -std::numeric_limits<float>::infinity());
  if (run.inputs[3].parameter != nullptr) sinks = ParameterVector(run.inputs[3], op.num_heads);
  const auto head_dim = static_cast<size_t>(op.head_dim);
  for (size_t row = 0; row < run.places.size(); ++row) {
    const ConstRow q = RowOf(run.inputs[0], static_cast<int64_t>(row));
    const Row context = RowOf(*run.outputs[0], static_cast<int64_t>(row));
    for (int head = 0; head < op.num_heads; ++head) {
      const size_t begin = static_cast<size_t>(head) * head_dim;
      Attend(op, table, *run.kv, run.places[row], head, sinks[static_cast<size_t>(head)],
             q.subspan(begin, head_dim), context.subspan(begin, head_dim));
    }
  }
  return {};
}

// The largest logit not yet in `chosen`; the lowest index of equal ones.
int32_t NextExpert(ConstRow logits, std::span<const int32_t> chosen) {
  int32_t best = -1;
  for (int32_t i = 0; i < static_cast<int32_t>(logits.size()); ++i) {
    if (std::find(chosen.begin(), chosen.end(), i) != chosen.end()) continue;
    if (best < 0 || logits[static_cast<size_t>(i)] > logits[static_cast<size_t>(best)]) best = i;
  }
  return best;
}

Status Run(const RouterOp& op, NodeRun& run) {
  const auto top_k = static_cast<size_t>(op.top_k);
  for (int64_t row = 0; row < Rows(*run.outputs[0]); ++row) {
    const ConstRow logits = RowOf(run.inputs[0], row);
    const Row weights = RowOf(*run.outputs[0], row);
    const auto indices =
        run.outputs[1]->As<int32_t>().subspan(static_cast<size_t>(row) * top_k, top_k);
    float sum = 0;
    for (size_t i = 0; i < top_k; ++i) {
      indices[i] = NextExpert(logits, indices.first(i));
      weights[i] = std::exp(logits[static_cast<size_t>(indices[i])] -
                            logits[static_cast<size_t>(indices[0])]);
      sum += weights[i];
    }
    for (float& weight : weights) weight /= sum;
  }
  return {};
}

float Glu(const MoeExpertsOp& op, float gate, float up) {
  gate = std::min(gate, op.limit);
  up = std::clamp(up, -op.limit, op.limit);
  return (up + 1.0f) * (gate / (1.0f + std::exp(-op.alpha * gate)));
}

// One expert's network for the rows that chose it: y[r] = down(glu(gate_up(x[r]))).
void RunExpert(const MoeExpertsOp& op, const NodeRun& run, int64_t expert,
               const std::vector<ConstRow>& x, const std::vector<Row>& y) {
  const PackedTensor& gate_up = *run.inputs[3].parameter;
  const PackedTensor& down = *run.inputs[4].parameter;
  const auto intermediate = static_cast<size_t>(down.columns());
  std::vector<std::vector<float>> projected(x.size(), std::vector<float>(2 * intermediate));
  std::vector<std::vector<float>> activated(x.size(), std::vector<float>(intermediate));
  Multiply(gate_up, expert, x, ParameterRow(run.inputs[5], 0, expert, gate_up.rows()),
           {projected.begin(), projected.end()});
  for (size_t r = 0; r < x.size(); ++r) {
    for (size_t i = 0; i < intermediate; ++i) {
      activated[r][i] = Glu(op, projected[r][2 * i], projected[r][2 * i + 1]);
    }
  }
  Multiply(down, expert, {activated.begin(), activated.end()},
           ParameterRow(run.inputs[6], 0, expert, down.rows()), y);
}

Status Run(const MoeExpertsOp& op, NodeRun& run) {
  const Tensor &weights = *run.inputs[1].value, &indices = *run.inputs[2].value;
  const int64_t experts = run.inputs[3].parameter->experts();
  const auto top_k = static_cast<size_t>(Columns(weights));
  const size_t choices = static_cast<size_t>(Rows(weights)) * top_k;
  for (int32_t expert : indices.As<int32_t>()) {
    FAIRLEAD_RETURN_IF_ERROR(
        CheckIndex("expert", expert, op.num_experts > 0 ? op.num_experts : experts));
  }
  // What each choice of each row adds, [T * k, hidden], computed expert by expert.
  const auto hidden = static_cast<size_t>(Columns(*run.outputs[0]));
  std::vector<std::vector<float>> results(choices);
  for (int64_t expert = 0; expert < experts; ++expert) {
    std::vector<ConstRow> x;
    std::vector<Row> y;
    for (size_t choice = 0; choice < choices; ++choice) {
      if (indices.As<int32_t>()[choice] != op.expert_offset + expert) continue;
      results[choice].resize(hidden);
      x.push_back(RowOf(run.inputs[0], static_cast<int64_t>(choice / top_k)));
      y.push_back(results[choice]);
    }
    if (!x.empty()) RunExpert(op, run, expert, x, y);
  }
  for (size_t choice = 0; choice < choices; ++choice) {
    const Row output = RowOf(*run.outputs[0], static_cast<int64_t>(choice / top_k));
    const float weight = weights.As<float>()[choice];
    // Nothing is added for an expert of another rank.
    for (size_t i = 0; i < results[choice].size(); ++i) output[i] += weight * results[choice][i];
  }
  return {};
}

Status Run(const AddOp&, NodeRun& run) {
  const Operand& b = run.inputs[1];
  const int64_t columns = Columns(*run.outputs[0]);
  const std::vector<float> bias = ParameterVector(b, columns);
  for (int64_t row = 0; row < Rows(*run.outputs[0]); ++row) {
    const ConstRow x = RowOf(run.inputs[0], row);
    const ConstRow y = b.value != nullptr ? RowOf(b, row) : ConstRow(bias);
    const Row sum = RowOf(*run.outputs[0], row);
    for (size_t i = 0; i < sum.size(); ++i) sum[i] = x[i] + y[i];
  }
  return {};
}

Status Run(const AllReduceOp&, NodeRun& run) {
  return run.group.AllReduceSum(run.inputs[0].value->As<float>(), run.outputs[0]->As<float>());
}
Status Run(const AllGatherOp& op, NodeRun& run) {
  const Tensor& x = *run.inputs[0].value;
  return run.group.AllGatherColumns(x.As<float>(), Rows(x), op.parts, run.outputs[0]->As<float>());
}

}  // namespace

Status RunNode(const Op& op, NodeRun& run) {
  return std::visit([&](const auto& typed) { return Run(typed, run); }, op);
}

}  // namespace fairlead::reference

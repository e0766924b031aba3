// The operations of a graph: semantic steps of a transformer, with the attributes that fix their
// mathematics. Inputs are listed in order; a name ending in '?' may be left out (Node::inputs then
// holds kNoValue).
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

namespace fairlead {

// output[t] = weight[token_ids[t] - vocabulary_offset], or zeros where that row does not exist: it
// is another rank's.
struct EmbeddingOp {
  static constexpr std::string_view kInputs[] = {"token_ids", "weight"};
  int64_t vocabulary_offset = 0;
  template <typename Visitor>
  void VisitAttributes(Visitor&& visit) const {
    visit("vocabulary_offset", vocabulary_offset);
  }
};

// output = weight * (x * rsqrt(mean(x^2) + eps)), one row at a time, in float32.
struct RmsNormOp {
  static constexpr std::string_view kInputs[] = {"x", "weight"};
  float eps = 1e-5f;
  template <typename Visitor>
  void VisitAttributes(Visitor&& visit) const {
    visit("eps", eps);
  }
};

// output = x * weight^T + bias, weight [out, in].
struct LinearOp {
  static constexpr std::string_view kInputs[] = {"x", "weight", "bias?"};
  template <typename Visitor>
  void VisitAttributes(Visitor&&) const {}
};

// Rotates each head's halves (x1, x2) by the angle position * inverse_frequencies[i]:
// y1 = x1 cos - x2 sin, y2 = x2 cos + x1 sin, with cos and sin multiplied by `attention_scaling`
// (YaRN's concentration). x is [T, heads * head_dim], head_dim = 2 * |inverse_frequencies|.
struct RotaryOp {
  static constexpr std::string_view kInputs[] = {"x"};
  std::vector<float> inverse_frequencies;
  float attention_scaling = 1.0f;
  template <typename Visitor>
  void VisitAttributes(Visitor&& visit) const {
    visit("inverse_frequencies", inverse_frequencies);
    visit("attention_scaling", attention_scaling);
  }
};

// Causal grouped-query attention over the KV cache, which this op also extends by k and v. Query
// head h reads kv head h / (num_heads / num_kv_heads). Key j is visible from query i iff j <= i
// and, when window > 0, j > i - window. A sink is one more logit per head that only takes part in
// the softmax's denominator.
struct AttentionOp {
  static constexpr std::string_view kInputs[] = {"q", "k", "v", "sinks?"};
  int num_heads = 0;
  int num_kv_heads = 0;
  int head_dim = 0;
  float scale = 1.0f;
  int window = 0;    // 0: all earlier positions
  int kv_group = 0;  // index into ModelFacts::kv_groups
  int kv_layer = 0;  // this layer's index inside its group
  template <typename Visitor>
  void VisitAttributes(Visitor&& visit) const {
    visit("num_heads", num_heads);
    visit("num_kv_heads", num_kv_heads);
    visit("head_dim", head_dim);
    visit("scale", scale);
    visit("window", window);
    visit("kv_group", kv_group);
    visit("kv_layer", kv_layer);
  }
};

// Chooses `top_k` experts per row from the router's logits (ties to the lowest index) and weighs
// them by a softmax over the chosen logits only. Outputs: weights f32 [T, k] and indices i32 [T,
// k], in descending order of logit.
struct RouterOp {
  static constexpr std::string_view kInputs[] = {"logits"};
  int top_k = 1;
  template <typename Visitor>
  void VisitAttributes(Visitor&& visit) const {
    visit("top_k", top_k);
  }
};

// Sum over the chosen experts e, in the router's order and as far as they are among the weights'
// experts (those from expert_offset on; others are another rank's), of
// w_e * (glu(x * gate_up[e]^T + gate_up_bias[e]) * down[e]^T + down_bias[e]), where gate and up
// rows are interleaved (gate first) and glu(gate, up) = (u + 1) * g * sigmoid(alpha * g) with g =
// min(gate, limit), u = clamp(up, -limit, limit): gpt-oss's clamped swiglu.
struct MoeExpertsOp {
  static constexpr std::string_view kInputs[] = {"x",    "weights",      "indices",  "gate_up",
                                                 "down", "gate_up_bias", "down_bias"};
  float limit = 7.0f;
  float alpha = 1.702f;
  int64_t expert_offset = 0;
  int64_t num_experts = 0;  // of the whole model; 0: as many as the weights have
  template <typename Visitor>
  void VisitAttributes(Visitor&& visit) const {
    visit("limit", limit);
    visit("alpha", alpha);
    visit("expert_offset", expert_offset);
    visit("num_experts", num_experts);
  }
};

// output = a + b; b may be a vector [columns] that is added to every row (a bias).
struct AddOp {
  static constexpr std::string_view kInputs[] = {"a", "b"};
  template <typename Visitor>
  void VisitAttributes(Visitor&&) const {}
};

// output[r] = x[rows[r]]
struct TakeRowsOp {
  static constexpr std::string_view kInputs[] = {"x", "rows"};
  template <typename Visitor>
  void VisitAttributes(Visitor&&) const {}
};

// Sum of x over all ranks, in rank order.
struct AllReduceOp {
  static constexpr std::string_view kInputs[] = {"x"};
  int ranks = 1;
  template <typename Visitor>
  void VisitAttributes(Visitor&& visit) const {
    visit("ranks", ranks);
  }
};

// The ranks' x side by side along the last dimension, in rank order: parts[r] columns of rank r.
struct AllGatherOp {
  static constexpr std::string_view kInputs[] = {"x"};
  std::vector<int64_t> parts;
  template <typename Visitor>
  void VisitAttributes(Visitor&& visit) const {
    visit("parts", parts);
  }
};

namespace internal {
template <typename ListStart, typename... Ops>
using OpVariant = std::variant<Ops...>;
}  // namespace internal

using Op = internal::OpVariant<void
#define FAIRLEAD_OP(Name, text) , Name##Op
#include "graph/ops.def"
#undef FAIRLEAD_OP
                               >;

// The text name of ops.def.
std::string_view OpName(const Op& op);

}  // namespace fairlead

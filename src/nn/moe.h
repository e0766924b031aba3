// Mixture of experts: a router and its experts.
#pragma once

#include "nn/scope.h"

namespace fairlead {

struct Routing {
  Value weights;  // f32 [T, top_k]
  Value indices;  // i32 [T, top_k]
};

// A linear layer over all experts, the best `top_k` of it, and a softmax over those (HF
// GptOssTopKRouter). Values: "logits", "weights", "indices".
Routing Router(const Scope& scope, Value hidden, int64_t num_experts, int top_k);

struct ExpertsOptions {
  int64_t num_experts = 0;
  int64_t intermediate_size = 0;
  double swiglu_limit = 7.0;
  double swiglu_alpha = 1.702;
};

// The chosen experts' clamped swiglu networks, weighed and summed (HF GptOssExperts). Checkpoints
// hold the projections as MXFP4 blocks [experts, out, in], or in BF16 transposed to [experts, in,
// out].
Value Experts(const Scope& scope, Value hidden, const Routing& routing,
              const ExpertsOptions& options);

}  // namespace fairlead

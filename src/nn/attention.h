// Grouped-query attention over the KV cache.
#pragma once

#include "nn/scope.h"

namespace fairlead {

struct AttentionOptions {
  int64_t num_heads = 0;
  int64_t num_kv_heads = 0;
  int64_t head_dim = 0;
  int window = 0;    // positions a query sees, itself included; 0 = all
  int kv_group = 0;  // index of the layer's KV group
  int kv_layer = 0;  // the layer's index in that group
  bool sinks = false;
};

// softmax(q k^T / sqrt(head_dim)) v with a causal mask, one learned sink logit per head in the
// softmax's denominator (parameter "sinks" of `scope`). q [T, num_heads * head_dim], k and v
// [T, num_kv_heads * head_dim]; the result, called "context", is [T, num_heads * head_dim].
Value Attention(const Scope& scope, Value q, Value k, Value v, const AttentionOptions& options);

}  // namespace fairlead

// Grouped-query attention over the KV cache.
#pragma once

#include "nn/scope.h"
#include "nn/sharding.h"

namespace fairlead {

struct AttentionOptions {
  HeadSharding heads;
  int64_t head_dim = 0;
  int window = 0;    // positions a query sees, itself included; 0 = all
  int kv_group = 0;  // index of the layer's KV group
  int kv_layer = 0;  // the layer's index in that group
  bool sinks = false;
};

// softmax(q k^T / sqrt(head_dim)) v with a causal mask, one learned sink logit per head in the
// softmax's denominator (parameter "sinks" of `scope`). q [T, query heads * head_dim], k and v
// [T, kv heads * head_dim], of this rank's heads; the result, called "context", has q's shape.
Value Attention(const Scope& scope, Value q, Value k, Value v, const AttentionOptions& options);

}  // namespace fairlead

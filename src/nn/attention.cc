#include "nn/attention.h"

#include <cmath>

namespace fairlead {

Value Attention(const Scope& scope, Value q, Value k, Value v, const AttentionOptions& options) {
  const Value sinks = options.sinks
                          ? scope.Parameter("sinks", {options.heads.query}, ParameterUse::kVector)
                          : Value{};
  AttentionOp op;
  op.num_heads = static_cast<int>(options.heads.query.count());
  op.num_kv_heads = static_cast<int>(options.heads.key_value.count());
  op.head_dim = static_cast<int>(options.head_dim);
  op.scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(options.head_dim)));
  op.window = options.window;
  op.kv_group = options.kv_group;
  op.kv_layer = options.kv_layer;
  return (scope / "context").Append(op, {q, k, v, sinks}, scope.Columns(q));
}

}  // namespace fairlead

// A graph with one op of most kinds, for tests to look at and to break.
#pragma once

#include <gtest/gtest.h>

#include "graph/builder.h"

namespace fairlead {

inline Parameter VectorOf(std::string name, Shape shape) {
  return {std::move(name), std::move(shape), ParameterUse::kVector, {}, {}};
}

inline Parameter MatrixOf(std::string name, Shape shape) {
  return {std::move(name), std::move(shape), ParameterUse::kMatrix, {}, {}};
}

// One attention block of two heads of 4 on one kv head, hidden size 8, vocabulary 11, a tied head.
inline Result<Graph> SmallGraph() {
  GraphBuilder b;
  const Value ids = b.Input(GraphInput::kTokenIds);
  Parameter table{"embed.weight", {11, 8}, ParameterUse::kRows, {}, {}};
  const Value x = b.Append("embed", EmbeddingOp{}, {ids, b.Declare(table)});
  const Value normed =
      b.Append("norm", RmsNormOp{1e-5f}, {x, b.Declare(VectorOf("norm.weight", {8}))});
  const Value q = b.Append(
      "q", LinearOp{},
      {normed, b.Declare(MatrixOf("q.weight", {8, 8})), b.Declare(VectorOf("q.bias", {8}))});
  const Value k = b.Append("k", LinearOp{}, {normed, b.Declare(MatrixOf("k.weight", {4, 8})), {}});
  const Value q_rope = b.Append("q_rope", RotaryOp{{1.0f, 0.5f}, 1.25f}, {q});
  AttentionOp attention;
  attention.num_heads = 2;
  attention.num_kv_heads = 1;
  attention.head_dim = 4;
  attention.scale = 0.5f;
  attention.window = 3;
  const Value sinks = b.Declare(VectorOf("sinks", {2}));
  const Value context = b.Append("context", attention, {q_rope, k, k, sinks});
  const Value sum = b.Append("sum", AddOp{}, {x, context});
  const Value last = b.Append("last", TakeRowsOp{}, {sum, b.Input(GraphInput::kOutputRows)});
  const Value head = b.Declare(MatrixOf("embed.weight", {11, 8}));
  return b.Finish(b.Append("logits", LinearOp{}, {last, head, {}}));
}

}  // namespace fairlead

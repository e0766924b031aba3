// The shape rule of every op: what it makes of right inputs, and what it says of wrong ones.
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "graph/graph.h"

namespace fairlead {
namespace {

constexpr Dim T = Dim::Rows();
constexpr Dim R = Dim::OutputRows();

ValueType F(std::vector<Dim> dims) { return {ElementType::kFloat, std::move(dims)}; }
ValueType I(std::vector<Dim> dims) { return {ElementType::kInt32, std::move(dims)}; }

// The results as text, or the error.
std::string Inferred(const Op& op, const std::vector<ValueType>& inputs,
                     const std::vector<size_t>& left_out = {}) {
  std::vector<const ValueType*> types;
  for (const ValueType& input : inputs) types.push_back(&input);
  for (size_t index : left_out) types[index] = nullptr;
  const auto results = InferTypes(op, types);
  if (!results) return results.error().message;
  std::vector<std::string> texts;
  for (const ValueType& result : *results) texts.push_back(result.ToString());
  return fmt::format("{}", fmt::join(texts, " "));
}

AttentionOp Attention(int heads, int kv_heads, int head_dim) {
  AttentionOp op;
  op.num_heads = heads;
  op.num_kv_heads = kv_heads;
  op.head_dim = head_dim;
  return op;
}

TEST(InferTypes, Embedding) {
  EXPECT_EQ(Inferred(EmbeddingOp{}, {I({T}), F({11, 8})}), "f32[T, 8]");
  EXPECT_EQ(Inferred(EmbeddingOp{}, {F({T}), F({11, 8})}),
            "[graph] embedding: input token_ids: expected 1 dimensions of i32, got f32[T]");
  EXPECT_EQ(Inferred(EmbeddingOp{}, {I({T}), F({8})}),
            "[graph] embedding: input weight: expected 2 dimensions of f32, got f32[8]");
}

TEST(InferTypes, RmsNorm) {
  EXPECT_EQ(Inferred(RmsNormOp{}, {F({R, 8}), F({8})}), "f32[R, 8]");
  EXPECT_EQ(Inferred(RmsNormOp{}, {F({T, 8}), F({7})}),
            "[graph] rms_norm: input weight: expected f32[8], got f32[7]");
}

TEST(InferTypes, Linear) {
  EXPECT_EQ(Inferred(LinearOp{}, {F({T, 8}), F({5, 8}), F({5})}), "f32[T, 5]");
  EXPECT_EQ(Inferred(LinearOp{}, {F({T, 8}), F({5, 8}), F({5})}, {2}), "f32[T, 5]");
  EXPECT_EQ(Inferred(LinearOp{}, {F({T, 8}), F({8, 5}), F({8})}),
            "[graph] linear: input weight: expected f32[8, 8], got f32[8, 5]");
  EXPECT_EQ(Inferred(LinearOp{}, {F({T, 8}), F({5, 8}), F({8})}),
            "[graph] linear: input bias?: expected f32[5], got f32[8]");
  EXPECT_EQ(Inferred(LinearOp{}, {F({T, 8}), F({5, 8}), F({5})}, {1}),
            "[graph] linear: input weight is missing");
  EXPECT_EQ(Inferred(LinearOp{}, {F({T, 8}), F({5, 8})}),
            "[graph] linear: expected 3 inputs, got 2");
}

TEST(InferTypes, Rotary) {
  EXPECT_EQ(Inferred(RotaryOp{{1, 1}, 1}, {F({T, 12})}), "f32[T, 12]");
  EXPECT_EQ(Inferred(RotaryOp{{1, 1}, 1}, {F({T, 10})}), "[graph] rotary: x: expected whole heads");
  EXPECT_EQ(Inferred(RotaryOp{}, {F({T, 12})}), "[graph] rotary: x: expected whole heads");
}

TEST(InferTypes, Attention) {
  const std::vector<ValueType> right = {F({T, 24}), F({T, 8}), F({T, 8}), F({6})};
  EXPECT_EQ(Inferred(Attention(6, 2, 4), right), "f32[T, 24]");
  EXPECT_EQ(Inferred(Attention(6, 2, 4), right, {3}), "f32[T, 24]");
  EXPECT_EQ(Inferred(Attention(6, 4, 4), right),
            "[graph] attention: num_heads: expected a multiple of num_kv_heads");
  EXPECT_EQ(Inferred(Attention(6, 0, 4), right),
            "[graph] attention: num_heads: expected a multiple of num_kv_heads");
  EXPECT_EQ(Inferred(Attention(6, 2, 5), right),
            "[graph] attention: input q: expected f32[T, 30], got f32[T, 24]");
  EXPECT_EQ(Inferred(Attention(6, 1, 4), right),
            "[graph] attention: input k: expected f32[T, 4], got f32[T, 8]");
  EXPECT_EQ(Inferred(Attention(6, 2, 4), {F({T, 24}), F({T, 8}), F({T, 4}), F({6})}),
            "[graph] attention: input v: expected f32[T, 8], got f32[T, 4]");
  EXPECT_EQ(Inferred(Attention(6, 2, 4), {F({T, 24}), F({T, 8}), F({T, 8}), F({2})}),
            "[graph] attention: input sinks?: expected f32[6], got f32[2]");
}

TEST(InferTypes, Router) {
  EXPECT_EQ(Inferred(RouterOp{3}, {F({T, 5})}), "f32[T, 3] i32[T, 3]");
  for (int top_k : {0, 6, -1}) {
    EXPECT_EQ(Inferred(RouterOp{top_k}, {F({T, 5})}),
              "[graph] router: top_k: expected between 1 and the number of experts");
  }
}

TEST(InferTypes, MoeExperts) {
  std::vector<ValueType> right = {F({T, 8}),    F({T, 2}), I({T, 2}), F({5, 6, 8}),
                                  F({5, 8, 3}), F({5, 6}), F({5, 8})};
  EXPECT_EQ(Inferred(MoeExpertsOp{}, right), "f32[T, 8]");
  const auto with = [&](size_t index, ValueType type) {
    std::vector<ValueType> changed = right;
    changed[index] = std::move(type);
    return Inferred(MoeExpertsOp{}, changed);
  };
  EXPECT_EQ(with(1, F({R, 2})),
            "[graph] moe_experts: input weights: expected f32[T, 2], got f32[R, 2]");
  EXPECT_EQ(with(2, F({T, 2})),
            "[graph] moe_experts: input indices: expected i32[T, 2], got f32[T, 2]");
  EXPECT_EQ(with(3, F({5, 6, 7})),
            "[graph] moe_experts: input gate_up: expected f32[5, 6, 8], got f32[5, 6, 7]");
  EXPECT_EQ(with(4, F({4, 8, 3})),
            "[graph] moe_experts: input down: expected f32[5, 8, 3], got f32[4, 8, 3]");
  EXPECT_EQ(with(4, F({5, 8, 2})),
            "[graph] moe_experts: gate_up: expected twice as many rows as down has columns");
  EXPECT_EQ(with(5, F({5, 3})),
            "[graph] moe_experts: input gate_up_bias: expected f32[5, 6], got f32[5, 3]");
  EXPECT_EQ(with(6, F({5, 3})),
            "[graph] moe_experts: input down_bias: expected f32[5, 8], got f32[5, 3]");
}

TEST(InferTypes, Add) {
  EXPECT_EQ(Inferred(AddOp{}, {F({T, 8}), F({T, 8})}), "f32[T, 8]");
  EXPECT_EQ(Inferred(AddOp{}, {F({T, 8}), F({8})}), "f32[T, 8]");
  EXPECT_EQ(Inferred(AddOp{}, {F({T, 8}), F({R, 8})}),
            "[graph] add: input b: expected f32[T, 8], got f32[R, 8]");
  EXPECT_EQ(Inferred(AddOp{}, {F({T, 8}), F({1})}),
            "[graph] add: input b: expected f32[8], got f32[1]");
}

TEST(InferTypes, TakeRows) {
  EXPECT_EQ(Inferred(TakeRowsOp{}, {F({T, 8}), I({R})}), "f32[R, 8]");
  EXPECT_EQ(Inferred(TakeRowsOp{}, {F({T, 8}), F({R})}),
            "[graph] take_rows: input rows: expected 1 dimensions of i32, got f32[R]");
}

TEST(InferTypes, Collectives) {
  EXPECT_EQ(Inferred(AllReduceOp{4}, {F({T, 8})}), "f32[T, 8]");
  EXPECT_EQ(Inferred(AllGatherOp{{8, 8, 8, 8}}, {F({T, 8})}), "f32[T, 32]");
  EXPECT_EQ(Inferred(AllGatherOp{{8}}, {F({8})}),
            "[graph] all_gather: input x: expected 2 dimensions of f32, got f32[8]");
}

}  // namespace
}  // namespace fairlead

#include <gtest/gtest.h>

#include "tests/graph/small_graph.h"

namespace fairlead {
namespace {

TEST(PrintGraph, ShowsParametersNodesAttributesAndTheResult) {
  const auto graph = SmallGraph();
  ASSERT_TRUE(graph) << graph.error().message;
  EXPECT_EQ(PrintGraph(*graph),
            R"(input %token_ids: i32[T]
parameter %embed.weight: f32[11, 8]
parameter %norm.weight: f32[8]
parameter %q.weight: f32[8, 8]
parameter %q.bias: f32[8]
parameter %k.weight: f32[4, 8]
parameter %sinks: f32[2]
input %output_rows: i32[R]
%embed: f32[T, 8] = embedding(%token_ids, %embed.weight) {vocabulary_offset=0}
%norm: f32[T, 8] = rms_norm(%embed, %norm.weight) {eps=1e-05}
%q: f32[T, 8] = linear(%norm, %q.weight, %q.bias)
%k: f32[T, 4] = linear(%norm, %k.weight, none)
%q_rope: f32[T, 8] = rotary(%q) {inverse_frequencies=[2 values, 1 to 0.5], attention_scaling=1.25}
%context: f32[T, 8] = attention(%q_rope, %k, %k, %sinks) {num_heads=2, num_kv_heads=1, head_dim=4, scale=0.5, window=3, kv_group=0, kv_layer=0}
%sum: f32[T, 8] = add(%embed, %context)
%last: f32[R, 8] = take_rows(%sum, %output_rows)
%logits: f32[R, 11] = linear(%last, %embed.weight, none)
return %logits
)");
}

TEST(OpName, IsTheTextNameOfTheList) {
#define FAIRLEAD_OP(Name, text) EXPECT_EQ(OpName(Name##Op{}), text);
#include "graph/ops.def"
#undef FAIRLEAD_OP
}

}  // namespace
}  // namespace fairlead

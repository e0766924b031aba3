#include "graph/builder.h"

#include <gtest/gtest.h>

#include "tests/graph/small_graph.h"

namespace fairlead {
namespace {

TEST(GraphBuilder, BuildsAGraphThatTheVerifierAccepts) {
  const auto graph = SmallGraph();
  ASSERT_TRUE(graph) << graph.error().message;
  EXPECT_TRUE(VerifyGraph(*graph));
  EXPECT_EQ(graph->logits, graph->Find("logits"));
  EXPECT_EQ(graph->Find("no such value"), std::nullopt);
}

TEST(GraphBuilder, DeclaresATiedParameterOnceWithItsStrongerUse) {
  const auto graph = SmallGraph();
  ASSERT_TRUE(graph) << graph.error().message;
  const std::vector<const Parameter*> parameters = graph->parameters();
  ASSERT_EQ(parameters.size(), 6u);
  EXPECT_EQ(parameters[0]->name, "embed.weight");
  EXPECT_EQ(parameters[0]->use, ParameterUse::kMatrix);
}

TEST(GraphBuilder, RefusesOneNameForTwoShapes) {
  GraphBuilder b;
  b.Declare(VectorOf("w", {3}));
  b.Declare(VectorOf("w", {4}));
  const auto graph = b.Finish({});
  ASSERT_FALSE(graph);
  EXPECT_EQ(graph.error().message, "[graph] w: declared as [3] and as [4]");
}

TEST(GraphBuilder, ReportsTheFirstMistakeAndSurvivesThoseThatFollow) {
  GraphBuilder b;
  const Value ids = b.Input(GraphInput::kTokenIds);
  const Value bad = b.Append("bad", LinearOp{}, {ids, b.Declare(MatrixOf("w", {2, 3})), {}});
  EXPECT_EQ(bad.id, kNoValue);
  EXPECT_EQ(b.Columns(bad).size, 0);
  const Value worse = b.Append("worse", AddOp{}, {bad, bad});
  const auto graph = b.Finish(worse);
  ASSERT_FALSE(graph);
  EXPECT_EQ(graph.error().message,
            "[graph] bad: [graph] linear: input x: expected 2 dimensions of f32, got i32[T]");
}

TEST(GraphBuilder, RefusesAWrongNumberOfResults) {
  GraphBuilder b;
  const Value x = b.Append("x", EmbeddingOp{},
                           {b.Input(GraphInput::kTokenIds), b.Declare(MatrixOf("w", {5, 4}))});
  b.Append("weights", RouterOp{2}, {x});  // makes indices, too
  const auto graph = b.Finish(x);
  ASSERT_FALSE(graph);
  EXPECT_EQ(graph.error().message, "[graph] weights: wrong number of results");
}

TEST(GraphBuilder, RefusesANameUsedTwice) {
  GraphBuilder b;
  const Value w = b.Declare(MatrixOf("w", {5, 4}));
  const Value x = b.Append("x", EmbeddingOp{}, {b.Input(GraphInput::kTokenIds), w});
  const auto graph = b.Finish(b.Append("x", AddOp{}, {x, x}));
  ASSERT_FALSE(graph);
  EXPECT_EQ(graph.error().message, "[graph] x: the name is used twice");
}

}  // namespace
}  // namespace fairlead

// Graphs broken after they were built.
#include <gtest/gtest.h>

#include <functional>
#include <utility>

#include "tests/graph/small_graph.h"

namespace fairlead {
namespace {

struct Breakage {
  std::string_view name;
  std::function<void(Graph&)> apply;
  std::string_view message;
};

size_t NodeOf(const Graph& graph, std::string_view output) {
  const ValueId id = graph.Find(output).value();
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    if (graph.nodes[n].outputs[0] == id) return n;
  }
  ADD_FAILURE() << output;
  return 0;
}

Node& NodeCalled(Graph& graph, std::string_view output) {
  return graph.nodes[NodeOf(graph, output)];
}

class VerifyGraphTest : public ::testing::TestWithParam<Breakage> {};

TEST_P(VerifyGraphTest, RefusesABrokenGraph) {
  auto graph = SmallGraph();
  ASSERT_TRUE(graph) << graph.error().message;
  GetParam().apply(*graph);
  const Status status = VerifyGraph(*graph);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Breakages, VerifyGraphTest,
    ::testing::Values(
        Breakage{"NodesInTheWrongOrder",
                 [](Graph& g) { std::swap(NodeCalled(g, "norm"), NodeCalled(g, "embed")); },
                 "[graph] norm (rms_norm): embed is used before it is computed"},
        Breakage{"AnInputPastTheEnd", [](Graph& g) { NodeCalled(g, "sum").inputs[1] = 1000; },
                 "[graph] sum (add): an input id is out of range"},
        Breakage{"ANegativeInput", [](Graph& g) { NodeCalled(g, "sum").inputs[1] = -2; },
                 "[graph] sum (add): an input id is out of range"},
        Breakage{"AnOutputPastTheEnd", [](Graph& g) { NodeCalled(g, "sum").outputs[0] = 1000; },
                 "[graph] add: expected output ids below 17, got 1000"},
        Breakage{"AnOutputComputedTwice",
                 [](Graph& g) { NodeCalled(g, "sum").outputs = NodeCalled(g, "embed").outputs; },
                 "[graph] embed (add): an output is computed twice"},
        Breakage{"AParameterComputed",
                 [](Graph& g) { NodeCalled(g, "sum").outputs[0] = g.Find("norm.weight").value(); },
                 "[graph] norm.weight (add): an output is computed twice"},
        Breakage{"TwoOutputsOfAnOpWithOne",
                 [](Graph& g) {
                   auto& outputs = NodeCalled(g, "sum").outputs;
                   outputs.push_back(outputs[0]);
                 },
                 "[graph] sum (add): expected 1 outputs, got 2"},
        Breakage{"NoOutputs", [](Graph& g) { NodeCalled(g, "sum").outputs.clear(); },
                 "[graph] ? (add): expected 1 outputs, got 0"},
        Breakage{
            "AnotherTypeThanInferred",
            [](Graph& g) { g.values[static_cast<size_t>(g.Find("sum").value())].type.dims[1] = 9; },
            "[graph] sum (add): expected type f32[T, 8], got f32[T, 9]"},
        Breakage{"TheSameNameTwice",
                 [](Graph& g) {
                   g.values[static_cast<size_t>(g.Find("sum").value())].name = std::string("q");
                 },
                 "[graph] q: the name is used twice"},
        Breakage{"AMissingInput", [](Graph& g) { NodeCalled(g, "norm").inputs[1] = kNoValue; },
                 "[graph] rms_norm: input weight is missing"},
        Breakage{"TooFewInputs", [](Graph& g) { NodeCalled(g, "norm").inputs.pop_back(); },
                 "[graph] rms_norm: expected 2 inputs, got 1"},
        Breakage{"NoLogits", [](Graph& g) { g.logits = kNoValue; },
                 "[graph] logits: no node computes them"},
        Breakage{"LogitsPastTheEnd", [](Graph& g) { g.logits = 1000; },
                 "[graph] logits: no node computes them"},
        Breakage{"LogitsNeverComputed", [](Graph& g) { g.nodes.pop_back(); },
                 "[graph] logits: no node computes them"}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace fairlead

// The reference backend against numbers worked out by hand, and what it refuses.
#include "backends/reference/reference_backend.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "graph/builder.h"
#include "tests/support/plans.h"
#include "tests/support/weights.h"

namespace fairlead::testing {
namespace {

// A graph with parameters of given numbers, run on one sequence of tokens 0, 1, 2, ...
class Bench {
 public:
  explicit Bench(int64_t tokens) : tokens_(tokens) {
    program_->facts.vocabulary_size = tokens;
    program_->facts.max_positions = 1024;
  }

  GraphBuilder& builder() { return builder_; }
  Program& program() { return *program_; }

  Value Given(const std::string& name, Shape shape, ParameterUse use, std::vector<float> values) {
    const Parameter parameter{name, shape, use, {}, {}};
    const auto memory = std::make_shared<std::vector<float>>(std::move(values));
    program_->weights.tensors[name] = {{LayoutOrder::kRowMajor, StorageFormat::kF32},
                                       std::move(shape),
                                       std::as_bytes(std::span(*memory))};
    program_->weights.owners.push_back(memory);
    return builder_.Declare(parameter);
  }
  Value Vector(const std::string& name, std::vector<float> values) {
    const auto size = static_cast<int64_t>(values.size());
    return Given(name, {size}, ParameterUse::kVector, std::move(values));
  }
  // An activation with these rows, one a token.
  Value Rows(const std::string& name, std::vector<float> values) {
    const auto columns = static_cast<int64_t>(values.size()) / tokens_;
    const Value table =
        Given(name + ".table", {tokens_, columns}, ParameterUse::kRows, std::move(values));
    return builder_.Append(name, EmbeddingOp{}, {builder_.Input(GraphInput::kTokenIds), table});
  }

  Result<std::unique_ptr<Executor>> Load(Value result) {
    const Value logits =
        builder_.Append("logits", TakeRowsOp{}, {result, builder_.Input(GraphInput::kOutputRows)});
    FAIRLEAD_ASSIGN_OR_RETURN(program_->graph, builder_.Finish(logits));
    return ReferenceBackend().Load(
        program_, {.max_rows = 64, .max_slots = 1, .max_position = 64, .kv_pages = {}});
  }

  // The rows of `result`, one after the other.
  std::vector<float> Run(Value result, int start_position = 0) {
    const auto executor = Load(result);
    if (!executor) {
      ADD_FAILURE() << executor.error().message;
      return {};
    }
    const int count = static_cast<int>(tokens_) - start_position;
    const SlotPages pages(program_->facts, 1, 64, 1);
    Sequence sequence{0, {}};
    for (int32_t token = 0; token < tokens_; ++token) sequence.tokens.push_back(token);
    const auto step = (*executor)->Step(MakePlan({{0, start_position, count}}, {sequence}, pages));
    if (!step) {
      ADD_FAILURE() << step.error().message;
      return {};
    }
    const auto values = step->logits.As<float>();
    return {values.begin(), values.end()};
  }

 private:
  int64_t tokens_;
  std::shared_ptr<Program> program_ = std::make_shared<Program>();
  GraphBuilder builder_;
};

void ExpectNear(const std::vector<float>& found, const std::vector<double>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], 1e-6 * std::max(1.0, std::abs(expected[i]))) << i;
}

TEST(Reference, NormalisesByTheRootOfTheMeanSquarePlusEps) {
  Bench b(1);
  const Value x = b.Rows("x", {3, 4});
  const double root = std::sqrt((9.0 + 16.0) / 2 + 0.5);
  ExpectNear(b.Run(b.builder().Append("y", RmsNormOp{0.5f}, {x, b.Vector("w", {2, -1})})),
             {2 * 3 / root, -4 / root});
}

TEST(Reference, MultipliesByRowsOfTheWeightAndAddsTheBias) {
  Bench b(2);
  const Value x = b.Rows("x", {1, 2, 3, -1});
  const Value w = b.Given("w", {3, 2}, ParameterUse::kMatrix, {1, 0, 10, 1, 0, -2});
  ExpectNear(b.Run(b.builder().Append("y", LinearOp{}, {x, w, b.Vector("b", {0, 100, 0.5f})})),
             {1, 112, -3.5, 3, 129, 2.5});
}

TEST(Reference, RotatesTheHalvesOfEachHeadByPositionTimesFrequency) {
  Bench b(3);
  // Two heads of 2; at position 2 and a frequency of pi/4 the angle is a right one.
  const Value x = b.Rows("x", {1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1});
  const RotaryOp op{{std::acos(-1.0f) / 4}, 3.0f};
  const double half = 3 * std::sqrt(0.5);
  ExpectNear(b.Run(b.builder().Append("y", op, {x})),
             {3, 0, 0, 3, half, half, -half, half, 0, 3, -3, 0});
}

AttentionOp OneHead(int window) {
  AttentionOp op;
  op.num_heads = 1;
  op.num_kv_heads = 1;
  op.head_dim = 2;
  op.scale = 0.5f;
  op.window = window;
  return op;
}

TEST(Reference, AttendsToItselfAndEarlierKeysAndLetsTheSinkTakeItsShare) {
  Bench b(3);
  b.program().facts.kv_groups = {{"full", 0, 1, 1, 2}};
  const Value q = b.Rows("q", {2, 0, 2, 0, 2, 0});
  const Value k = b.Rows("k", {0, 9, 1, 9, 2, 9});
  const Value v = b.Rows("v", {1, 0, 0, 1, 4, 4});
  // Scores are 0, 1, 2; the sink's logit is 1, without the scale.
  const double e = std::exp(1.0);
  const double one = 1 + e, two = 1 + e + e, three = 1 + e + e + e * e;
  ExpectNear(b.Run(b.builder().Append("y", OneHead(0), {q, k, v, b.Vector("sinks", {1})})),
             {1 / one, 0, 1 / two, e / two, (1 + 4 * e * e) / three, (e + 4 * e * e) / three});
}

TEST(Reference, SeesTheLastWindowPositionsItselfIncluded) {
  Bench b(3);
  b.program().facts.kv_groups = {{"sliding", 2, 1, 1, 2}};
  const Value zero = b.Rows("q", {0, 0, 0, 0, 0, 0});
  const Value v = b.Rows("v", {1, 0, 0, 1, 4, 4});
  ExpectNear(b.Run(b.builder().Append("y", OneHead(2), {zero, zero, v, {}})),
             {1, 0, 0.5, 0.5, 2, 2.5});
}

TEST(Reference, PicksTheLargestLogitsAndTheLowestIndexOfEqualOnes) {
  Bench b(2);
  const Value logits = b.Rows("x", {1, 5, 5, 0, 2, 2, 2, 2});
  const std::vector<Value> chosen =
      b.builder().AppendMany({"weights", "indices"}, RouterOp{3}, {logits});
  // One expert each answers with its number + 1, through biases alone.
  const Value x = b.Rows("hidden", {0, 0});
  const Value gate_up = b.Given("gate_up", {4, 2, 1}, ParameterUse::kMatrix, std::vector<float>(8));
  const Value down = b.Given("down", {4, 1, 1}, ParameterUse::kMatrix, std::vector<float>(4));
  const Value gate_up_bias =
      b.Given("gate_up_bias", {4, 2}, ParameterUse::kVector, std::vector<float>(8));
  const Value down_bias = b.Given("down_bias", {4, 1}, ParameterUse::kVector, {1, 10, 100, 1000});
  const double share = std::exp(-4.0), sum = 2 + share;
  ExpectNear(
      b.Run(b.builder().Append("y", MoeExpertsOp{},
                               {x, chosen[0], chosen[1], gate_up, down, gate_up_bias, down_bias})),
      {(110 + share) / sum, 111.0 / 3});
}

TEST(Reference, ClampsGateAboveAndUpOnBothSides) {
  const auto expert = [](float gate, float up) {
    Bench b(1);
    const std::vector<Value> chosen =
        b.builder().AppendMany({"weights", "indices"}, RouterOp{1}, {b.Rows("x", {0})});
    const Value hidden = b.Rows("hidden", {1});
    const Value gate_up = b.Given("gate_up", {1, 2, 1}, ParameterUse::kMatrix, {gate, up});
    const Value down = b.Given("down", {1, 1, 1}, ParameterUse::kMatrix, {1});
    const Value gate_up_bias = b.Given("gate_up_bias", {1, 2}, ParameterUse::kVector, {0, 0});
    const Value down_bias = b.Given("down_bias", {1, 1}, ParameterUse::kVector, {0});
    return b.Run(b.builder().Append(
        "y", MoeExpertsOp{2.0f, 1.5f},
        {hidden, chosen[0], chosen[1], gate_up, down, gate_up_bias, down_bias}))[0];
  };
  const auto swish = [](double gate) { return gate / (1 + std::exp(-1.5 * gate)); };
  EXPECT_NEAR(expert(1, 1), 2 * swish(1), 1e-6);
  EXPECT_NEAR(expert(9, 1), 2 * swish(2), 1e-6);
  EXPECT_NEAR(expert(-9, 1), 2 * swish(-9), 1e-6);
  EXPECT_NEAR(expert(1, 9), 3 * swish(1), 1e-6);
  EXPECT_NEAR(expert(1, -9), -swish(1), 1e-6);
}

// Graphs that a plan could not run safely are refused when they are loaded.
std::string LoadError(Bench& bench, Value result) {
  const auto executor = bench.Load(result);
  return executor ? "loaded" : executor.error().message;
}

TEST(Reference, RefusesAParameterWhereAValueIsComputedAndTheOtherWayRound) {
  Bench b(2);
  const Value w = b.Given("w", {2, 2}, ParameterUse::kMatrix, {1, 0, 0, 1});
  EXPECT_EQ(LoadError(b, b.builder().Append("z", AddOp{}, {w, w})),
            "[reference] z (add): a: expected a value, got the parameter w");
  Bench c(2);
  const Value x = c.Rows("x", {1, 2, 3, 4});
  const Value y = c.builder().Append("y", LinearOp{}, {x, x, {}});
  EXPECT_EQ(LoadError(c, y),
            "[reference] y (linear): weight: expected a parameter, got the value x");
}

TEST(Reference, RefusesAWindowThatIsNotItsGroups) {
  Bench b(1);
  b.program().facts.kv_groups = {{"sliding", 3, 1, 1, 2}};
  const Value x = b.Rows("x", {0, 0});
  EXPECT_EQ(LoadError(b, b.builder().Append("y", OneHead(2), {x, x, x, {}})),
            "[reference] y (attention): expected window, head_dim and layer of its KV group");
}

TEST(Reference, RefusesAKvGroupThatTheModelLacks) {
  Bench b(1);
  const Value x = b.Rows("x", {0, 0});
  EXPECT_EQ(LoadError(b, b.builder().Append("y", OneHead(2), {x, x, x, {}})),
            "[reference] y (attention): kv_group: expected one that the model has");
}

TEST(Reference, RefusesTwoLayersInOneCache) {
  Bench b(1);
  b.program().facts.kv_groups = {{"full", 0, 2, 1, 2}};
  const Value x = b.Rows("x", {0, 0});
  const Value y = b.builder().Append("y", OneHead(0), {x, x, x, {}});
  EXPECT_EQ(LoadError(b, b.builder().Append("z", OneHead(0), {y, y, y, {}})),
            "[reference] z (attention): kv_layer: expected one of its own");
}

TEST(Reference, RefusesMoreThanOneRank) {
  Bench b(1);
  const Value x = b.Rows("x", {0, 0});
  EXPECT_EQ(LoadError(b, b.builder().Append("y", AllReduceOp{2}, {x})),
            "[reference] ranks: expected 1, got 2");
}

TEST(Reference, RefusesMissingWeights) {
  Bench b(1);
  const Value x = b.Rows("x", {0, 0});
  b.program().weights.tensors.clear();
  EXPECT_EQ(LoadError(b, x), "[weights] x.table: missing");
}

// Writes an index that does not exist over what the router chose.
class WrongIndex : public ValueTap {
 public:
  bool Wants(std::string_view name) const override { return name == "indices"; }
  Status Visit(std::string_view, DType, const Shape&, std::span<std::byte> bytes) override {
    const int32_t expert = 4;
    std::memcpy(bytes.data(), &expert, sizeof(expert));
    return {};
  }
};

TEST(Reference, RefusesAnInjectedExpertThatDoesNotExist) {
  Bench b(1);
  const std::vector<Value> chosen =
      b.builder().AppendMany({"weights", "indices"}, RouterOp{1}, {b.Rows("x", {0, 0, 0, 0})});
  const Value hidden = b.Rows("hidden", {1});
  const Value gate_up = b.Given("gate_up", {4, 2, 1}, ParameterUse::kMatrix, std::vector<float>(8));
  const Value down = b.Given("down", {4, 1, 1}, ParameterUse::kMatrix, std::vector<float>(4));
  const Value gate_up_bias =
      b.Given("gate_up_bias", {4, 2}, ParameterUse::kVector, std::vector<float>(8));
  const Value down_bias = b.Given("down_bias", {4, 1}, ParameterUse::kVector, {0, 0, 0, 0});
  const auto executor = b.Load(b.builder().Append(
      "y", MoeExpertsOp{}, {hidden, chosen[0], chosen[1], gate_up, down, gate_up_bias, down_bias}));
  ASSERT_TRUE(executor) << executor.error().message;
  WrongIndex tap;
  (*executor)->SetTap(&tap);
  const SlotPages pages(b.program().facts, 1, 64, 1);
  const auto step = (*executor)->Step(MakePlan({{0, 0, 1}}, {{0, {0}}}, pages));
  ASSERT_FALSE(step);
  EXPECT_EQ(step.error().message, "[reference] expert: expected 0 to 3, got 4");
}

TEST(Reference, RefusesAPlanPastItsBudget) {
  Bench b(1);
  const auto executor = b.Load(b.Rows("x", {0, 0}));
  ASSERT_TRUE(executor) << executor.error().message;
  const SlotPages pages(b.program().facts, 1, 64, 1);
  const Sequence sequence{0, std::vector<int32_t>(65)};
  EXPECT_FALSE((*executor)->Step(MakePlan({{0, 0, 65}}, {sequence}, pages)));
  EXPECT_FALSE(
      (*executor)->Step(MakePlan({{1, 0, 1}}, {{1, {0}}}, SlotPages(b.program().facts, 2, 64, 1))));
  EXPECT_TRUE((*executor)->Step(MakePlan({{0, 0, 64}}, {sequence}, pages)));
}

}  // namespace
}  // namespace fairlead::testing

// The cpu backend as a whole on a small random model: against the reference backend, and against
// itself with the same tokens in other chunks, batches and thread counts.
#include "backends/cpu/cpu_backend.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <random>

#include "backends/reference/reference_backend.h"
#include "base/cpu_features.h"
#include "graph/builder.h"

namespace fairlead {
namespace {

constexpr int kHidden = 96, kHeads = 6, kKvHeads = 2, kHeadDim = 20, kExperts = 5, kTopK = 2;
constexpr int kIntermediate = 64, kVocabulary = 77, kWindow = 40, kPositions = 700;

class WeightMaker {
 public:
  Value Vector(GraphBuilder& builder, const std::string& name, Shape shape) {
    return Declare(builder, name, std::move(shape), ParameterUse::kVector, StorageFormat::kF32);
  }
  Value Matrix(GraphBuilder& builder, const std::string& name, Shape shape, StorageFormat format) {
    return Declare(builder, name, std::move(shape), ParameterUse::kMatrix, format);
  }
  Value Rows(GraphBuilder& builder, const std::string& name, Shape shape) {
    return Declare(builder, name, std::move(shape), ParameterUse::kRows, StorageFormat::kBf16);
  }
  Weights weights;

 private:
  Value Declare(GraphBuilder& builder, const std::string& name, Shape shape, ParameterUse use,
                StorageFormat format) {
    Parameter parameter{name, shape, use, {}, {}};
    PackedTensor tensor{CpuBackend().ChooseLayout(parameter, format), shape, {}};
    auto bytes =
        std::make_shared<std::vector<std::byte>>(static_cast<size_t>(tensor.expected_bytes()));
    tensor.bytes = *bytes;
    for (int64_t expert = 0; expert < tensor.experts(); ++expert) {
      const std::span<std::byte> part(bytes->data() + expert * tensor.expert_bytes(),
                                      static_cast<size_t>(tensor.expert_bytes()));
      // Row-major vectors of several rows are one block of memory.
      Fill({format, tensor.rows(), tensor.columns(), nullptr, nullptr}, tensor.layout, part);
    }
    weights.tensors[name] = tensor;
    weights.owners.push_back(bytes);
    return builder.Declare(parameter);
  }

  void Fill(MatrixRows rows, Layout layout, std::span<std::byte> to) {
    const int64_t count = rows.rows * rows.columns;
    std::vector<std::byte> elements, scales;
    std::normal_distribution<float> normal(0.0f, 0.2f);
    if (rows.format == StorageFormat::kMxfp4) {
      elements.resize(static_cast<size_t>(count / 2));
      scales.resize(static_cast<size_t>(count / kMxfp4Block));
      for (std::byte& byte : elements) byte = static_cast<std::byte>(random_());
      for (std::byte& scale : scales) scale = static_cast<std::byte>(121 + random_() % 4);
    } else {
      const bool bf16 = rows.format == StorageFormat::kBf16;
      elements.resize(static_cast<size_t>(count) * (bf16 ? 2 : 4));
      for (int64_t i = 0; i < count; ++i) {
        const float value = normal(random_);
        const Bf16 rounded = FloatToBf16(value);
        if (bf16) std::memcpy(elements.data() + 2 * i, &rounded, 2);
        if (!bf16) std::memcpy(elements.data() + 4 * i, &value, 4);
      }
    }
    rows.elements = elements.data();
    rows.scales = scales.data();
    Pack(layout, rows, to);
  }

  std::mt19937 random_{7};
};

std::shared_ptr<const Program> MakeProgram() {
  WeightMaker make;
  GraphBuilder b;
  auto program = std::make_shared<Program>();
  program->facts.vocabulary_size = kVocabulary;
  program->facts.layers = 2;
  program->facts.max_positions = kPositions;
  program->facts.kv_groups = {{"full", 0, 1, kKvHeads, kHeadDim},
                              {"sliding", kWindow, 1, kKvHeads, kHeadDim}};
  Value x =
      b.Append("embedded", EmbeddingOp{},
               {b.Input(GraphInput::kTokenIds), make.Rows(b, "embed", {kVocabulary, kHidden})});
  RotaryOp rotary;
  for (int i = 0; i < kHeadDim / 2; ++i) {
    rotary.inverse_frequencies.push_back(std::pow(1000.0f, -2.0f * i / kHeadDim));
  }
  rotary.attention_scaling = 1.1f;
  for (int layer = 0; layer < 2; ++layer) {
    const auto name = [&](std::string_view what) { return fmt::format("{}.{}", layer, what); };
    const StorageFormat format = layer == 0 ? StorageFormat::kBf16 : StorageFormat::kF32;
    const auto linear = [&](std::string_view what, Value in, int64_t outputs) {
      return b.Append(
          name(what), LinearOp{},
          {in, make.Matrix(b, name(what) + ".weight", {outputs, b.Columns(in).size}, format),
           make.Vector(b, name(what) + ".bias", {outputs})});
    };
    const Value normed =
        b.Append(name("norm1"), RmsNormOp{}, {x, make.Vector(b, name("n1"), {kHidden})});
    const Value q = b.Append(name("q_rope"), rotary, {linear("q", normed, kHeads * kHeadDim)});
    const Value k = b.Append(name("k_rope"), rotary, {linear("k", normed, kKvHeads * kHeadDim)});
    const Value v = linear("v", normed, kKvHeads * kHeadDim);
    AttentionOp attention{kHeads, kKvHeads, kHeadDim, 0.5f, layer == 0 ? 0 : kWindow, layer, 0};
    const Value attended = layer == 0 ? b.Append(name("attn"), attention,
                                                 {q, k, v, make.Vector(b, name("sinks"), {kHeads})})
                                      : b.Append(name("attn"), attention, {q, k, v, Value{}});
    x = b.Append(name("sum1"), AddOp{}, {x, linear("o", attended, kHidden)});
    const Value normed2 =
        b.Append(name("norm2"), RmsNormOp{}, {x, make.Vector(b, name("n2"), {kHidden})});
    const std::vector<Value> routed = b.AppendMany(
        {name("weights"), name("indices")}, RouterOp{kTopK}, {linear("router", normed2, kExperts)});
    const StorageFormat experts = layer == 0 ? StorageFormat::kMxfp4 : StorageFormat::kBf16;
    const Value mixed =
        b.Append(name("moe"), MoeExpertsOp{2.0f, 1.702f},
                 {normed2, routed[0], routed[1],
                  make.Matrix(b, name("gate_up"), {kExperts, 2 * kIntermediate, kHidden}, experts),
                  make.Matrix(b, name("down"), {kExperts, kHidden, kIntermediate}, experts),
                  make.Vector(b, name("gate_up.bias"), {kExperts, 2 * kIntermediate}),
                  make.Vector(b, name("down.bias"), {kExperts, kHidden})});
    x = b.Append(name("sum2"), AddOp{}, {x, mixed});
  }
  x = b.Append("taken", TakeRowsOp{}, {x, b.Input(GraphInput::kOutputRows)});
  x = b.Append("logits", LinearOp{},
               {x, make.Matrix(b, "head", {kVocabulary, kHidden}, StorageFormat::kBf16), Value{}});
  auto graph = b.Finish(x);
  EXPECT_TRUE(graph) << graph.error().message;
  program->graph = std::move(*graph);
  program->weights = std::move(make.weights);
  return program;
}

// Sequences whose pages are handed out in an order that is not ascending.
class Session {
 public:
  Session(const Backend& backend, std::shared_ptr<const Program> program, int threads)
      : facts_(program->facts) {
    ExecutorOptions options;
    options.threads = threads;
    options.max_rows = kPositions;
    options.max_slots = 2;
    options.kv_pages = {kPages, kPages};
    auto executor = backend.Load(std::move(program), options);
    EXPECT_TRUE(executor) << executor.error().message;
    executor_ = std::move(*executor);
  }

  // One span per (slot, tokens): appends them to the sequences; logits of every row.
  std::vector<float> Step(const std::vector<std::pair<int, std::vector<int32_t>>>& parts) {
    StepPlan plan;
    plan.pages.resize(2);
    for (PageTable& table : plan.pages) table.offsets = {0};
    for (const auto& [slot, tokens] : parts) {
      const int start = length_[slot];
      length_[slot] += static_cast<int>(tokens.size());
      plan.spans.push_back({slot, start, static_cast<int>(tokens.size())});
      plan.token_ids.insert(plan.token_ids.end(), tokens.begin(), tokens.end());
      for (size_t g = 0; g < 2; ++g) {
        PageTable& table = plan.pages[g];
        const int first = FirstVisible(facts_.kv_groups[g], start) / kPageTokens;
        table.first_page.push_back(first);
        for (int page = first; page * kPageTokens < length_[slot]; ++page) {
          table.pages.push_back((page * 2 + slot) * 7 % kPages);
        }
        table.offsets.push_back(static_cast<int32_t>(table.pages.size()));
      }
    }
    for (size_t i = 0; i < plan.token_ids.size(); ++i) {
      plan.output_rows.push_back(static_cast<int32_t>(i));
    }
    auto result = executor_->Step(plan);
    EXPECT_TRUE(result) << result.error().message;
    const auto logits = result->logits.As<float>();
    return {logits.begin(), logits.end()};
  }

 private:
  static constexpr int kPages = 50;  // prime to 7
  ModelFacts facts_;
  std::unique_ptr<Executor> executor_;
  int length_[2] = {0, 0};
};

std::vector<int32_t> RandomTokens(int count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<int32_t> tokens;
  for (int i = 0; i < count; ++i) tokens.push_back(static_cast<int32_t>(random() % kVocabulary));
  return tokens;
}

std::vector<int32_t> Slice(const std::vector<int32_t>& tokens, int first, int count) {
  return {tokens.begin() + first, tokens.begin() + first + count};
}

// Runs each test once per instruction set of this machine.
class CpuExecutorTest : public testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    if (!CpuSupports(GetParam())) GTEST_SKIP() << "this CPU has no " << IsaName(GetParam());
    setenv("FAIRLEAD_FORCE_ISA", std::string(IsaName(GetParam())).c_str(), 1);
  }
  void TearDown() override { unsetenv("FAIRLEAD_FORCE_ISA"); }
  std::shared_ptr<const Program> program_ = MakeProgram();
};

INSTANTIATE_TEST_SUITE_P(Isas, CpuExecutorTest,
                         testing::Values(Isa::kScalar, Isa::kAvx2, Isa::kAvx512),
                         [](const auto& info) { return std::string(IsaName(info.param)); });

TEST_P(CpuExecutorTest, LogitsAreThoseOfTheReference) {
  const std::vector<int32_t> tokens = RandomTokens(600, 1);
  Session reference(ReferenceBackend(), program_, 1), cpu(CpuBackend(), program_, 2);
  for (int part = 0; part < 2; ++part) {
    const std::vector<int32_t> piece = Slice(tokens, part * 300, 300);
    const std::vector<float> expected = reference.Step({{0, piece}}),
                             found = cpu.Step({{0, piece}});
    ASSERT_EQ(expected.size(), found.size());
    float largest = 0.0f, worst = 0.0f;
    for (size_t i = 0; i < expected.size(); ++i) {
      largest = std::max(largest, std::abs(expected[i]));
      worst = std::max(worst, std::abs(expected[i] - found[i]));
    }
    EXPECT_GT(largest, 0.1f);
    EXPECT_LT(worst / largest, 1e-4f);
  }
}

TEST_P(CpuExecutorTest, ChunksAndThreadsChangeNoBit) {
  const std::vector<int32_t> tokens = RandomTokens(600, 2);
  const std::vector<float> whole = Session(CpuBackend(), program_, 1).Step({{0, tokens}});
  for (int threads : {1, 2, 3}) {
    for (int chunk : {1, 7, 64, 257}) {
      if (chunk == 1 && threads > 1) continue;
      Session session(CpuBackend(), program_, threads);
      std::vector<float> found;
      for (int first = 0; first < 600; first += chunk) {
        const auto part = session.Step({{0, Slice(tokens, first, std::min(chunk, 600 - first))}});
        found.insert(found.end(), part.begin(), part.end());
      }
      EXPECT_EQ(whole, found) << "chunks of " << chunk << ", " << threads << " threads";
    }
  }
}

TEST_P(CpuExecutorTest, ABatchChangesNoBit) {
  const std::vector<int32_t> a = RandomTokens(300, 3), b = RandomTokens(77, 4);
  const std::vector<float> alone_a = Session(CpuBackend(), program_, 2).Step({{0, a}});
  const std::vector<float> alone_b = Session(CpuBackend(), program_, 2).Step({{0, b}});
  Session session(CpuBackend(), program_, 2);
  std::vector<float> found = session.Step({{1, b}, {0, Slice(a, 0, 50)}});
  const std::vector<float> rest = session.Step({{0, Slice(a, 50, 250)}});
  found.insert(found.end(), rest.begin(), rest.end());
  std::vector<float> expected = alone_b;
  expected.insert(expected.end(), alone_a.begin(), alone_a.end());
  EXPECT_EQ(expected, found);
}

}  // namespace
}  // namespace fairlead

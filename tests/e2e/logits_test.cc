// `fairlead logits`: the file it writes, against Hugging Face transformers and against itself.
#include <algorithm>
#include <cmath>

#include "tests/e2e/checkpoints.h"
#include "tests/e2e/program.h"

namespace fairlead::e2e {
namespace {

namespace fs = std::filesystem;

// The largest distance between two float tensors, over the largest magnitude of `expected`.
double RelativeDistance(const Tensor& expected, const Tensor& actual) {
  EXPECT_EQ(expected.shape, actual.shape);
  const auto a = expected.As<float>(), b = actual.As<float>();
  if (a.size() != b.size()) return INFINITY;
  double largest = 0, distance = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(b[i])) return INFINITY;
    largest = std::max(largest, std::abs(double{a[i]}));
    distance = std::max(distance, std::abs(double{a[i]} - double{b[i]}));
  }
  return distance / largest;
}

std::vector<std::string> Names(const Tensors& tensors) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors) names.push_back(name);
  return names;
}

class Logits : public ProgramTest {
 protected:
  Tensors Run(const fs::path& model, const std::vector<int32_t>& ids,
              const std::vector<std::string>& options = {}) const {
    const fs::path output = dir() / "out.safetensors";
    std::vector<std::string> arguments = {"logits",     model,      "--token_ids",
                                          JoinIds(ids), "--output", output};
    arguments.insert(arguments.end(), options.begin(), options.end());
    Succeed(arguments);
    return ReadTensors(output);
  }
};

class GoldenLogits : public Logits, public ::testing::WithParamInterface<std::string> {};

TEST_P(GoldenLogits, AreHuggingFaces) {
  const fs::path golden_dir = GoldenDir(GetParam());
  const Json golden = Json::parse(ReadText(golden_dir / "golden.json"));
  const Tensor expected = ReadTensors(golden_dir / "golden.safetensors").at("logits");
  const auto prompt = golden["prompt"].get<std::vector<int32_t>>();
  for (const auto& [backend, tolerance] : {std::pair{"reference", 1e-4}, {"cpu", 1e-3}}) {
    const Tensors written = Run(golden_dir, prompt, {"--backend", backend});
    ASSERT_EQ(Names(written), (std::vector<std::string>{"input_ids", "logits"}));
    EXPECT_LT(RelativeDistance(expected, written.at("logits")), tolerance) << backend;
    const auto ids = written.at("input_ids").As<int32_t>();
    EXPECT_TRUE(std::equal(ids.begin(), ids.end(), prompt.begin(), prompt.end()));
  }
}

INSTANTIATE_TEST_SUITE_P(Goldens, GoldenLogits, ::testing::ValuesIn(GoldenNames()),
                         [](const auto& info) { return info.param; });

TEST_F(Logits, NamedValuesAreHuggingFaces) {
  const fs::path golden_dir = GoldenDir("mxfp4_published");
  const Tensors expected = ReadTensors(golden_dir / "golden.safetensors");
  const auto ids = expected.at("input_ids").As<int32_t>();
  const Tensors written = Run(golden_dir, {ids.begin(), ids.end()}, {"--dump", "*"});
  for (const auto& [name, tensor] : expected) {
    ASSERT_TRUE(written.contains(name)) << name;
    if (tensor.dtype == DType::kF32) {
      EXPECT_LT(RelativeDistance(tensor, written.at(name)), 1e-3) << name;
    } else {
      EXPECT_EQ(tensor.bytes, written.at(name).bytes) << name;
    }
  }
}

TEST_F(Logits, DumpTakesPatterns) {
  const auto names = [&](const char* pattern) {
    return Names(Run(GoldenDir("tied_odd"), {1, 2, 3}, {"--dump", pattern}));
  };
  using Strings = std::vector<std::string>;
  EXPECT_EQ(names("norm"), (Strings{"input_ids", "logits", "norm"}));
  EXPECT_EQ(names("layers.?.output,norm"),
            (Strings{"input_ids", "layers.0.output", "layers.1.output", "logits", "norm"}));
  EXPECT_EQ(names("layers.1.*.router.*"),
            (Strings{"input_ids", "layers.1.mlp.router.indices", "layers.1.mlp.router.logits",
                     "layers.1.mlp.router.weights", "logits"}));
  EXPECT_EQ(names("layers.1.self_attn.q_?ope,?ogits"),
            (Strings{"input_ids", "layers.1.self_attn.q_rope", "logits"}));
}

TEST_F(Logits, InjectedValuesAreSeenDownstream) {
  const fs::path model = GoldenDir("tied_odd"), injection = dir() / "inject.safetensors";
  const Tensors other = Run(model, {9, 8, 7, 6}, {"--dump", "embed_tokens"});
  WriteTensors(injection, {{"embed_tokens", other.at("embed_tokens")}});
  const Tensors plain = Run(model, {1, 2, 3, 4});
  const Tensors injected =
      Run(model, {1, 2, 3, 4}, {"--inject", injection, "--dump", "embed_tokens"});
  EXPECT_EQ(injected.at("logits").bytes, other.at("logits").bytes);
  EXPECT_NE(plain.at("logits").bytes, other.at("logits").bytes);
  EXPECT_EQ(injected.at("embed_tokens").bytes, other.at("embed_tokens").bytes);
}

TEST_F(Logits, InjectedRowsToSpareAreRefused) {
  const fs::path model = GoldenDir("tied_odd"), injection = dir() / "inject.safetensors";
  const Tensors longer = Run(model, {9, 8, 7, 6}, {"--dump", "embed_tokens"});
  WriteTensors(injection, {{"embed_tokens", longer.at("embed_tokens")}});
  const Outcome outcome = Fairlead({"logits", model, "--token_ids", "9,8,7", "--inject", injection,
                                    "--output", dir() / "out.safetensors"});
  EXPECT_EQ(outcome.exit_code, 1) << outcome;
  EXPECT_NE(outcome.err.find("embed_tokens: expected a row per token, got 4 rows"),
            std::string::npos)
      << outcome;
}

TEST_F(Logits, InjectedExpertsAreUsed) {
  const fs::path model = GoldenDir("mxfp4_published"), injection = dir() / "inject.safetensors";
  const std::string indices = "layers.0.mlp.router.indices", experts = "layers.0.mlp.experts";
  const Tensors plain = Run(model, {1, 2, 3}, {"--dump", "layers.0.mlp.*"});
  Tensor changed = plain.at(indices);
  changed.As<int32_t>()[0] = (changed.As<int32_t>()[0] + 1) % 8;
  WriteTensors(injection, {{indices, changed}});
  const Tensors injected =
      Run(model, {1, 2, 3}, {"--inject", injection, "--dump", "layers.0.mlp.*"});
  EXPECT_EQ(injected.at(indices).bytes, changed.bytes);
  const auto before = plain.at(experts).As<float>(), after = injected.at(experts).As<float>();
  const auto width = static_cast<size_t>(plain.at(experts).shape[1]);
  EXPECT_FALSE(std::equal(before.begin(), before.begin() + width, after.begin()));
  EXPECT_TRUE(std::equal(before.begin() + width, before.end(), after.begin() + width));
}

// Longer than one step may be: rows are collected and handed out step by step.
TEST_F(Logits, LongTextsAreDumpedAndInjectedWhole) {
  std::vector<int32_t> ids, others;
  for (int32_t i = 0; i < 900; ++i) {
    ids.push_back(i % 100);
    others.push_back((i * 7 + 3) % 100);
  }
  const fs::path injection = dir() / "inject.safetensors";
  const Tensors other = Run(TinyModel(), others, {"--dump", "embed_tokens,norm"});
  const Json config = TinyConfig();
  EXPECT_EQ(other.at("norm").shape, (Shape{900, config["hidden_size"].get<int64_t>()}));
  EXPECT_EQ(other.at("logits").shape, (Shape{900, config["vocab_size"].get<int64_t>()}));
  WriteTensors(injection, {{"embed_tokens", other.at("embed_tokens")}});
  EXPECT_EQ(Run(TinyModel(), ids, {"--inject", injection}).at("logits").bytes,
            other.at("logits").bytes);
}

TEST_F(Logits, RowsDependOnTheTokensBeforeThemAlone) {
  const Tensors whole = Run(TinyModel(), {5, 6, 7, 8, 9});
  const Tensors start = Run(TinyModel(), {5, 6, 7});
  EXPECT_TRUE(std::equal(start.at("logits").bytes.begin(), start.at("logits").bytes.end(),
                         whole.at("logits").bytes.begin()));
}

}  // namespace
}  // namespace fairlead::e2e

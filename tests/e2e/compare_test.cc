// `fairlead compare`: finds the first value that differs.
#include <limits>

#include "tests/e2e/checkpoints.h"
#include "tests/e2e/program.h"

namespace fairlead::e2e {
namespace {

namespace fs = std::filesystem;

class Compare : public ProgramTest {
 protected:
  // All values of a run, in a file.
  fs::path Dump(const std::vector<std::string>& options = {}) const {
    const fs::path path = dir() / "values.safetensors";
    std::vector<std::string> arguments = {"logits", model_, "--token_ids", "3,14,15,92,65,35",
                                          "--dump", "*",    "--output",    path};
    arguments.insert(arguments.end(), options.begin(), options.end());
    Succeed(arguments);
    return path;
  }
  Outcome Run(std::vector<std::string> options) const {
    options.insert(options.begin(), {"compare", model_});
    return Fairlead(options);
  }
  // Expects that the first divergence is `value`, in words and as JSON, and returns the latter.
  Json ExpectDivergence(std::vector<std::string> options, const std::string& value) const {
    const Outcome text = Run(options);
    EXPECT_EQ(text.exit_code, 1) << text;
    EXPECT_TRUE(text.out.starts_with("first divergence: " + value + ": ")) << text;
    EXPECT_EQ(text.err, "fairlead: [compare] " + value + " differs by more than 0.001\n");
    options.push_back("--json");
    const Outcome json = Run(options);
    EXPECT_EQ(json.exit_code, 1) << json;
    const Json first = Json::parse(json.out)["first_divergence"];
    EXPECT_EQ(first["name"], value);
    return first;
  }
  void ExpectAgreement(const std::vector<std::string>& options) const {
    const Outcome outcome = Run(options);
    EXPECT_EQ(outcome.exit_code, 0) << outcome;
    EXPECT_NE(outcome.out.find(" values agree within "), std::string::npos) << outcome;
  }

  std::string model_ = GoldenDir("mxfp4_published").string();
};

TEST_F(Compare, BackendsAgree) {
  ExpectAgreement({});
  ExpectAgreement({"--a", "cpu", "--b", "reference", "--token_ids", "1,2,3"});
  model_ = TinyModel();
  ExpectAgreement({});
}

TEST_F(Compare, AFileOfTheSameRunAgrees) {
  const fs::path values = Dump();
  ExpectAgreement({"--b", values});
  ExpectAgreement({"--a", values, "--b", "cpu", "--tolerance", "0"});
}

TEST_F(Compare, FindsThePerturbedValueAndItsPlace) {
  const fs::path values = Dump();
  EditTensors(values, [](Tensors& tensors) {
    Tensor& tensor = tensors.at("layers.1.self_attn.v_proj");
    tensor.As<float>()[3 * static_cast<size_t>(tensor.shape[1]) + 5] += 10;
  });
  for (const std::vector<std::string>& sides :
       {std::vector<std::string>{"--b", values}, {"--a", values, "--b", "cpu"}}) {
    const Json first = ExpectDivergence(sides, "layers.1.self_attn.v_proj");
    EXPECT_EQ(first["row"], 3);
    EXPECT_EQ(first["column"], 5);
    EXPECT_NEAR(first["largest"].get<double>(), 10, 1e-3);
  }
}

// By name the experts would come first.
TEST_F(Compare, FirstMeansFirstInTheGraph) {
  const fs::path values = Dump();
  EditTensors(values, [](Tensors& tensors) {
    for (const char* name : {"layers.0.mlp.experts", "layers.0.post_attention_layernorm"}) {
      tensors.at(name).As<float>()[0] += 10;
    }
  });
  ExpectDivergence({"--b", values}, "layers.0.post_attention_layernorm");
}

TEST_F(Compare, NanIsADivergence) {
  const fs::path values = Dump();
  EditTensors(values, [](Tensors& tensors) {
    tensors.at("norm").As<float>()[1] = std::numeric_limits<float>::quiet_NaN();
  });
  ExpectDivergence({"--b", values}, "norm");
}

TEST_F(Compare, OtherShapesAreADivergence) {
  const fs::path values = Dump();
  EditTensors(values, [](Tensors& tensors) {
    std::swap(tensors.at("norm").shape[0], tensors.at("norm").shape[1]);
  });
  ExpectDivergence({"--b", values}, "norm");
}

TEST_F(Compare, ToleranceIsRelativeToTheLargestValue) {
  const fs::path values = Dump();
  EditTensors(values, [](Tensors& tensors) {
    for (float& value : tensors.at("norm").As<float>()) value *= 1.01f;
  });
  ExpectDivergence({"--b", values}, "norm");
  ExpectAgreement({"--b", values, "--tolerance", "0.02"});
}

TEST_F(Compare, AllListsEveryValue) {
  const fs::path values = Dump();
  const size_t count = ReadTensors(values).size() - 1;  // all but the ids
  const Outcome outcome = Run({"--b", values, "--all"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome;
  EXPECT_EQ(Lines(outcome.out).size(), count + 1) << outcome;
  const Outcome json = Run({"--b", values, "--json"});
  EXPECT_EQ(Json::parse(json.out)["compared"], count);
  EXPECT_EQ(Json::parse(json.out)["values"].size(), count);
  EXPECT_TRUE(Json::parse(json.out)["first_divergence"].is_null());
}

// Writes other choices of layer 0's router to a file.
fs::path OtherExperts(const fs::path& values, const fs::path& path) {
  const std::string name = "layers.0.mlp.router.indices";
  Tensor indices = ReadTensors(values).at(name);
  for (int32_t& index : indices.As<int32_t>()) index = (index + 1) % 8;
  WriteTensors(path, {{name, indices}});
  return path;
}

TEST_F(Compare, SharedChoicesHideFlippedExperts) {
  const fs::path other = OtherExperts(Dump(), dir() / "inject.safetensors");
  const fs::path flipped = Dump({"--inject", other});
  ExpectDivergence({"--a", flipped, "--b", "cpu"}, "layers.0.mlp.router.indices");
  ExpectAgreement({"--a", flipped, "--b", "cpu", "--share", "*.router.*"});
}

TEST_F(Compare, InjectedChoicesAreSeenByBothSides) {
  const fs::path other = OtherExperts(Dump(), dir() / "inject.safetensors");
  const std::vector<std::string> ids = {"--token_ids", "3,14,15,92,65,35"};
  ExpectAgreement({ids[0], ids[1], "--inject", other});
  const fs::path plain = Dump();
  ExpectDivergence({"--a", plain, "--b", "cpu", "--inject", other}, "layers.0.mlp.router.indices");
}

}  // namespace
}  // namespace fairlead::e2e

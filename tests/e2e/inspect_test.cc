// `fairlead inspect`: what a model is.
#include <fmt/ranges.h>

#include <numeric>

#include "checkpoint/safetensors.h"
#include "tests/e2e/program.h"

namespace fairlead::e2e {
namespace {

class Inspect : public ProgramTest {
 protected:
  std::string Text(std::vector<std::string> options) const {
    options.insert(options.begin(), {"inspect", TinyModel()});
    return Succeed(options);
  }
};

TEST_F(Inspect, SummaryNamesConfigurationParametersAndMemory) {
  const std::string text = Text({});
  const Json config = TinyConfig();
  const Json ends = Json::parse(ReadText(TinyModel() / "generation_config.json"))["eos_token_id"];
  const auto line = [](const char* key, const std::string& value) {
    return fmt::format("{:<27}{}\n", key, value);
  };
  for (const std::string& part :
       {line("hidden_size", config["hidden_size"].dump()),
        line("num_experts_per_tok", config["num_experts_per_tok"].dump()),
        line("quantization", "mxfp4"), std::string("rope                       yarn, theta 150000"),
        line("eos_token_id",
             fmt::format("[{}]", fmt::join(ends.get<std::vector<int32_t>>(), ", "))),
        std::string("experts (mxfp4)"), std::string("embedding (bf16)"),
        std::string(" active per token)\n"),
        fmt::format("memory for 1 x {} tokens: ", config["max_position_embeddings"].dump())}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  }
}

// The counts, added up from the checkpoint's own header.
TEST_F(Inspect, JsonCountsWhatTheCheckpointHolds) {
  const auto file = SafetensorsFile::Open(TinyModel() / "model.safetensors");
  ASSERT_TRUE(file) << file.error().message;
  int64_t parameters = 0;
  for (const std::string& name : (*file)->names()) {
    const int64_t elements = NumElements((*file)->Find(name)->shape);
    if (name.ends_with("_scales")) continue;
    parameters += name.ends_with("_blocks") ? 2 * elements : elements;
  }
  const Json json = Json::parse(Text({"--json"}));
  EXPECT_EQ(json["parameters"], parameters);
  EXPECT_LT(json["active_parameters"], parameters);
  EXPECT_EQ(json["config"]["num_hidden_layers"], "4 (2 sliding, 2 full)");
  int64_t of_kinds = 0, bytes = 0;
  for (const auto& [kind, share] : json["kinds"].items()) {
    of_kinds += share["parameters"].get<int64_t>();
    bytes += share["bytes"].get<int64_t>();
  }
  EXPECT_EQ(of_kinds, parameters);
  EXPECT_EQ(bytes, json["weight_bytes"]);
}

TEST_F(Inspect, CacheGrowsWithTheBatchAndTheLengthButNotPastTheWindow) {
  const auto bytes = [&](const char* batch, const char* length) {
    return Json::parse(Text(
        {"--json", "--batch_size", batch, "--sequence-length", length}))["kv_cache_bytes"]
        .get<int64_t>();
  };
  // Of 4 layers 2 are full; 2 kv heads of 32, keys and values, float32. A window of 64 and a step
  // of 512 rows need less than 768 positions.
  constexpr int64_t kFullLayers = 2, kToken = 2 * 2 * 32 * 4;
  EXPECT_EQ(bytes("3", "256"), 3 * bytes("1", "256"));
  EXPECT_EQ(bytes("1", "1024") - bytes("1", "768"), 256 * kFullLayers * kToken);
}

TEST_F(Inspect, TensorsAreListedAsTheyAreStored) {
  const std::vector<std::string> lines = Lines(Text({"--tensors"}));
  const Json config = TinyConfig();
  // Embedding, norm and head, and what each layer has.
  EXPECT_EQ(lines.size(), 3 + 17 * config["num_hidden_layers"].get<size_t>());
  const auto line_of = [&](const std::string& name) {
    for (const std::string& line : lines) {
      if (line.starts_with(name + " ")) return line;
    }
    return "no " + name;
  };
  const std::string head =
      fmt::format("[{}, {}]", config["vocab_size"].dump(), config["hidden_size"].dump());
  EXPECT_NE(line_of("lm_head.weight").find(head), std::string::npos);
  EXPECT_NE(line_of("model.layers.3.mlp.experts.down_proj").find("mxfp4"), std::string::npos);
  EXPECT_NE(line_of("model.layers.0.self_attn.sinks").find("f32"), std::string::npos);
}

TEST_F(Inspect, GraphNamesTheValuesThatCanBeDumped) {
  const std::string text = Text({"--graph"});
  for (const char* value : {"%embed_tokens", "%layers.0.self_attn.q_rope",
                            "%layers.3.mlp.router.indices", "%norm", "%logits"}) {
    EXPECT_NE(text.find(value), std::string::npos) << value;
  }
}

}  // namespace
}  // namespace fairlead::e2e

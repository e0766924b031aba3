// `fairlead export` and `fairlead load`.
#include <set>

#include "tests/e2e/checkpoints.h"
#include "tests/e2e/program.h"

namespace fairlead::e2e {
namespace {

namespace fs = std::filesystem;

std::set<std::string> Entries(const fs::path& dir) {
  std::set<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(dir)) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

class Export : public ProgramTest {
 protected:
  fs::path out() const { return dir() / "exports" / "artifact"; }

  void Make(const fs::path& model, const std::vector<std::string>& options = {}) const {
    std::vector<std::string> arguments = {"export", "--model", model, out()};
    arguments.insert(arguments.end(), options.begin(), options.end());
    Succeed(arguments);
  }
  // What the artifact says it was made with.
  Json Options() const { return Json::parse(ReadText(out() / "fairlead.json"))["options"]; }
  Json Load() const { return Json::parse(Succeed({"load", out(), "--verify", "--json"})); }
  Tensor Logits(const fs::path& model, const char* backend = "cpu") const {
    const fs::path file = dir() / "logits.safetensors";
    Succeed({"logits", model, "--token_ids", "1,2,3,4,5", "--backend", backend, "--output", file});
    return ReadTensors(file).at("logits");
  }
};

TEST_F(Export, ArtifactsGenerateWhatTheirCheckpointDoes) {
  Make(TinyModel());
  const auto text = [&](const fs::path& model) {
    return Succeed({"generate", model, "--prompts", "The ship|A boat", "--seed", "5", "--json"});
  };
  const std::string from_artifact = text(out());
  EXPECT_FALSE(fs::exists(cache()));
  EXPECT_EQ(from_artifact, text(TinyModel()));
}

TEST_F(Export, LeavesTheArtifactAndNothingElse) {
  Make(TinyModel());
  EXPECT_EQ(Entries(dir() / "exports"), (std::set<std::string>{"artifact"}));
  EXPECT_EQ(Entries(out()), (std::set<std::string>{"fairlead.json", "config.json",
                                                   "generation_config.json", "neuron_config.json",
                                                   "tokenizer.json", "tokenizer.bin", "weights"}));
}

TEST_F(Export, ShowsItsProgressOnStderrAndItsResultOnStdout) {
  const Outcome outcome = Fairlead({"export", "--model", TinyModel(), out()});
  EXPECT_EQ(outcome.exit_code, 0) << outcome;
  EXPECT_TRUE(outcome.err.starts_with("exporting: 0% (0 B of ")) << outcome;
  EXPECT_NE(outcome.err.find("exporting: 100% ("), std::string::npos) << outcome;
  EXPECT_TRUE(outcome.out.starts_with(out().string() + ": ")) << outcome;
}

TEST_F(Export, LoadSaysWhatIsThere) {
  Make(TinyModel());
  const Json loaded = Load();
  EXPECT_EQ(loaded["tensors"], 71);
  EXPECT_EQ(loaded["checksums_verified"], true);
  const std::string text = Succeed({"load", out()});
  EXPECT_NE(text.find(": 71 tensors, "), std::string::npos) << text;
  EXPECT_NE(Succeed({"load", out(), "--verify"}).find("checksums match"), std::string::npos);
}

TEST_F(Export, DtypesStoreWhatTheySay) {
  struct Stored {
    const char* checkpoint;
    const char* dtype;
    const char* layout;  // of lm_head, or of the embedding it is tied to
    bool exact;          // nothing is rounded
  };
  for (const Stored& stored : {Stored{"bf16_sliding", "auto", "bf16", true},
                               {"bf16_sliding", "float32", "f32", true},
                               {"bf16_sliding", "bfloat16", "bf16", true},
                               {"float32_weights", "auto", "f32", true},
                               {"float32_weights", "bfloat16", "bf16", false}}) {
    const fs::path model = GoldenDir(stored.checkpoint);
    Make(model, {"--torch_dtype", stored.dtype, "--force"});
    Load();
    const std::string tensors = Succeed({"inspect", out(), "--tensors"});
    const size_t line = tensors.find("model.layers.0.self_attn.q_proj.weight ");
    ASSERT_NE(line, std::string::npos) << tensors;
    const std::string q_proj = tensors.substr(line, tensors.find('\n', line) - line);
    EXPECT_NE(q_proj.find(std::string(".") + stored.layout), std::string::npos) << q_proj;
    // One backend's arithmetic on equal values is equal whatever they are stored as.
    const Tensor expected = Logits(model, "reference"), logits = Logits(out(), "reference");
    EXPECT_EQ(expected.bytes == logits.bytes, stored.exact) << stored.dtype;
  }
}

TEST_F(Export, ShapeOptionsAreKept) {
  Make(TinyModel(), {"--batch-size", "3", "--sequence-length", "64"});
  const Json inspected = Json::parse(Succeed({"inspect", out(), "--json"}));
  EXPECT_EQ(inspected["sequence_length"], 64);
  const std::string line = Succeed(
      {"generate", out(), "--prompts", "The ship", "--length", "900", "--ignore_eos", "--json"});
  EXPECT_EQ(Json::parse(line)["ids"].size(), 62u);
}

TEST_F(Export, TakesOptionsFromAFileAndThoseOfTheCommandLineAboveIt) {
  const Json file = {{"checkpoint_id", TinyModel()},  {"batch_size", 4},
                     {"max_batch_size", 4},           {"sequence_length", 128},
                     {"max_context_length", 128},     {"n_active_tokens", 128},
                     {"output_logits", true},         {"continuous_batching", true},
                     {"torch_dtype", "torch.float32"}};
  const fs::path config = Write("neuron_config.json", file.dump());
  Succeed({"export", "--config", config, out()});
  EXPECT_EQ(Options(), Json({{"checkpoint_id", TinyModel()},
                             {"checkpoint_revision", nullptr},
                             {"batch_size", 4},
                             {"sequence_length", 128},
                             {"max_context_length", 128},
                             {"prefill_chunk_size", nullptr},
                             {"tp_degree", 1},
                             {"ep_degree", 1},
                             {"torch_dtype", "float32"},
                             {"target", "cpu"},
                             {"output_logits", true}}));
  Succeed({"export", "--config", config, out(), "--force", "--model", GoldenDir("tied_odd"),
           "--max-batch-size", "2", "--sequence_length=64", "--prefill-chunk-size", "16",
           "--tensor_parallel_size", "1", "--ep-degree", "1", "--output_logits=false"});
  EXPECT_EQ(Options(), Json({{"checkpoint_id", GoldenDir("tied_odd")},
                             {"checkpoint_revision", nullptr},
                             {"batch_size", 2},
                             {"sequence_length", 64},
                             {"max_context_length", 64},
                             {"prefill_chunk_size", 16},
                             {"tp_degree", 1},
                             {"ep_degree", 1},
                             {"torch_dtype", "float32"},
                             {"target", "cpu"},
                             {"output_logits", false}}));
}

TEST_F(Export, RecordsIdAndRevisionOfACachedModel) {
  const fs::path snapshot = dir() / "hub" / "models--org--tiny" / "snapshots" / "0a1b";
  fs::create_directories(snapshot);
  CopyModel(TinyModel(), snapshot);
  const auto make = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "export");
    arguments.insert(arguments.end(), {out(), "--force"});
    Succeed(Invocation{arguments, {{"HF_HUB_CACHE", dir() / "hub"}}});
    EXPECT_EQ(Options()["checkpoint_id"], "org/tiny");
    EXPECT_EQ(Options()["checkpoint_revision"], "0a1b");
  };
  make({"--model", "org/tiny@0a1b"});
  make({"--config", Write("neuron_config.json", R"({"checkpoint_id": "org/tiny",
                                                    "checkpoint_revision": "0a1b"})")});
}

TEST_F(Export, ForceReplacesAnArtifact) {
  Make(GoldenDir("tied_odd"));
  const Json before = Load();
  Make(TinyModel(), {"--force"});
  EXPECT_NE(Load()["bytes"], before["bytes"]);
  EXPECT_EQ(Entries(dir() / "exports"), (std::set<std::string>{"artifact"}));
}

TEST_F(Export, DebugLogNamesEveryConversion) {
  const Outcome outcome =
      Fairlead({"export", "--model", TinyModel(), out(), "--log_level", "debug"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome;
  size_t conversions = 0;
  for (const std::string& line : outcome.ErrorLines()) {
    if (line.starts_with("debug: [convert] ")) ++conversions;
  }
  EXPECT_EQ(conversions, 71u);
  for (const auto& [name, tensor] : ReadTensors(TinyModel() / "model.safetensors")) {
    const std::string described =
        name + (tensor.dtype == DType::kU8 ? " U8 " : " BF16 ") + ShapeString(tensor.shape);
    EXPECT_NE(outcome.err.find(described), std::string::npos) << described;
  }
  EXPECT_NE(
      outcome.err.find("debug: [convert] model.layers.2.mlp.experts.down_proj_blocks U8 [8, 128, "
                       "4, 16] + model.layers.2.mlp.experts.down_proj_scales U8 [8, 128, 4] -> "
                       "model.layers.2.mlp.experts.down_proj [8, 128, 128]: mxfp4, "),
      std::string::npos)
      << outcome.err;
}

TEST_F(Export, WarnsOfTensorsTheModelDoesNotUse) {
  CopyModel(GoldenDir("tied_odd"), dir() / "model");
  EditTensors(dir() / "model" / "model.safetensors", [](Tensors& tensors) {
    tensors["model.extra.weight"] = Tensor::Zeros(DType::kF32, {2});
    tensors["rotary\n\x1b[31m"] = Tensor::Zeros(DType::kF32, {3});
  });
  const Outcome outcome = Fairlead({"export", "--model", dir() / "model", out()});
  EXPECT_EQ(outcome.exit_code, 0) << outcome;
  EXPECT_NE(outcome.err.find("(2): model.extra.weight, rotary\\n\\x1b[31m\n"), std::string::npos)
      << outcome;
  const Outcome silent = Fairlead({"export", "--model", GoldenDir("tied_odd"), dir() / "other"});
  EXPECT_EQ(silent.err.find("warning"), std::string::npos) << silent;
}

TEST_F(Export, FileThatBecomesTooLargeIsAnErrorAndLeavesNothing) {
  Invocation invocation{{"export", "--model", TinyModel(), out()}};
  invocation.largest_file = 200'000;
  const Outcome outcome = Fairlead(invocation);
  EXPECT_EQ(outcome.exit_code, 1) << outcome;
  EXPECT_NE(outcome.err.find("cannot write: File too large\n"), std::string::npos) << outcome;
  EXPECT_FALSE(fs::exists(dir() / "exports"));
}

TEST_F(Export, ListsAllMissingTensorsInOneError) {
  CopyModel(GoldenDir("tied_odd"), dir() / "model");
  const std::vector<std::string> removed = {"model.layers.0.self_attn.sinks",
                                            "model.layers.1.mlp.experts.down_proj",
                                            "model.norm.weight"};
  EditTensors(dir() / "model" / "model.safetensors", [&](Tensors& tensors) {
    for (const std::string& name : removed) ASSERT_EQ(tensors.erase(name), 1u);
  });
  const Outcome outcome = Fairlead({"export", "--model", dir() / "model", out()});
  EXPECT_EQ(outcome.exit_code, 1) << outcome;
  ASSERT_EQ(outcome.ErrorLines().size(), 1u) << outcome;
  EXPECT_NE(outcome.err.find("missing tensors (3): "), std::string::npos) << outcome;
  for (const std::string& name : removed) {
    EXPECT_NE(outcome.err.find(name), std::string::npos) << outcome;
  }
  EXPECT_FALSE(fs::exists(dir() / "exports"));
}

}  // namespace
}  // namespace fairlead::e2e

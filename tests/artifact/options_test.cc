#include "artifact/options.h"

#include <map>
#include <set>

#include "artifact/neuron_config.h"
#include "artifact/option_table.h"
#include "base/file.h"
#include "tests/base/temp_dir.h"

namespace fairlead {
namespace {

namespace fs = std::filesystem;

// As ParseJson reads it, but for the mistakes of a test.
Json Parse(const std::string& text) { return Json::parse(text); }

ModelFacts Facts(int64_t max_positions = 131072) {
  ModelFacts facts;
  facts.max_positions = max_positions;
  return facts;
}

Result<ExportOptions> Apply(const std::string& text) {
  ExportOptions options;
  FAIRLEAD_RETURN_IF_ERROR(ApplyOptions(Parse(text), "", options));
  return options;
}

template <typename T>
std::string Message(const Result<T>& result) {
  return result ? "no error" : result.error().message;
}

// A value for every recorded option that is not its default.
ExportOptions Unusual() {
  ExportOptions options;
  options.checkpoint_id = "org/na\"me\n\u00e4";
  options.checkpoint_revision = "refs/pr/1";
  options.batch_size = 3;
  options.sequence_length = 8192;
  options.max_context_length = 4000;
  options.prefill_chunk_size = 64;
  options.output_logits = true;
  options.torch_dtype = TorchDtype::kF32;
  options.target = "reference";
  options.tp_degree = 4;
  options.ep_degree = 2;
  return options;
}

TEST(Options, HaveTheDocumentedDefaults) {
  const std::map<std::string, std::string> defaults = {
      {"checkpoint_id", "null"},
      {"checkpoint_revision", "null"},
      {"batch_size", "null"},
      {"max_batch_size", "null"},
      {"continuous_batching", "true"},
      {"speculation_length", "0"},
      {"sequence_length", "null"},
      {"max_context_length", "null"},
      {"prefill_chunk_size", "null"},
      {"n_active_tokens", "null"},
      {"tp_degree", "1"},
      {"ep_degree", "1"},
      {"pp_degree", "1"},
      {"start_rank_id", "0"},
      {"local_ranks_size", "1"},
      {"torch_dtype", "\"auto\""},
      {"target", "\"cpu\""},
      {"fused_qkv", "false"},
      {"glu_mlp", "true"},
      {"capacity_factor", "null"},
      {"embedding_model", "false"},
      {"output_logits", "false"},
      {"max_topk", "256"},
      {"enable_bucketing", "false"},
      {"on_device_sampling", "false"},
  };
  std::map<std::string, std::string> found;
  for (const OptionInfo& info : OptionTable()) {
    found[std::string(info.name)] = OptionValue(info, {}).dump();
  }
  EXPECT_EQ(found, defaults);
  EXPECT_EQ(OptionTable().size(), defaults.size());
}

TEST(Options, TheirDefaultsAndNullAreAccepted) {
  for (const OptionInfo& info : OptionTable()) {
    ExportOptions options;
    EXPECT_EQ(Message(ApplyOptions({{std::string(info.name), OptionValue(info, {})}}, "", options)),
              "no error");
    EXPECT_EQ(options, ExportOptions()) << info.name;
    options = Unusual();
    EXPECT_EQ(Message(ApplyOptions({{std::string(info.name), nullptr}}, "", options)), "no error");
    EXPECT_EQ(OptionValue(info, options),
              OptionValue(info, info.recorded() ? ExportOptions() : Unusual()))
        << info.name;
  }
}

TEST(Options, AreTaken) {
  ExportOptions expected;
  const auto expect = [&](const std::string& json) {
    const auto options = Apply(json);
    ASSERT_TRUE(options) << options.error().message;
    EXPECT_EQ(*options, expected) << json;
  };
  // What changes no result is accepted and forgotten.
  for (const char* json :
       {R"({"continuous_batching": false})", R"({"enable_bucketing": true})", R"({"max_topk": 1})",
        R"({"prefill_chunk_size": 0})", R"({"torch_dtype": "auto"})", "{}"}) {
    expect(json);
  }
  expected.torch_dtype = TorchDtype::kBf16;
  expect(R"({"torch_dtype": "torch.bfloat16"})");
  expect(R"({"torch_dtype": "bfloat16"})");
  expected = {};
  expected.batch_size = 7;
  expect(R"({"batch_size": 7})");
  expect(R"({"max_batch_size": 7})");
  expect(R"({"max_batch_size": 7, "batch_size": 7})");
  expect(R"({"max_batch_size": 7, "batch_size": null})");
  expected = {};
  expected.sequence_length = 640;
  expect(R"({"n_active_tokens": 640, "sequence_length": 640})");
  expected = {};
  expected.tp_degree = 3;
  expected.ep_degree = 2;
  EXPECT_EQ(expected.ranks(), 6);
  expect(R"({"local_ranks_size": 6, "ep_degree": 2, "tp_degree": 3})");
  expected = Unusual();
  expect(OptionsToJson(expected).dump());
}

TEST(Options, AreRefusedWithTheReason) {
  const std::string integer = "expected an integer from ";
  const std::pair<const char*, std::string> cases[] = {
      {R"({"checkpoint_id": 5})", "checkpoint_id: expected a string, got 5"},
      {R"({"checkpoint_revision": ["main"]})",
       R"(checkpoint_revision: expected a string, got ["main"])"},
      {R"({"batch_size": 0})", "batch_size: " + integer + "1 to 1048576, got 0"},
      {R"({"batch_size": 1.5})", "batch_size: " + integer + "1 to 1048576, got 1.5"},
      {R"({"batch_size": "4"})", "batch_size: " + integer + R"(1 to 1048576, got "4")"},
      {R"({"batch_size": true})", "batch_size: " + integer + "1 to 1048576, got true"},
      {R"({"batch_size": 18446744073709551615})",
       "batch_size: " + integer + "1 to 1048576, got 18446744073709551615"},
      {R"({"batch_size": 2, "max_batch_size": 3})",
       "max_batch_size: expected 2, got 3: it is another name of batch_size"},
      {R"({"max_batch_size": -1})",
       "max_batch_size: " + integer + "1 to 1048576, got -1: it is another name of batch_size"},
      {R"({"continuous_batching": 1})", "continuous_batching: expected true or false, got 1"},
      {R"({"speculation_length": 4})",
       "speculation_length: expected 0, got 4: speculation needs no program of its own here; ask "
       "for it at run time (--speculate)"},
      {R"({"sequence_length": 0})", "sequence_length: " + integer + "1 to 2147483647, got 0"},
      {R"({"max_context_length": -5})",
       "max_context_length: " + integer + "1 to 2147483647, got -5"},
      {R"({"prefill_chunk_size": -1})", "prefill_chunk_size: " + integer + "0 to 1048576, got -1"},
      {R"({"prefill_chunk_size": 1048577})",
       "prefill_chunk_size: " + integer + "0 to 1048576, got 1048577"},
      {R"({"n_active_tokens": 128})",
       "n_active_tokens: expected null, got 128: steps have no fixed number of tokens here, so it "
       "can only repeat sequence_length"},
      {R"({"sequence_length": 64, "n_active_tokens": 1})",
       "n_active_tokens: expected 64 or null, got 1: steps have no fixed number of tokens here, so "
       "it can only repeat sequence_length"},
      {R"({"tp_degree": 0})", "tp_degree: " + integer + "1 to 1024, got 0"},
      {R"({"tp_degree": 1025})", "tp_degree: " + integer + "1 to 1024, got 1025"},
      {R"({"ep_degree": 4294967297})", "ep_degree: " + integer + "1 to 1024, got 4294967297"},
      {R"({"pp_degree": 2})",
       "pp_degree: expected 1, got 2: layers are not spread over ranks; use tp_degree and "
       "ep_degree"},
      {R"({"start_rank_id": 4})", "start_rank_id: expected 0, got 4: all ranks run in one process"},
      {R"({"tp_degree": 2, "ep_degree": 2, "local_ranks_size": 2})",
       "local_ranks_size: expected 4 or null, got 2: all tp_degree x ep_degree ranks run in one "
       "process"},
      {R"({"torch_dtype": "float16"})",
       R"(torch_dtype: expected auto, bfloat16 or float32, got "float16": weights are stored as )"
       "they are, in bfloat16 or in float32; float16 has too small a range"},
      {R"({"torch_dtype": 16})",
       "torch_dtype: expected auto, bfloat16 or float32, got 16: weights are stored as they are, "
       "in bfloat16 or in float32; float16 has too small a range"},
      {R"({"target": "trn1"})",
       R"(target: expected cpu, got "trn1": this build has no backend for Neuron devices)"},
      {R"({"target": "trn2"})",
       R"(target: expected cpu, got "trn2": this build has no backend for Neuron devices)"},
      {R"({"target": "inf2"})",
       R"(target: expected cpu, got "inf2": this build has no backend for Neuron devices)"},
      {R"({"fused_qkv": true})",
       "fused_qkv: expected false, got true: q, k and v stay three projections, as in Hugging Face "
       "checkpoints"},
      {R"({"glu_mlp": false})", "glu_mlp: expected true, got false: gpt-oss has gated experts"},
      {R"({"capacity_factor": 1.5})",
       "capacity_factor: expected null, got 1.5: dropping tokens is refused: every token goes to "
       "all experts it is routed to"},
      {R"({"embedding_model": true})",
       "embedding_model: expected false, got true: the model gives text, not embeddings"},
      {R"({"output_logits": 1})", "output_logits: expected true or false, got 1"},
      {R"({"on_device_sampling": true})",
       "on_device_sampling: expected false, got true: the host samples from the logits"},
      {R"({"max_topk": "all"})", R"(max_topk: expected an integer, got "all")"},
      {R"({"enable_bucketing": "yes"})", R"(enable_bucketing: expected true or false, got "yes")"},
  };
  std::set<std::string> refused;
  for (const auto& [json, message] : cases) {
    const auto options = Apply(json);
    EXPECT_EQ(Message(options), "[export] " + message) << json;
    EXPECT_TRUE(options || options.error().code == ErrorCode::kInvalidArgument);
    refused.insert(message.substr(0, message.find(':')));
  }
  for (const OptionInfo& info : OptionTable()) {
    EXPECT_TRUE(refused.contains(std::string(info.name))) << info.name << " has no case above";
  }
}

TEST(Options, UnknownNamesGetTheNearest) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"tp_degre": 4})",
       "[export] tp_degre: expected no such option, got 4; did you mean tp_degree?"},
      {R"({"fused_qvk": true})",
       "[export] fused_qvk: expected no such option, got true; did you mean fused_qkv?"},
      {R"({"tensor_parallel_size": 4})",
       "[export] tensor_parallel_size: expected no such option, got 4; did you mean tp_degree?"},
      {R"({"temperature": 1})", "[export] temperature: expected no such option, got 1"},
      {R"({"": 1})", "[export] : expected no such option, got 1"},
      {R"({"a\n\u0007": {}})", "[export] a\\n\\x07: expected no such option, got {}"},
      {R"({"batch-size": 1})",
       "[export] batch-size: expected no such option, got 1; did you mean batch_size?"},
  };
  for (const auto& [json, message] : cases) EXPECT_EQ(Message(Apply(json)), message);
  const std::string longest(900'000, 'x');
  EXPECT_LT(Message(Apply(fmt::format("{{\"{}\": 1}}", longest))).size(), 400u);
}

TEST(Options, AreResolvedForAModel) {
  const auto resolved = ResolveOptions({}, Facts());
  ASSERT_TRUE(resolved);
  EXPECT_EQ(resolved->sequence_length, 4096);
  EXPECT_EQ(resolved->max_context_length, 4096);
  EXPECT_EQ(ResolveOptions({}, Facts(384))->sequence_length, 384);
  EXPECT_EQ(ResolveOptions(Unusual(), Facts()), Unusual());
  const auto refusal = [](auto&& change) {
    ExportOptions options = Unusual();
    change(options);
    return Message(ResolveOptions(options, Facts(8192)));
  };
  EXPECT_EQ(refusal([](ExportOptions& options) { options.sequence_length = 8193; }),
            "[export] sequence_length: expected 1 to 8192, got 8193");
  EXPECT_EQ(refusal([](ExportOptions& options) { options.max_context_length = 8193; }),
            "[export] max_context_length: expected 1 to 8192, got 8193");
  EXPECT_EQ(refusal([](ExportOptions& options) { options.sequence_length = 3999; }),
            "[export] max_context_length: expected 1 to 3999, got 4000");
  EXPECT_EQ(refusal([](ExportOptions& options) { options.ep_degree = 0; }),
            "[export] ep_degree: expected an integer from 1 to 1024, got 0");
  EXPECT_EQ(refusal([](ExportOptions& options) { options.batch_size = -1; }),
            "[export] batch_size: expected an integer from 1 to 1048576, got -1");
}

TEST(Options, OfAnArtifactAreAllThereAndNoOthers) {
  const Json json = OptionsToJson(Unusual());
  EXPECT_EQ(OptionsFromJson(json, "a.json"), Unusual());
  EXPECT_EQ(OptionsFromJson(OptionsToJson({}), "a.json"), ExportOptions());
  EXPECT_EQ(json.size(), 11u);
  for (const auto& [name, value] : json.items()) {
    Json without = json;
    without.erase(name);
    const std::string message = Message(OptionsFromJson(without, "a.json"));
    EXPECT_TRUE(message.starts_with("[artifact] a.json: " + name + ": expected ")) << message;
    EXPECT_TRUE(message.ends_with(", got nothing")) << message;
  }
  const auto changed = [&](const std::string& name, const Json& value) {
    Json other = json;
    other[name] = value;
    const auto options = OptionsFromJson(other, "a.json");
    EXPECT_TRUE(options || options.error().code == ErrorCode::kInvalidData);
    return Message(options);
  };
  EXPECT_EQ(changed("batch_size", nullptr), "no error");
  EXPECT_EQ(changed("tp_degree", nullptr),
            "[artifact] a.json: tp_degree: expected an integer from 1 to 1024, got null");
  EXPECT_EQ(changed("fused_qkv", false),
            "[artifact] a.json: fused_qkv: expected no such option, got false; did you mean "
            "fused_qkv?");
  EXPECT_EQ(changed("sped", 11), "[artifact] a.json: sped: expected no such option, got 11");
  EXPECT_EQ(Message(OptionsFromJson(Json::array(), "a.json")),
            "[artifact] a.json: expected a JSON object, got []");
}

TEST(Options, SplitTheCheckpointFromItsRevision) {
  const TempDir folder;
  const fs::path model = folder.path() / "model@home";
  const auto parts = [](const std::string& name) {
    ExportOptions options = Unusual();
    SetCheckpoint(name, options);
    EXPECT_EQ(CheckpointName(options), name);
    return std::pair(options.checkpoint_id, options.checkpoint_revision);
  };
  EXPECT_EQ(parts("org/name@v2"), std::pair(std::string("org/name"), std::string("v2")));
  EXPECT_EQ(parts("org/name"), std::pair(std::string("org/name"), std::string()));
  fs::create_directory(model);
  EXPECT_EQ(parts(model), std::pair(model.string(), std::string()));
  ExportOptions of_a_folder;
  of_a_folder.checkpoint_id = model;
  of_a_folder.checkpoint_revision = "main";
  EXPECT_EQ(CheckpointName(of_a_folder), model);
}

class NeuronConfig : public testing::Test {
 protected:
  Result<ExportOptions> Read(std::string_view text) {
    return ReadNeuronConfig(folder_.Write("neuron_config.json", text));
  }
  TempDir folder_;
};

TEST_F(NeuronConfig, IsReadAsItWasWritten) {
  for (const ExportOptions& wanted : {ExportOptions(), Unusual()}) {
    const ExportOptions options = *ResolveOptions(wanted, Facts());
    const auto read = Read(NeuronConfigText(options));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*ResolveOptions(*read, Facts()), options);
  }
}

TEST_F(NeuronConfig, HasEveryKeyAndResolvedValues) {
  const Json json = Parse(NeuronConfigText(*ResolveOptions(Unusual(), Facts())));
  EXPECT_EQ(json.size(), OptionTable().size() + 1);
  EXPECT_EQ(json["_serialized_key"], "NxDNeuronConfig");
  for (const OptionInfo& info : OptionTable()) {
    EXPECT_TRUE(json.contains(std::string(info.name))) << info.name;
  }
  EXPECT_EQ(json["checkpoint_id"], Unusual().checkpoint_id);
  EXPECT_EQ(json["max_batch_size"], 3);
  EXPECT_EQ(json["n_active_tokens"], 8192);
  EXPECT_EQ(json["local_ranks_size"], 8);
  EXPECT_EQ(json["torch_dtype"], "float32");
  const Json defaults = Parse(NeuronConfigText(*ResolveOptions({}, Facts())));
  EXPECT_EQ(defaults["sequence_length"], 4096);
  EXPECT_EQ(defaults["max_context_length"], 4096);
  EXPECT_EQ(defaults["batch_size"], nullptr);
}

TEST_F(NeuronConfig, OfOptimumNeuronIsUnderstood) {
  const auto options = Read(R"({
    "_serialized_key": "NxDNeuronConfig", "neuronxcc_version": "2.21", "batch_size": 4,
    "optimum_neuron_version": "0.4", "checkpoint_id": "openai/gpt-oss-20b", "max_batch_size": 4,
    "checkpoint_revision": "6cee5e8", "capacity_factor": null, "continuous_batching": true,
    "enable_bucketing": false, "ep_degree": 1, "fused_qkv": false, "glu_mlp": true,
    "local_ranks_size": 8, "max_context_length": 4096, "max_topk": 256, "n_active_tokens": 4096,
    "on_device_sampling": false, "output_logits": false, "pp_degree": 1, "sequence_length": 4096,
    "speculation_length": 0, "start_rank_id": 0, "target": null, "torch_dtype": "torch.bfloat16",
    "tp_degree": 8, "embedding_model": false})");
  ASSERT_TRUE(options) << options.error().message;
  ExportOptions expected;
  expected.checkpoint_id = "openai/gpt-oss-20b";
  expected.checkpoint_revision = "6cee5e8";
  expected.batch_size = 4;
  expected.sequence_length = 4096;
  expected.torch_dtype = TorchDtype::kBf16;
  expected.tp_degree = 8;
  EXPECT_EQ(*options, expected);
  EXPECT_EQ(CheckpointName(*options), "openai/gpt-oss-20b@6cee5e8");
}

TEST_F(NeuronConfig, GivesWayToTheCommandLine) {
  ExportOptions options = *Read(R"({
    "batch_size": 4, "max_batch_size": 4, "sequence_length": 8192, "n_active_tokens": 8192,
    "max_context_length": 8192, "tp_degree": 8, "local_ranks_size": 8, "torch_dtype": "float32"})");
  ASSERT_TRUE(ApplyOptions(
      Parse(R"({"max_batch_size": 2, "sequence_length": 1024, "tp_degree": 2, "ep_degree": 4})"),
      "", options));
  options = *ResolveOptions(options, Facts());
  EXPECT_EQ(options.batch_size, 2);
  EXPECT_EQ(options.sequence_length, 1024);
  EXPECT_EQ(options.max_context_length, 1024);
  EXPECT_EQ(options.ranks(), 8);
  EXPECT_EQ(options.torch_dtype, TorchDtype::kF32);
  ASSERT_TRUE(ApplyOptions(Parse(R"({"batch_size": null})"), "", options));
  EXPECT_EQ(options.batch_size, 0);
}

TEST_F(NeuronConfig, MalformedIsAnErrorThatNamesTheFileAndTheKey) {
  const std::string file = (folder_.path() / "neuron_config.json").string();
  const std::string deep(1000, '[');
  const std::string large = Json{{"checkpoint_id", std::string(1 << 20, 'x')}}.dump();
  const std::pair<std::string, std::string> cases[] = {
      {"", ": invalid JSON at byte"},
      {"{", ": invalid JSON at byte"},
      {R"({"batch_size": 4,})", ": invalid JSON at byte"},
      {R"({'batch_size': 4})", ": invalid JSON at byte"},
      {R"({"batch_size": 4} {})", ": invalid JSON at byte"},
      {R"({"batch_size": NaN})", ": invalid JSON at byte"},
      {"{\"checkpoint_id\": \"\xff\"}", ": invalid JSON at byte"},
      {"null", ": expected a JSON object, got null"},
      {"[1, 2]", ": expected a JSON object, got [1,2]"},
      {"\"NxDNeuronConfig\"", ": expected a JSON object, got \"NxDNeuronConfig\""},
      {deep, ": JSON nested deeper than 64 levels"},
      {large, ": expected at most 1048576 bytes, got "},
      {R"({"batch_size": 4, "batch_size": 8})", ": duplicate key \"batch_size\""},
      {R"({"batch_size": "4"})", ": batch_size: expected an integer from 1 to 1048576, got \"4\""},
      {R"({"batch_size": [4]})", ": batch_size: expected an integer from 1 to 1048576, got [4]"},
      {R"({"sequence_length": 1e99})", ": sequence_length: expected an integer from 1 to"},
      {R"({"sequence_length": 99999999999999999999999})", ": sequence_length: expected an integer"},
      {R"({"fused_qkv": "false"})", ": fused_qkv: expected false, got \"false\": q, k and v stay"},
      {R"({"torch_dtype": null, "target": {}})", ": target: expected cpu, got {}"},
      {R"({"neuron_config": {"tp_degree": 8}})", ": neuron_config: expected no such option, got"},
      {R"({"_serialized_keys": 1})", ": _serialized_keys: expected no such option, got 1"},
  };
  for (const auto& [text, message] : cases) {
    const auto options = Read(text);
    ASSERT_FALSE(options) << text.substr(0, 100);
    EXPECT_EQ(options.error().code, ErrorCode::kInvalidData);
    EXPECT_TRUE(options.error().message.starts_with("[export] " + file + message))
        << options.error().message;
    EXPECT_LT(options.error().message.size(), 400u);
  }
  EXPECT_NE(Message(ReadNeuronConfig(folder_.path() / "none")).find("none: cannot open"),
            std::string::npos);
  EXPECT_NE(Message(ReadNeuronConfig(folder_.path())).find("expected a regular file"),
            std::string::npos);
  EXPECT_NE(Message(ReadNeuronConfig("/dev/zero")).find("expected a regular file"),
            std::string::npos);
}

// The cells of a line of a table in Markdown.
std::vector<std::string> Cells(const std::string& line) {
  std::vector<std::string> cells;
  for (size_t at = 1; at < line.size();) {
    const size_t end = std::min(line.find('|', at), line.size());
    const size_t first = line.find_first_not_of(' ', at);
    const size_t last = line.find_last_not_of(' ', end - 1);
    cells.push_back(first < end ? line.substr(first, last + 1 - first) : "");
    at = end + 1;
  }
  return cells;
}

struct Documented {
  std::string meaning, default_value, refusals;
};

std::map<std::string, Documented> ReadDocumentation() {
  std::map<std::string, Documented> found;
  const std::string text = ReadFile(FAIRLEAD_OPTIONS_DOCS, "test", 1 << 20).value_or("");
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    if (!line.starts_with("| `")) continue;
    const std::vector<std::string> cells = Cells(line);
    EXPECT_EQ(cells.size(), 4u) << line;
    if (cells.size() != 4) continue;
    const std::string name = cells[0].substr(1, cells[0].size() - 2);
    EXPECT_TRUE(found.emplace(name, Documented{cells[1], cells[2], cells[3]}).second) << name;
  }
  return found;
}

TEST(Options, AreDocumentedAllOfThemAndNoOthers) {
  auto documented = ReadDocumentation();
  for (const OptionInfo& info : OptionTable()) {
    const std::string name(info.name);
    ASSERT_TRUE(documented.contains(name)) << name << " is not in docs/options.md";
    const Documented& row = documented.at(name);
    EXPECT_EQ(row.default_value, fmt::format("`{}`", OptionValue(info, {}).dump())) << name;
    EXPECT_EQ(row.refusals.empty(), info.reason.empty()) << name;
    EXPECT_FALSE(row.meaning.empty() && row.refusals.empty()) << name;
    documented.erase(name);
  }
  for (const auto& [name, row] : documented) ADD_FAILURE() << name << " is no option";
}

}  // namespace
}  // namespace fairlead

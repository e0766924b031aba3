// `fairlead inspect --plan`: what each rank would hold.
#include <algorithm>
#include <cstring>

#include "artifact/manifest.h"
#include "checkpoint/safetensors.h"
#include "tests/e2e/artifacts.h"
#include "tests/e2e/checkpoints.h"
#include "tests/e2e/program.h"

namespace fairlead::e2e {
namespace {

namespace fs = std::filesystem;

struct Division {
  const char* name;
  const char* model;
  int tp, ep;
};

std::ostream& operator<<(std::ostream& stream, const Division& division) {
  return stream << division.name;
}

class Plan : public ProgramTest {
 protected:
  fs::path out() const { return dir() / "artifact"; }
  static fs::path Mxfp4() { return GoldenDir("shard_mxfp4"); }

  static std::vector<std::string> Degrees(int tp, int ep) {
    return {"--tensor_parallel_size", std::to_string(tp), "--expert_parallel_size",
            std::to_string(ep)};
  }
  std::string Text(const fs::path& model, std::vector<std::string> options = {}) const {
    options.insert(options.begin(), {"inspect", model, "--plan"});
    return Succeed(options);
  }
  Json Parsed(const fs::path& model, std::vector<std::string> options = {}) const {
    options.emplace_back("--json");
    return Json::parse(Text(model, options));
  }
  Json Parsed(const fs::path& model, int tp, int ep) const {
    return Parsed(model, Degrees(tp, ep));
  }
  void Export(const fs::path& model, int tp, int ep, std::vector<std::string> options = {}) const {
    options.insert(options.begin(), {"export", "--model", model, out()});
    for (const std::string& degree : Degrees(tp, ep)) options.push_back(degree);
    Succeed(options);
  }
};

// The entry of one parameter.
const Json& Find(const Json& plan, const std::string& name) {
  for (const Json& parameter : plan["parameters"]) {
    if (parameter["name"] == name) return parameter;
  }
  ADD_FAILURE() << "no " << name;
  return plan;
}

// What a rank holds of one dimension.
Json Held(const Json& parameter, size_t rank, size_t axis) {
  return parameter["ranks"][rank]["axes"][axis]["held"];
}

// A plan without what only the checkpoint tells.
Json WithoutReasons(Json plan) {
  for (Json& parameter : plan["parameters"]) {
    for (Json& rank : parameter["ranks"]) rank.erase("why");
    parameter["unsharded"].erase("why");
  }
  return plan;
}

Json AxesJson(const StoredTensor& tensor) {
  Json axes = Json::array();
  for (size_t i = 0; i < tensor.shape.size(); ++i) {
    const Axis axis = tensor.axes.empty() ? Axis(tensor.shape[i]) : tensor.axes[i];
    Json held = Json::array();
    for (const Range& range : axis.ranges()) held.push_back({range.start, range.count});
    axes.push_back({{"size", axis.size}, {"held", held}});
  }
  return axes;
}

class PlanOf : public Plan, public ::testing::WithParamInterface<Division> {};

// Tensor by tensor and in total.
TEST_P(PlanOf, IsWhatAnExportStores) {
  const auto& [name, golden, tp, ep] = GetParam();
  const fs::path model = GoldenDir(golden);
  const Json plan = Parsed(model, tp, ep);
  EXPECT_FALSE(fs::exists(cache()));
  Export(model, tp, ep);
  const auto manifest = ReadManifest(out());
  ASSERT_TRUE(manifest) << manifest.error().message;
  ASSERT_EQ(plan["ranks"].size(), manifest->ranks.size());
  uint64_t all = 0;
  for (size_t rank = 0; rank < manifest->ranks.size(); ++rank) {
    uint64_t bytes = 0;
    int64_t parameters = 0;
    for (const StoredTensor& tensor : manifest->ranks[rank]) {
      const Json& planned = Find(plan, tensor.name)["ranks"][rank];
      EXPECT_EQ(planned["shape"], Json(tensor.shape)) << tensor.name << " of rank " << rank;
      EXPECT_EQ(planned["axes"], AxesJson(tensor)) << tensor.name << " of rank " << rank;
      EXPECT_EQ(planned["layout"], LayoutId(tensor.layout)) << tensor.name << " of rank " << rank;
      EXPECT_EQ(planned["bytes"], tensor.bytes) << tensor.name << " of rank " << rank;
      bytes += tensor.bytes;
      parameters += NumElements(tensor.shape);
    }
    EXPECT_EQ(plan["parameters"].size(), manifest->ranks[rank].size());
    EXPECT_EQ(plan["ranks"][rank]["weight_bytes"], bytes) << rank;
    EXPECT_EQ(plan["ranks"][rank]["parameters"], parameters) << rank;
    all += bytes;
  }
  EXPECT_EQ(plan["all_ranks"]["weight_bytes"], all);
}

TEST_P(PlanOf, SaysWhatTheDivisionCosts) {
  const auto& [name, golden, tp, ep] = GetParam();
  const Json plan = Parsed(GoldenDir(golden), tp, ep);
  const Json whole = Parsed(GoldenDir(golden), 1, 1);
  EXPECT_EQ(plan["unsharded"], whole["all_ranks"]);
  EXPECT_EQ(whole["unsharded"], whole["all_ranks"]);
  int64_t cost = 0;
  for (const auto& [reason, bytes] : plan["cost"].items()) cost += bytes.get<int64_t>();
  EXPECT_EQ(plan["all_ranks"]["weight_bytes"].get<int64_t>(),
            plan["unsharded"]["weight_bytes"].get<int64_t>() + cost);
  for (const auto& [reason, bytes] : whole["cost"].items()) EXPECT_EQ(bytes, 0) << reason;
}

// No element is left out; and only K and V, what every rank needs whole and zeros are there twice.
TEST_P(PlanOf, HoldsEveryElement) {
  const auto& [name, golden, tp, ep] = GetParam();
  const Json plan = Parsed(GoldenDir(golden), tp, ep);
  for (const Json& parameter : plan["parameters"]) {
    const Shape shape = parameter["shape"].get<Shape>();
    const auto size = static_cast<size_t>(NumElements(shape));
    std::vector<int> times(size);
    for (const Json& rank : parameter["ranks"]) {
      std::vector<size_t> offsets = {0};  // of the rank's elements, dimension by dimension
      for (const Json& axis : rank["axes"]) {
        std::vector<size_t> next;
        for (const size_t offset : offsets) {
          for (const Json& range : axis["held"]) {
            const auto start = range[0].get<size_t>();
            for (size_t i = 0; i < range[1].get<size_t>(); ++i) {
              next.push_back(offset * axis["size"].get<size_t>() + start + i);
            }
          }
        }
        offsets = std::move(next);
      }
      EXPECT_EQ(offsets.size(), static_cast<size_t>(NumElements(rank["shape"].get<Shape>())));
      if (rank["zero"].get<bool>()) continue;
      for (const size_t offset : offsets) ++times.at(offset);
    }
    const auto parameter_name = parameter["name"].get<std::string>();
    const auto [least, most] = std::minmax_element(times.begin(), times.end());
    EXPECT_GE(*least, 1) << parameter_name;
    const bool divided = parameter_name.find("norm") == std::string::npos &&
                         parameter_name.find("router") == std::string::npos &&
                         parameter_name.find("o_proj.bias") == std::string::npos &&
                         parameter_name.find("k_proj") == std::string::npos &&
                         parameter_name.find("v_proj") == std::string::npos;
    if (divided) {
      EXPECT_EQ(*most, 1) << parameter_name;
    }
  }
}

TEST_P(PlanOf, IsReadableInALineOf120) {
  const auto& [name, golden, tp, ep] = GetParam();
  for (const std::string& line : Lines(Text(GoldenDir(golden), Degrees(tp, ep)))) {
    if (line.find(": ") == GoldenDir(golden).string().size()) continue;  // as long as the path
    EXPECT_LE(line.size(), 120u) << line;
    EXPECT_FALSE(line.ends_with(' ')) << line;
  }
}

INSTANTIATE_TEST_SUITE_P(Divisions, PlanOf,
                         ::testing::Values(Division{"tp1", "shard_mxfp4", 1, 1},
                                           Division{"repeated_kv", "shard_mxfp4", 3, 1},
                                           Division{"uneven_blocks", "shard_mxfp4", 4, 1},
                                           Division{"dequantised", "shard_mxfp4", 8, 1},
                                           Division{"experts", "shard_mxfp4", 1, 4},
                                           Division{"both", "shard_mxfp4", 2, 4},
                                           Division{"bf16_tied", "shard_bf16", 3, 2}),
                         [](const auto& param) { return param.param.name; });

TEST_F(Plan, KeepsMxfp4WhereRanksHoldWholeBlocks) {
  const Json plan = Parsed(Mxfp4(), 4, 1);
  const Json& down = Find(plan, "model.layers.1.mlp.experts.down_proj");
  // 5 blocks of 32 columns.
  const int64_t columns[] = {64, 32, 32, 32};
  for (size_t rank = 0; rank < 4; ++rank) {
    EXPECT_EQ(down["ranks"][rank]["shape"], Json({8, 64, columns[rank]}));
    EXPECT_EQ(down["ranks"][rank]["layout"], "rows16.mxfp4");
    EXPECT_EQ(down["ranks"][rank]["why"], "MXFP4 kept: whole blocks");
  }
  EXPECT_EQ(plan["cost"]["dequantised_bytes"], 0);
}

TEST_F(Plan, SaysWhyItDequantises) {
  const Json plan = Parsed(Mxfp4(), 8, 1);
  const Json& down = Find(plan, "model.layers.1.mlp.experts.down_proj");
  EXPECT_EQ(down["unsharded"]["layout"], "rows16.mxfp4");
  for (size_t rank = 0; rank < 8; ++rank) {
    EXPECT_EQ(down["ranks"][rank]["layout"], "rows16.bf16");
    EXPECT_TRUE(down["ranks"][rank]["why"].get<std::string>().starts_with("dequantised: "));
    // Rows can be cut anywhere.
    EXPECT_EQ(Find(plan, "model.layers.1.mlp.experts.gate_up_proj")["ranks"][rank]["layout"],
              "rows16.mxfp4");
  }
  // Of 2 layers with 8 experts: 2 bytes an element instead of 17 for 32.
  constexpr int64_t kElements = int64_t{2} * 8 * 64 * 160;
  EXPECT_EQ(plan["cost"]["dequantised_bytes"], kElements * 2 - kElements / 32 * 17);
}

TEST_F(Plan, AddsTheExpertsBiasOnce) {
  const Json plan = Parsed(Mxfp4(), 2, 2);
  const Json& bias = Find(plan, "model.layers.0.mlp.experts.down_proj_bias");
  const bool zeros[] = {false, true, false, true};
  for (size_t rank = 0; rank < 4; ++rank) {
    EXPECT_EQ(bias["ranks"][rank]["zero"], zeros[rank]) << rank;
    EXPECT_EQ(bias["ranks"][rank]["why"].get<std::string>().starts_with("zeros: "), zeros[rank]);
  }
}

// 48 query heads read 4 kv heads.
struct KvCase {
  int tp;
  int64_t heads;       // of a rank
  Json first, second;  // rows of k_proj that rank 0 and rank 1 hold: heads of 4
};

TEST_F(Plan, ShowsKvHeadsDividedSharedAndRepeated) {
  Json mostly_first = Json::array(), half = Json::array();
  for (int head = 0; head < 16; ++head) {
    mostly_first.push_back({head < 12 ? 0 : 4, 4});
    half.push_back({head < 8 ? 4 : 8, 4});
  }
  const KvCase cases[] = {
      {2, 2, Json::parse("[[0, 8]]"), Json::parse("[[8, 8]]")},
      {4, 1, Json::parse("[[0, 4]]"), Json::parse("[[4, 4]]")},
      {8, 1, Json::parse("[[0, 4]]"), Json::parse("[[0, 4]]")},
      {3, 16, mostly_first, half},
  };
  constexpr int64_t kTokens = 256, kBatch = 3, kLayers = 2, kHeadDim = 4, kFloat = 4;
  for (const KvCase& kv : cases) {
    const Json plan = Parsed(Mxfp4(), {"--tp_degree", std::to_string(kv.tp), "--batch_size", "3",
                                       "--sequence_length", "256"});
    const Json& k_proj = Find(plan, "model.layers.0.self_attn.k_proj.weight");
    EXPECT_EQ(Held(k_proj, 0, 0), kv.first) << kv.tp;
    EXPECT_EQ(Held(k_proj, 1, 0), kv.second) << kv.tp;
    // Of keys and values; the window and a step are longer than the sequences.
    const int64_t bytes = 2 * kv.heads * kHeadDim * kFloat * kLayers * kTokens * kBatch;
    for (const Json& rank : plan["ranks"]) {
      EXPECT_EQ(rank["kv_heads"], kv.heads) << kv.tp;
      EXPECT_EQ(rank["kv_cache_bytes"], bytes) << kv.tp;
    }
    EXPECT_EQ(plan["all_ranks"]["kv_cache_bytes"], bytes * kv.tp);
    EXPECT_EQ(plan["unsharded"]["kv_cache_bytes"], bytes / kv.heads * 4);
  }
}

TEST_F(Plan, TextCollapsesLayersAndRanks) {
  const std::string text = Text(Mxfp4(), {"--tp_degree", "8"});
  for (const char* part :
       {": 8 ranks (tp_degree 8, ep_degree 1)\n",
        "\nmodel.layers.{0-1}.self_attn.q_proj.weight x2  [192, 64]  rows16.bf16  BF16 kept\n"
        "  ranks 0-7  rows 0-23 .. 168-191      [24, 64]      4.1 kB\n",
        "  ranks 6-7  rows 12-15                [4, 64]      2.05 kB\n",
        "\nmodel.layers.{0-1}.mlp.experts.down_proj x2  [8, 64, 160]  rows16.bf16\n"
        "    dequantised: ",
        "  ranks 1-7  whole                     [8, 64]      2.05 kB  zeros: another rank adds "
        "it\n",
        "\nranks 0-2, each  ", "\nranks 3-7, each  ", "\nall ranks  ", "\nunsharded  ",
        " dequantised, ", ": 4 KV heads are held as 8\n"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  }
  EXPECT_NE(Text(Mxfp4(), {"--tp_degree", "3"}).find("  rank 0     rows 0-3 x12, 4-7 x4  "),
            std::string::npos);
  EXPECT_EQ(Text(Mxfp4()).find("unsharded"), std::string::npos);
}

// Layers that are not alike have rows of their own.
TEST_F(Plan, TextKeepsLayersApartThatDiffer) {
  CopyModel(GoldenDir("shard_bf16"), dir() / "model");
  EditTensors(dir() / "model" / "model.safetensors", [](Tensors& tensors) {
    const std::string name = "model.layers.1.self_attn.q_proj.weight";
    tensors[name] = Tensor::Zeros(DType::kF32, tensors.at(name).shape);
  });
  const std::string text = Text(dir() / "model", {"--tp_degree", "2"});
  for (const char* part :
       {"\nmodel.layers.{0,2}.self_attn.q_proj.weight x2  [144, 40]  rows16.bf16",
        "\nmodel.layers.1.self_attn.q_proj.weight  [144, 40]  rows16.f32"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  }
}

TEST_F(Plan, OfAnArtifactIsThatOfItsCheckpoint) {
  CopyModel(Mxfp4(), dir() / "model");
  const Json expected = Parsed(dir() / "model", 8, 1);
  Export(dir() / "model", 8, 1, {"--sequence_length", "1024"});
  Json found = Parsed(out());
  EXPECT_EQ(found["model"], out().string());
  found["model"] = expected["model"];
  EXPECT_EQ(found, expected);
  EXPECT_EQ(Parsed(out(), 8, 1)["ranks"], expected["ranks"]);

  // Without it reasons are not known, nor that the whole would be smaller.
  fs::remove_all(dir() / "model");
  const Json alone = Parsed(out());
  EXPECT_EQ(alone["ranks"], expected["ranks"]);
  const char* down = "model.layers.1.mlp.experts.down_proj";
  EXPECT_EQ(Find(alone, down)["ranks"][0]["why"], Json());
  EXPECT_EQ(Find(alone, down)["unsharded"]["layout"], "rows16.bf16");
  const std::string text = Text(out());
  EXPECT_NE(text.find("why it is stored so is not known.\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  zeros\n"), std::string::npos) << text;
  const char* norm = "model.norm.weight";
  EXPECT_EQ(Find(WithoutReasons(alone), norm), Find(WithoutReasons(expected), norm));
}

TEST_F(Plan, OfAnArtifactWithoutWeightsNeedsItsCheckpoint) {
  CopyModel(Mxfp4(), dir() / "model");
  const Json expected = Parsed(dir() / "model", 2, 4);
  Export(dir() / "model", 2, 4, {"--no_weights", "--sequence_length", "64"});
  const Json plan = Parsed(out());
  EXPECT_EQ(plan["parameters"], expected["parameters"]);
  EXPECT_EQ(plan["sequence_length"], 64);
  EXPECT_FALSE(fs::exists(cache()));

  // Whoever asks for the plan did not choose these degrees.
  EditManifest(out(), [](Json& manifest) { manifest["options"]["tp_degree"] = 5; });
  const Outcome forged = Fairlead({"inspect", out(), "--plan"});
  EXPECT_EQ(forged.exit_code, 1) << forged;
  EXPECT_NE(forged.err.find("fairlead.json: options: [gpt_oss] tp_degree 5 x ep_degree 4: "),
            std::string::npos)
      << forged;

  fs::remove_all(dir() / "model");
  const Outcome outcome = Fairlead({"inspect", out(), "--plan"});
  EXPECT_EQ(outcome.exit_code, 1) << outcome;
  EXPECT_NE(outcome.err.find("exported without weights and needs its checkpoint"),
            std::string::npos)
      << outcome;
}

TEST_F(Plan, RefusesWhatCannotBe) {
  Export(Mxfp4(), 2, 1);
  struct Refusal {
    std::vector<std::string> arguments;
    const char* message;
  };
  const std::string model = Mxfp4();
  for (const Refusal& refusal : {
           Refusal{{model, "--plan", "--tp_degree", "7"},
                   "48 query heads do not divide among 7 ranks; valid tp_degree with ep_degree 1: "
                   "1, 2, 3, 4, 6, 8, 12, 16, 24, 48;"},
           Refusal{{model, "--plan", "--ep_degree", "3"}, "8 experts do not divide among 3 groups"},
           Refusal{{model, "--plan", "--tp_degree", "0"}, "a whole number from 1 to 1024"},
           Refusal{{out(), "--plan", "--tp_degree", "4"},
                   "tp_degree: expected 2, as the artifact was exported for, got 4"},
           Refusal{{out(), "--plan", "--ep_degree", "4"},
                   "ep_degree: expected 1, as the artifact was exported for, got 4"},
           Refusal{{model, "--plan", "--sequence_length", "1025"},
                   "--sequence_length: expected 1 to 1024, got 1025"},
           Refusal{{model, "--tp_degree", "2"}, "--tensor_parallel_size requires --plan"},
           Refusal{{model, "--plan", "--graph"}, "excludes"},
       }) {
    std::vector<std::string> arguments = refusal.arguments;
    arguments.insert(arguments.begin(), "inspect");
    const Outcome outcome = Fairlead(arguments);
    EXPECT_EQ(outcome.exit_code, 2) << outcome;
    EXPECT_EQ(outcome.out, "");
    EXPECT_NE(outcome.err.find(refusal.message), std::string::npos) << outcome;
  }
  EXPECT_FALSE(fs::exists(cache()));
}

// The data of these weights is a hole.
TEST_F(Plan, NeedsNoMoreThanHeaders) {
  CopyModel(Mxfp4(), dir() / "model");
  const Json expected = Parsed(dir() / "model", 4, 1);
  const fs::path weights = dir() / "model" / "model.safetensors";
  const auto size = fs::file_size(weights);
  const std::string text = ReadText(weights);
  uint64_t header = 0;
  std::memcpy(&header, text.data(), sizeof(header));
  fs::resize_file(weights, sizeof(header) + header);
  fs::resize_file(weights, size);
  EXPECT_EQ(Parsed(dir() / "model", 4, 1), expected);
}

TEST_F(Plan, SummaryOfASeveralRanksArtifactSaysWhoseItIs) {
  Export(Mxfp4(), 2, 1);
  const Json json = Json::parse(Succeed({"inspect", out(), "--json"}));
  EXPECT_EQ(json["ranks"], 2);
  const Json rank = Parsed(out())["ranks"][0];
  EXPECT_EQ(json["weight_bytes"], rank["weight_bytes"]);
  EXPECT_NE(Succeed({"inspect", out()}).find("of rank 0 of 2 (--plan shows all):\n"),
            std::string::npos);
}

}  // namespace
}  // namespace fairlead::e2e

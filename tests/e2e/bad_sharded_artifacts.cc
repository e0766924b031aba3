#include <sys/stat.h>

#include <fstream>

#include "tests/e2e/artifacts.h"
#include "tests/e2e/bad_input.h"
#include "tests/e2e/checkpoints.h"
#include "tests/e2e/program.h"

namespace fairlead::e2e {
namespace {

namespace fs = std::filesystem;

constexpr int kRanks = 4;
const char* const kManifest = "fairlead.json";
const std::vector<std::string> kTwoByTwo = {"--tp_degree", "2", "--ep_degree", "2"};

fs::path Rank(const fs::path& artifact, int rank) { return RankFile(artifact, rank, kRanks); }

BadModel Forged(const std::string& name, const std::function<void(Json&)>& edit,
                const std::string& message) {
  return {name, [=](const fs::path& artifact) { EditManifest(artifact, edit); }, message};
}

// Changes an option in fairlead.json.
BadModel Option(const std::string& name, const std::string& option, const Json& value,
                const std::string& message) {
  return Forged(
      name, [=](Json& json) { json["options"][option] = value; }, message);
}

Json& TensorNamed(Json& json, int rank, const std::string& name) {
  for (Json& tensor : json["ranks"][static_cast<size_t>(rank)]["tensors"]) {
    if (tensor["name"] == name) return tensor;
  }
  ADD_FAILURE() << name;
  return json;
}

constexpr const char* kEmbedding = "model.embed_tokens.weight";
constexpr const char* kExperts = "model.layers.0.mlp.experts.gate_up_proj";

// Changes what rank 1 has of the embedding, rows 33 to 65 of 131.
BadModel Axes(const std::string& name, const std::string& axes, const std::string& message) {
  return Forged(
      name, [=](Json& json) { TensorNamed(json, 1, kEmbedding)["axes"] = Json::parse(axes); },
      message);
}

BadModel Axes(const std::string& name, const std::string& axes) {
  return Axes(name, axes,
              "rank-00001-of-00004.safetensors: model.embed_tokens.weight: expected the part "
              "[33-65 of 131, 64], got [");
}

// Another export, from which files are taken.
BadModel Mixed(const std::string& name, const std::string& golden,
               const std::vector<std::string>& options,
               const std::function<void(const fs::path& artifact, const fs::path& other)>& mix,
               const std::string& message) {
  return {name,
          [=](const fs::path& artifact) {
            const fs::path other = artifact.parent_path() / "other";
            Invocation invocation{{"export", "--model", GoldenDir(golden), other}};
            invocation.arguments.insert(invocation.arguments.end(), options.begin(), options.end());
            const Outcome made = RunFairlead(invocation);
            ASSERT_EQ(made.exit_code, 0) << made;
            mix(artifact, other);
          },
          message};
}

void TakeRank1(const fs::path& artifact, const fs::path& other) {
  fs::copy_file(Rank(other, 1), Rank(artifact, 1), fs::copy_options::overwrite_existing);
}

void TakeAllWeights(const fs::path& artifact, const fs::path& other) {
  fs::remove_all(artifact / "weights");
  fs::rename(other / "weights", artifact / "weights");
}

void TakeManifest(const fs::path& artifact, const fs::path& other) {
  fs::rename(other / kManifest, artifact / kManifest);
}

std::vector<BadModel> BadRankFiles() {
  return {
      {"RankMissing", [](const fs::path& artifact) { fs::remove(Rank(artifact, 2)); },
       "weights/rank-00002-of-00004.safetensors: cannot open: No such file or directory"},
      {"RanksSwapped",
       [](const fs::path& artifact) {
         fs::rename(Rank(artifact, 1), artifact / "held");
         fs::rename(Rank(artifact, 2), Rank(artifact, 1));
         fs::rename(artifact / "held", Rank(artifact, 2));
       },
       "rank-00001-of-00004.safetensors: rank: expected \"1 of 4\", got \"2 of 4\": a file of "
       "another artifact or rank"},
      {"RankTwice",
       [](const fs::path& artifact) {
         fs::copy_file(Rank(artifact, 0), Rank(artifact, 3), fs::copy_options::overwrite_existing);
       },
       "rank-00003-of-00004.safetensors: rank: expected \"3 of 4\", got \"0 of 4\""},
      {"RankTruncated",
       [](const fs::path& artifact) {
         fs::resize_file(Rank(artifact, 3), fs::file_size(Rank(artifact, 3)) / 2);
       },
       "rank-00003-of-00004.safetensors: tensor \""},
      {"RankEmpty", [](const fs::path& artifact) { fs::resize_file(Rank(artifact, 3), 0); },
       "rank-00003-of-00004.safetensors: expected "},
      {"RankTooLong",
       [](const fs::path& artifact) {
         fs::resize_file(Rank(artifact, 1), fs::file_size(Rank(artifact, 1)) + 64);
       },
       "rank-00001-of-00004.safetensors: "},
      {"RankIsAFolder",
       [](const fs::path& artifact) {
         fs::remove(Rank(artifact, 1));
         fs::create_directory(Rank(artifact, 1));
       },
       "rank-00001-of-00004.safetensors: expected a regular file"},
      {"RankIsAPipe",
       [](const fs::path& artifact) {
         fs::remove(Rank(artifact, 1));
         ASSERT_EQ(::mkfifo(Rank(artifact, 1).c_str(), 0644), 0);
       },
       "rank-00001-of-00004.safetensors: expected a regular file"},
      {"RankIsALinkToItself",
       [](const fs::path& artifact) {
         fs::remove(Rank(artifact, 1));
         fs::create_symlink(Rank(artifact, 1).filename(), Rank(artifact, 1));
       },
       "rank-00001-of-00004.safetensors: cannot open: Too many levels of symbolic links"},
      {"RankWithAFlippedByte", [](const fs::path& artifact) { FlipLastByte(Rank(artifact, 3)); },
       "rank-00003-of-00004.safetensors: lm_head.weight: its checksum is wrong: the file was "
       "damaged"},
      {"RankWithAFlippedByteInItsHeader",
       [](const fs::path& artifact) { FlipByte(Rank(artifact, 3), 40); },
       "rank-00003-of-00004.safetensors: "},
      {"RankWithAnEndlessHeader", [](const fs::path& artifact) { FlipByte(Rank(artifact, 3), 7); },
       "rank-00003-of-00004.safetensors: "},
      {"RankOfANewerVersion",
       [](const fs::path& artifact) {
         ReplaceText(Rank(artifact, 0), R"("format_version":"2")", R"("format_version":"3")");
       },
       "rank-00000-of-00004.safetensors: format_version: expected \"2\", got \"3\""},
      {"WeightsFolderMissing",
       [](const fs::path& artifact) { fs::remove_all(artifact / "weights"); },
       "rank-00000-of-00004.safetensors: cannot open: No such file or directory"},
      Mixed("RankOfOtherDegrees", "shard_mxfp4", {"--tp_degree", "4"}, TakeRank1,
            "rank-00001-of-00004.safetensors: model.layers.0.mlp.experts.down_proj_bias: "
            "expected U8 [1024], got U8 [2048]"),
      Mixed("RankOfAnotherCheckpoint", "shard_bf16", kTwoByTwo, TakeRank1,
            "rank-00001-of-00004.safetensors: checkpoint_hash: expected \""),
      Mixed("RankOfAnotherType", "shard_mxfp4",
            {"--tp_degree", "2", "--ep_degree", "2", "--torch_dtype", "float32"}, TakeRank1,
            "rank-00001-of-00004.safetensors: model.embed_tokens.weight: expected U8 [4224], got "
            "U8 [8448]"),
      Mixed("AllWeightsOfOtherDegrees", "shard_mxfp4", {"--tp_degree", "4"}, TakeAllWeights,
            "rank-00000-of-00004.safetensors: model.layers.0.mlp.experts.gate_up_proj: expected "
            "U8 ["),
      Mixed("AllWeightsOfFewerRanks", "shard_mxfp4", {"--tp_degree", "2"}, TakeAllWeights,
            "rank-00000-of-00004.safetensors: cannot open: No such file or directory"),
  };
}

std::vector<BadModel> BadDegrees() {
  return {
      {"TpDegreeEdited",
       [](const fs::path& artifact) {
         ReplaceText(artifact / kManifest, "\"tp_degree\":2", "\"tp_degree\":4");
       },
       "fairlead.json: its checksum is wrong: the file was damaged or edited"},
      {"EpDegreeEdited",
       [](const fs::path& artifact) {
         ReplaceText(artifact / kManifest, "\"ep_degree\":2", "\"ep_degree\":1");
       },
       "fairlead.json: its checksum is wrong: the file was damaged or edited"},
      Option("TpDegreeForged", "tp_degree", 4,
             "fairlead.json: ranks: expected 8, as tp_degree and ep_degree say, got 4"),
      Option("EpDegreeForged", "ep_degree", 1,
             "fairlead.json: ranks: expected 2, as tp_degree and ep_degree say, got 4"),
      Forged(
          "DegreesForgedToTheSameRanks",
          [](Json& json) {
            json["options"]["tp_degree"] = 4;
            json["options"]["ep_degree"] = 1;
          },
          "rank-00000-of-00004.safetensors: model.layers.0.mlp.experts.gate_up_proj: expected the "
          "part [8, 0-127 of 320, 64], got [0-3 of 8, 0-191 of 320, 64]"),
      Forged(
          "DegreesForgedToTheSameRanksByExperts",
          [](Json& json) {
            json["options"]["tp_degree"] = 1;
            json["options"]["ep_degree"] = 4;
          },
          "expected the part [0-1 of 8, "),
      Option("DegreeHuge", "tp_degree", 1000000000,
             "fairlead.json: options: tp_degree: expected an integer from 1 to 1024, got "
             "1000000000"),
      Option("DegreeBeyond64Bits", "ep_degree", ~uint64_t{0},
             "options: ep_degree: expected an integer from 1 to 1024, got 18446744073709551615"),
      Option("DegreeZero", "tp_degree", 0, "tp_degree: expected an integer from 1 to 1024, got 0"),
      Option("DegreeNegative", "ep_degree", -2,
             "ep_degree: expected an integer from 1 to 1024, got -2"),
      Option("DegreeAText", "tp_degree", "2",
             "tp_degree: expected an integer from 1 to 1024, got \"2\""),
      Forged(
          "AMillionRanks",
          [](Json& json) { json["options"]["tp_degree"] = json["options"]["ep_degree"] = 1024; },
          "ranks: expected 1048576, as tp_degree and ep_degree say, got 4"),
      Forged(
          "RanksShortened", [](Json& json) { json["ranks"].erase(3); },
          "fairlead.json: ranks: expected 4, as tp_degree and ep_degree say, got 3"),
      Forged(
          "RanksLengthened",
          [](Json& json) {
            const Json last = json["ranks"][3];
            json["ranks"].push_back(last);
          },
          "fairlead.json: ranks: expected 4, as tp_degree and ep_degree say, got 5"),
      Forged(
          "RanksReordered", [](Json& json) { std::swap(json["ranks"][1], json["ranks"][2]); },
          "rank 1: weights: expected weights/rank-00001-of-00004.safetensors, got "
          "\"weights/rank-00002-of-00004.safetensors\""),
      Forged(
          "RanksReorderedUnderTheirNames",
          [](Json& json) { std::swap(json["ranks"][1]["tensors"], json["ranks"][2]["tensors"]); },
          "rank-00001-of-00004.safetensors: model.embed_tokens.weight: expected the part [33-65 "
          "of 131, 64], got [66-98 of 131, 64]"),
      Forged(
          "DegreesAndRanksCut",
          [](Json& json) {
            json["options"]["ep_degree"] = 1;
            json["ranks"].erase(3);
            json["ranks"].erase(2);
          },
          "rank 0: weights: expected weights/rank-00000-of-00002.safetensors, got "),
  };
}

std::vector<BadModel> BadTensors() {
  const char* const kNotAxes = "axes: expected lists of a size and [start, count] ranges, got ";
  return {
      Axes("AxesOfAnotherStart", "[[131, [34, 33]], [64]]"),
      Axes("AxesOfAnotherSize", "[[132, [33, 33]], [64]]"),
      Axes("AxesOfAnotherCount", "[[131, [33, 32]], [64]]"),
      Axes("AxesWhole", "[[131], [64]]"),
      Axes("AxesTooMany", "[[131, [33, 33]], [64], [64]]"),
      Axes("AxesTooFew", "[[131, [33, 33]]]"),
      Axes("AxesInPieces", "[[131, [33, 10], [43, 23]], [64]]"),
      Axes("AxesHuge", "[[4611686018427387903, [4611686018427387903, 4611686018427387903]], [64]]"),
      Axes("AxesNegative", "[[131, [-33, 33]], [64]]", kNotAxes),
      Axes("AxesBeyond63Bits", "[[131, [18446744073709551615, 33]], [64]]", kNotAxes),
      Axes("AxesFractional", "[[131, [33.5, 33]], [64]]", kNotAxes),
      Axes("AxesNoLists", "[131, 64]", kNotAxes),
      Axes("AxesANumber", "131", kNotAxes),
      Axes("AxesNull", "null", kNotAxes),
      Axes("AxesWithoutAny", "[]", kNotAxes),
      Axes("AxesOfEmptyLists", "[[], []]", kNotAxes),
      Axes("AxesOfTriples", "[[131, [33, 33, 1]], [64]]", kNotAxes),
      Forged(
          "AxesOfManyRanges",
          [](Json& json) {
            Json& axis = TensorNamed(json, 1, kEmbedding)["axes"][0];
            for (int i = 0; i < 100000; ++i) axis.push_back(Json::array({33, 33}));
          },
          "expected the part [33-65 of 131, 64], got [33-65,33-65,33-65,"),
      Forged(
          "AxesMissing", [](Json& json) { TensorNamed(json, 1, kEmbedding).erase("axes"); },
          "model.embed_tokens.weight: expected the part [33-65 of 131, 64], got [33, 64]"),
      Forged(
          "ShapeEdited",
          [](Json& json) {
            TensorNamed(json, 3, kEmbedding)["shape"] = {33, 63};
          },
          "rank-00003-of-00004.safetensors: model.embed_tokens.weight: expected shape [32, 64], "
          "got [33, 63]"),
      Forged(
          "ShapeOfTheWholeModel",
          [](Json& json) {
            TensorNamed(json, 3, kExperts)["shape"] = {8, 320, 64};
          },
          "rank-00003-of-00004.safetensors: model.layers.0.mlp.experts.gate_up_proj: expected "
          "shape [4, 128, 64], got [8, 320, 64]"),
      Forged(
          "ShapeHuge",
          [](Json& json) {
            TensorNamed(json, 3, kEmbedding)["shape"] = {int64_t{1} << 62, int64_t{1} << 62};
          },
          "model.embed_tokens.weight: expected shape [32, 64], got [4611686018427387904, "
          "4611686018427387904]"),
      Forged(
          "LayoutEditedInEqualBytes",
          [](Json& json) {
            TensorNamed(json, 2, "model.layers.0.self_attn.q_proj.weight")["layout"] =
                "row_major.bf16";
          },
          "rank-00002-of-00004.safetensors: tensors: expected \""),
      Forged(
          "LayoutOfOtherBytes",
          [](Json& json) { TensorNamed(json, 2, kExperts)["layout"] = "rows16.f32"; },
          "gate_up_proj: expected 196608 bytes of rows16.f32, got 26112"),
      Forged(
          "BytesEdited", [](Json& json) { TensorNamed(json, 2, kEmbedding)["bytes"] = 1ull << 62; },
          "rank-00002-of-00004.safetensors: model.embed_tokens.weight: expected 4224 bytes of "
          "row_major.bf16, got 4611686018427387904"),
      Forged(
          "ChecksumEdited",
          [](Json& json) { TensorNamed(json, 2, kEmbedding)["xxh3"] = "0123456789abcdef"; },
          "rank-00002-of-00004.safetensors: model.embed_tokens.weight: its checksum is wrong"),
      Forged(
          "CheckpointHashEdited", [](Json& json) { json["checkpoint_hash"] = "0123"; },
          "rank-00000-of-00004.safetensors: checkpoint_hash: expected \"0123\", got \""),
      Forged(
          "CheckpointHashANumber", [](Json& json) { json["checkpoint_hash"] = 123; },
          "fairlead.json: checkpoint_hash: expected a string, got 123"),
  };
}

std::vector<BadModel> BadSmallFiles() {
  return {
      {"FlippedByteInTheManifest",
       [](const fs::path& artifact) { FlipByte(artifact / kManifest, 300); }, "fairlead.json: "},
      {"FlippedByteInTheConfig",
       [](const fs::path& artifact) { FlipByte(artifact / "config.json", 100); },
       "config.json: its checksum is wrong: the file was damaged or edited"},
      {"FlippedByteInTheOptions",
       [](const fs::path& artifact) { FlipByte(artifact / "neuron_config.json", 100); },
       "neuron_config.json: its checksum is wrong: the file was damaged or edited"},
      {"OptionsMissing",
       [](const fs::path& artifact) { fs::remove(artifact / "neuron_config.json"); },
       "neuron_config.json: expected "},
      {"ManifestOfAGigabyte",
       [](const fs::path& artifact) { fs::resize_file(artifact / kManifest, 1 << 30); },
       "fairlead.json: expected at most 67108864 bytes, got 1073741824"},
      Mixed("ManifestOfOtherDegrees", "shard_mxfp4", {"--tp_degree", "4"}, TakeManifest,
            "neuron_config.json: "),
      Mixed("ManifestOfOneRank", "shard_mxfp4", {}, TakeManifest, "neuron_config.json: "),
      Mixed(
          "ConfigOfAnotherModel", "shard_bf16", kTwoByTwo,
          [](const fs::path& artifact, const fs::path& other) {
            fs::copy_file(other / "config.json", artifact / "config.json",
                          fs::copy_options::overwrite_existing);
          },
          "config.json: expected "),
      Forged(
          "NewerVersion", [](Json& json) { json["format_version"] = 3; },
          "fairlead.json: format_version: expected 2, got 3; use a newer fairlead or write it anew "
          "with `fairlead export`"),
      Forged(
          "OlderVersion", [](Json& json) { json["format_version"] = 1; },
          "fairlead.json: format_version: expected 2, got 1; use an older fairlead or write it "
          "anew with `fairlead export`"),
      Option("UnknownOption", "tp_degre", 2,
             "fairlead.json: options: tp_degre: expected no such option, got 2; did you mean "
             "tp_degree?"),
      Option("OptionTheModelRefuses", "sequence_length", 1025,
             "fairlead.json: options: [export] sequence_length: expected 1 to 1024, got 1025"),
      Option("OptionNotRecorded", "pp_degree", 1,
             "fairlead.json: options: pp_degree: expected no such option, got 1"),
  };
}

}  // namespace

std::vector<BadModel> BadShardedArtifacts() {
  std::vector<BadModel> all;
  for (const auto& some : {BadRankFiles(), BadDegrees(), BadTensors(), BadSmallFiles()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

std::vector<BadModel> BadArtifactsWithoutWeights() {
  const auto checkpoint = [](const fs::path& artifact) {
    return artifact.parent_path() / "checkpoint";
  };
  return {
      {"CheckpointMoved",
       [=](const fs::path& artifact) {
         fs::rename(checkpoint(artifact), artifact.parent_path() / "elsewhere");
       },
       "model: it was exported without weights and needs its checkpoint \""},
      {"CheckpointIsAFile",
       [=](const fs::path& artifact) {
         fs::remove_all(checkpoint(artifact));
         std::ofstream(checkpoint(artifact)) << "not a folder";
       },
       "model: it was exported without weights and needs its checkpoint \""},
      {"CheckpointReplacedByAnother",
       [=](const fs::path& artifact) {
         fs::remove_all(checkpoint(artifact));
         CopyModel(GoldenDir("shard_bf16"), checkpoint(artifact));
       },
       "model: expected the checkpoint with hash "},
      {"CheckpointOfOtherWeights",
       [=](const fs::path& artifact) { FlipLastByte(checkpoint(artifact) / "model.safetensors"); },
       "model: expected the checkpoint with hash "},
      {"CheckpointOfAnotherConfig",
       [=](const fs::path& artifact) {
         SetJson(checkpoint(artifact) / "config.json", "sliding_window", "4");
       },
       "model: expected the checkpoint with hash "},
      {"CheckpointReplacedByItsArtifact",
       [=](const fs::path& artifact) {
         fs::remove_all(checkpoint(artifact));
         CopyModel(artifact, checkpoint(artifact));
       },
       "expected a checkpoint, got none"},
      {"CheckpointDamaged",
       [=](const fs::path& artifact) {
         fs::resize_file(checkpoint(artifact) / "model.safetensors", 1000);
       },
       "checkpoint/model.safetensors: "},
      Option("NoCheckpointId", "checkpoint_id", nullptr,
             "model: it was exported without weights and needs its checkpoint \"\""),
      Option("CheckpointIdMissing", "checkpoint_id", 7,
             "fairlead.json: options: checkpoint_id: expected a string, got 7"),
      Forged(
          "CheckpointHashForged", [](Json& json) { json["checkpoint_hash"] = "0123"; },
          "model: expected the checkpoint with hash 0123, got "),
      Option("DegreeThatCannotBe", "tp_degree", 7,
             "model/fairlead.json: options: [gpt_oss] tp_degree 7 x ep_degree 1: degrees are from "
             "1 to 4"),
      Option("DegreeHugeWithoutWeights", "tp_degree", 1000000000,
             "tp_degree: expected an integer from 1 to 1024, got 1000000000"),
      Forged(
          "AMillionRanksWithoutWeights",
          [](Json& json) { json["options"]["tp_degree"] = json["options"]["ep_degree"] = 1024; },
          "model/fairlead.json: options: [gpt_oss] tp_degree 1024 x ep_degree 1024: "),
      Forged(
          "RankThatIsNotThere",
          [](Json& json) {
            json["ranks"] = Json::parse(
                R"([{"weights": "weights/rank-00000-of-00001.safetensors", "tensors": []}])");
          },
          "rank-00000-of-00001.safetensors: cannot open: No such file or directory"),
  };
}

std::vector<BadCommand> BadUsesOfArtifacts() {
  const char* const kOne = "tp_degree: expected 1, as the artifact was exported for, got 2";
  return {
      {"GenerateAtAnotherDegree",
       {"generate", "SOUND", "--tensor_parallel_size", "2", "--prompts", "The"},
       2,
       kOne},
      {"LogitsAtAnotherDegree",
       {"logits", "SHARDED", "--tp_degree", "4", "--token_ids", "1", "--output", "DIR/out"},
       2,
       "tp_degree: expected 2, as the artifact was exported for, got 4"},
      {"LogitsAtAnotherExpertDegree",
       {"logits", "SHARDED", "--expert_parallel_size", "1", "--token_ids", "1", "--output",
        "DIR/out"},
       2,
       "ep_degree: expected 2, as the artifact was exported for, got 1"},
      {"CompareAtAnotherDegree", {"compare", "SOUND", "--b", "cpu@2"}, 2, kOne},
      {"CompareAtDegreeZero", {"compare", "SOUND", "--b", "cpu@0"}, 2, "\"cpu@0\": expected "},
      {"CompareAtAHugeDegree",
       {"compare", "SOUND", "--b", "cpu@1000000000"},
       2,
       "\"cpu@1000000000\": expected degrees from 1 to 1024, such as cpu@4 or cpu@2x4, got "},
      {"CompareAtHalfADegree", {"compare", "SOUND", "--b", "cpu@2x"}, 2, "\"cpu@2x\": expected "},
      {"CompareAtThreeDegrees",
       {"compare", "SOUND", "--b", "cpu@2x2x2"},
       2,
       "\"cpu@2x2x2\": expected "},
      {"CompareAtNoDegree", {"compare", "SOUND", "--a", "cpu@"}, 2, "\"cpu@\": expected "},
      {"CompareAtANegativeDegree",
       {"compare", "SOUND", "--a", "cpu@-2"},
       2,
       "\"cpu@-2\": expected "},
      {"ExportOfAnArtifact",
       {"export", "--model", "SHARDED", "DIR/out"},
       2,
       "expected a checkpoint with config.json, got an artifact"},
  };
}

}  // namespace fairlead::e2e

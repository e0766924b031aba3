// Artifacts broken in every way we could think of: each is one line that says what is wrong.
#include <fstream>
#include <map>

#include "artifact/artifact.h"
#include "artifact/checksum.h"
#include "artifact/export.h"
#include "base/file.h"
#include "base/json.h"
#include "tests/artifact/fixtures.h"
#include "tests/checkpoint/raw_safetensors.h"

namespace fairlead {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxBytes = 1 << 26;

std::string Read(const fs::path& path) { return ReadFile(path, "test", kMaxBytes).value(); }

void Write(const fs::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

void Replace(const fs::path& path, const std::string& from, const std::string& to) {
  std::string text = Read(path);
  const size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  Write(path, text.replace(at, from.size(), to));
}

void Flip(const fs::path& path, size_t position) {
  std::string text = Read(path);
  text.at(position) ^= 1;
  Write(path, text);
}

// Changes the manifest and makes its checksum right again, as only malice would.
void Forge(const fs::path& dir, const std::function<void(Json&)>& change) {
  Json json = *ReadJsonFile(dir / kManifestName, "test");
  json.erase("xxh3");
  change(json);
  std::string text = json.dump(2);
  text.resize(text.size() - 2);  // without "\n}"
  const std::string checksum = ChecksumOf(std::as_bytes(std::span(text)));
  Write(dir / kManifestName, text + ",\n  \"xxh3\": \"" + checksum + "\"\n}\n");
}

fs::path WeightsPath(const fs::path& dir) { return dir / WeightsName(0, 1); }

struct WeightsContent {
  std::vector<std::pair<std::string, TensorView>> tensors;
  std::map<std::string, std::string> metadata;
};

// Rewrites the weights file as a sound safetensors file with other content.
void Rewrite(const fs::path& dir, const std::function<void(WeightsContent&)>& change) {
  const auto file = SafetensorsFile::Open(WeightsPath(dir)).value();
  WeightsContent content{{}, file->metadata()};
  for (const std::string& name : file->names()) {
    content.tensors.emplace_back(name, *file->Find(name));
  }
  change(content);
  const fs::path changed = dir / "changed";
  ASSERT_TRUE(WriteSafetensors(changed, content.tensors, content.metadata));
  fs::rename(changed, WeightsPath(dir));
}

Json& Tensor0(Json& json) { return json["ranks"][0]["tensors"][0]; }

// What stands for the artifact's folder in an expected message.
constexpr std::string_view kDir = "DIR";

struct Case {
  std::string name;
  std::function<void(const fs::path& dir)> damage;
  const char* message;  // a part of what is expected
  bool verify = false;
};

// The first parameter is model.embed_tokens.weight, bf16 [97, 40] and shared with the head.
const Case kCases[] = {
    {"NoManifest", [](const fs::path& dir) { fs::remove(dir / kManifestName); },
     "[artifact] DIR/fairlead.json: cannot open: No such file or directory"},
    {"ManifestIsAFolder",
     [](const fs::path& dir) {
       fs::remove(dir / kManifestName);
       fs::create_directory(dir / kManifestName);
     },
     "[artifact] DIR/fairlead.json: expected a regular file"},
    {"EmptyManifest", [](const fs::path& dir) { Write(dir / kManifestName, ""); },
     "[artifact] DIR/fairlead.json: invalid JSON at byte"},
    {"ManifestCutShort", [](const fs::path& dir) { fs::resize_file(dir / kManifestName, 700); },
     "DIR/fairlead.json: invalid JSON at byte"},
    {"ManifestOfAnotherShape", [](const fs::path& dir) { Write(dir / kManifestName, "[1]"); },
     "DIR/fairlead.json: expected a JSON object, got [1]"},
    {"ManifestDeeplyNested",
     [](const fs::path& dir) { Write(dir / kManifestName, std::string(1000, '[')); },
     "JSON nested deeper than 64 levels"},
    {"ManifestEdited",
     [](const fs::path& dir) {
       Replace(dir / kManifestName, "\"batch_size\":null", "\"batch_size\":2");
     },
     "DIR/fairlead.json: its checksum is wrong: the file was damaged or edited"},
    {"ManifestWithTextAfterItsEnd",
     [](const fs::path& dir) { Write(dir / kManifestName, Read(dir / kManifestName) + "\n"); },
     "its checksum is wrong"},
    {"ManifestWithoutChecksum",
     [](const fs::path& dir) { Replace(dir / kManifestName, "  \"xxh3\"", "  \"xxh4\""); },
     "xxh3: expected a string, got nothing"},
    {"ManifestChecksumNotHexadecimal",
     [](const fs::path& dir) { Replace(dir / kManifestName, "  \"xxh3\": \"", "  \"xxh3\": \"X"); },
     "xxh3: expected 16 hexadecimal digits, got \"X"},
    {"OtherFormat",
     [](const fs::path& dir) { Forge(dir, [](Json& json) { json["format"] = "zip"; }); },
     "format: expected \"fairlead artifact\", got \"zip\""},
    {"NewerVersion",
     [](const fs::path& dir) { Forge(dir, [](Json& json) { json["format_version"] = 3; }); },
     "format_version: expected 2, got 3; use a newer fairlead or write it anew with `fairlead "
     "export`"},
    {"VersionOfWrongType",
     [](const fs::path& dir) { Forge(dir, [](Json& json) { json["format_version"] = "2"; }); },
     "format_version: expected an integer"},
    {"NoOptions",
     [](const fs::path& dir) { Forge(dir, [](Json& json) { json.erase("options"); }); },
     "options: checkpoint_id: expected a string, got nothing"},
    {"UnknownOption",
     [](const fs::path& dir) { Forge(dir, [](Json& json) { json["options"]["speed"] = 11; }); },
     "DIR/fairlead.json: options: speed: expected no such option, got 11"},
    {"UnknownDtype",
     [](const fs::path& dir) {
       Forge(dir, [](Json& json) { json["options"]["torch_dtype"] = "int8"; });
     },
     "torch_dtype: expected auto, bfloat16 or float32, got \"int8\""},
    {"LongerThanTheModel",
     [](const fs::path& dir) {
       Forge(dir, [](Json& json) { json["options"]["sequence_length"] = 161; });
     },
     "sequence_length: expected 1 to 160, got 161"},
    {"TwoRanks",
     [](const fs::path& dir) { Forge(dir, [](Json& json) { json["options"]["tp_degree"] = 2; }); },
     "ranks: expected 2, as tp_degree and ep_degree say, got 1"},
    {"NoRanks",
     [](const fs::path& dir) { Forge(dir, [](Json& json) { json["ranks"] = Json::array(); }); },
     "ranks: expected weights, got an artifact that was exported without them"},
    {"RanksNotAList",
     [](const fs::path& dir) { Forge(dir, [](Json& json) { json["ranks"] = 1; }); },
     "ranks: expected a list, got 1"},
    {"RankNotAnObject",
     [](const fs::path& dir) { Forge(dir, [](Json& json) { json["ranks"][0] = nullptr; }); },
     "rank 0: expected a JSON object, got null"},
    {"WeightsElsewhere",
     [](const fs::path& dir) {
       Forge(dir, [](Json& json) { json["ranks"][0]["weights"] = "../../etc/passwd"; });
     },
     "weights: expected weights/rank-00000-of-00001.safetensors, got \"../../etc/passwd\""},
    {"UnknownLayout",
     [](const fs::path& dir) {
       Forge(dir, [](Json& json) { Tensor0(json)["layout"] = "rows99.int3"; });
     },
     "\"rows99.int3\": this version cannot read it; write the artifact anew with `fairlead "
     "export`"},
    {"WrongShape",
     [](const fs::path& dir) { Forge(dir, [](Json& json) {
                                 Tensor0(json)["shape"] = {40, 97};
                               }); },
     "model.embed_tokens.weight: expected shape [97, 40], got [40, 97]"},
    {"ShapeBelowOne",
     [](const fs::path& dir) {
       Forge(dir, [](Json& json) { Tensor0(json)["shape"] = {97, -40}; });
     },
     "shape: expected integers from 1 to"},
    {"ShapeOfNoDimensions",
     [](const fs::path& dir) {
       Forge(dir, [](Json& json) { Tensor0(json)["shape"] = Json::array(); });
     },
     "shape: expected 1 to 3 dimensions, got 0"},
    {"LayoutThatCannotHoldTheShape",
     [](const fs::path& dir) {
       Forge(dir, [](Json& json) { Tensor0(json)["layout"] = "rows16.mxfp4"; });
     },
     "expected a shape that rows16.mxfp4 can hold, got [97, 40]"},
    {"OtherLayoutThanTheBytes",
     [](const fs::path& dir) {
       Forge(dir, [](Json& json) { Tensor0(json)["layout"] = "row_major.f32"; });
     },
     "model.embed_tokens.weight: expected 15520 bytes of row_major.f32, got 8960"},
    {"WrongBytes",
     [](const fs::path& dir) { Forge(dir, [](Json& json) { Tensor0(json)["bytes"] = 8961; }); },
     "model.embed_tokens.weight: expected 8960 bytes of rows16.bf16, got 8961"},
    {"BytesBeyond64Bits",
     [](const fs::path& dir) {
       Forge(dir, [](Json& json) { Tensor0(json)["bytes"] = ~uint64_t{0}; });
     },
     "bytes: expected an integer from 0 to"},
    {"TensorNotRecorded",
     [](const fs::path& dir) {
       Forge(dir, [](Json& json) { json["ranks"][0]["tensors"].erase(0); });
     },
     "model.embed_tokens.weight: expected a tensor of shape [97, 40], got none in fairlead.json"},
    {"TensorRecordedTwice",
     [](const fs::path& dir) {
       Forge(dir, [](Json& json) {
         const Json copy = Tensor0(json);
         json["ranks"][0]["tensors"].push_back(copy);
       });
     },
     "tensors: expected each once, got \"model.embed_tokens.weight\" twice"},
    {"TensorTooMany",
     [](const fs::path& dir) {
       Forge(dir, [](Json& json) {
         Json copy = Tensor0(json);
         copy["name"] = "surplus";
         json["ranks"][0]["tensors"].push_back(copy);
       });
     },
     "expected 36 tensors, got 37"},
    {"FileOutsideTheFolder",
     [](const fs::path& dir) {
       Forge(dir, [](Json& json) { json["files"][0]["name"] = "../config.json"; });
     },
     "files: name: expected one of config.json, generation_config.json, neuron_config.json, "
     "tokenizer.json, tokenizer.bin, got \"../config.json\""},
    {"ConfigNotRecorded",
     [](const fs::path& dir) { Forge(dir, [](Json& json) { json["files"].erase(0); }); },
     "files: expected config.json, got none"},
    {"NoConfig", [](const fs::path& dir) { fs::remove(dir / kConfigName); }, "bytes, got no file"},
    {"ConfigEdited", [](const fs::path& dir) { Flip(dir / kConfigName, 30); },
     "DIR/config.json: its checksum is wrong: the file was damaged or edited"},
    {"ConfigOfAnotherModel",
     [](const fs::path& dir) {
       Replace(dir / kConfigName, "\"vocab_size\": 97", "\"vocab_size\": 98");
       Forge(dir, [&](Json& json) {
         const std::string text = Read(dir / kConfigName);
         json["files"][0]["xxh3"] = ChecksumOf(std::as_bytes(std::span(text)));
       });
     },
     "model.embed_tokens.weight: expected shape [98, 40], got [97, 40]"},
    {"GenerationConfigEdited",
     [](const fs::path& dir) { Write(dir / kGenerationConfigName, "{}"); },
     "DIR/generation_config.json: expected"},
    {"NoWeights", [](const fs::path& dir) { fs::remove(WeightsPath(dir)); },
     "DIR/weights/rank-00000-of-00001.safetensors: cannot open: No such file or directory"},
    {"WeightsCutShort",
     [](const fs::path& dir) {
       fs::resize_file(WeightsPath(dir), fs::file_size(WeightsPath(dir)) - 64);
     },
     "[safetensors] DIR/weights/rank-00000-of-00001.safetensors:"},
    {"WeightsEmpty", [](const fs::path& dir) { Write(WeightsPath(dir), ""); },
     "[safetensors] DIR/weights/rank-00000-of-00001.safetensors:"},
    {"WeightsOverlap",
     [](const fs::path& dir) {
       Write(WeightsPath(dir),
             RawSafetensors(R"({"a":{"dtype":"U8","shape":[64],"data_offsets":[0,64]},)"
                            R"("b":{"dtype":"U8","shape":[64],"data_offsets":[0,64]}})",
                            64));
     },
     "[safetensors] DIR/weights/rank-00000-of-00001.safetensors:"},
    {"WeightsOfAnotherArtifact",
     [](const fs::path& dir) {
       Rewrite(dir, [](WeightsContent& content) { content.metadata["checkpoint_hash"] = "0123"; });
     },
     "got \"0123\": a file of another artifact or rank"},
    {"WeightsOfAnotherRank",
     [](const fs::path& dir) {
       Rewrite(dir, [](WeightsContent& content) { content.metadata["rank"] = "1 of 2"; });
     },
     "rank: expected \"0 of 1\", got \"1 of 2\": a file of another artifact or rank"},
    {"WeightsOfTensorsInAnotherLayout",
     [](const fs::path& dir) {
       Rewrite(dir, [](WeightsContent& content) { content.metadata["tensors"] = "0123"; });
     },
     "tensors: expected \""},
    {"WeightsLackATensor",
     [](const fs::path& dir) {
       Rewrite(dir,
               [](WeightsContent& content) { content.tensors.erase(content.tensors.begin()); });
     },
     "model.embed_tokens.weight: expected a tensor of shape [97, 40], got none in the file"},
    {"WeightsWithATensorTooMany",
     [](const fs::path& dir) {
       Rewrite(dir, [](WeightsContent& content) {
         content.tensors.emplace_back("surplus", content.tensors[0].second);
       });
     },
     "expected 36 tensors, got 37"},
    {"WeightsOfAnotherType",
     [](const fs::path& dir) {
       Rewrite(dir, [](WeightsContent& content) {
         content.tensors[0].second.dtype = DType::kBf16;
         content.tensors[0].second.shape = {4480};
       });
     },
     "model.embed_tokens.weight: expected U8 [8960], got BF16 [4480]"},
    {"WeightsOfAnotherSize",
     [](const fs::path& dir) {
       Rewrite(dir, [](WeightsContent& content) {
         TensorView& tensor = content.tensors[0].second;
         tensor.shape = {64};
         tensor.bytes = tensor.bytes.first(64);
       });
     },
     "model.embed_tokens.weight: expected U8 [8960], got U8 [64]"},
    {"WeightsMisaligned",
     [](const fs::path& dir) {
       Rewrite(dir, [](WeightsContent& content) {
         static constexpr std::byte kByte{};
         content.tensors.insert(content.tensors.begin(),
                                {"surplus", TensorView{DType::kU8, {1}, {&kByte, 1}}});
       });
     },
     "model.embed_tokens.weight: expected a start at a multiple of 64 bytes, got another"},
    {"WeightsDamagedAndVerified",
     [](const fs::path& dir) {
       const fs::path weights = WeightsPath(dir);
       const auto offset = SafetensorsFile::Open(weights).value()->entries()[0].begin;
       Flip(weights, offset + 8959);
     },
     "model.embed_tokens.weight: its checksum is wrong: the file was damaged", true},
    {"FileMissing", [](const fs::path& dir) { fs::remove(dir / kGenerationConfigName); },
     "bytes, got no file"},
    {"FileCutShort", [](const fs::path& dir) { fs::resize_file(dir / kGenerationConfigName, 3); },
     "bytes, got 3"},
};

void PrintTo(const Case& broken, std::ostream* out) { *out << broken.name; }

class Broken : public testing::TestWithParam<Case> {};

TEST_P(Broken, IsRefusedWithOneLineThatSaysWhy) {
  const TempDir folder;
  const fs::path dir = folder.path() / "artifact";
  const Status exported =
      ExportArtifact(*OpenCheckpoint(GoldenDir("tied_odd")), dir, {}, LayoutBackend(), nullptr);
  ASSERT_TRUE(exported) << exported.error().message;
  ASSERT_TRUE(LoadArtifact(dir, {.verify_checksums = true}));
  GetParam().damage(dir);
  const auto artifact = LoadArtifact(dir, {.verify_checksums = GetParam().verify});
  ASSERT_FALSE(artifact);
  std::string message = artifact.error().message;
  for (size_t at; (at = message.find(dir.string())) != std::string::npos;) {
    message.replace(at, dir.string().size(), kDir);
  }
  EXPECT_NE(message.find(GetParam().message), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

INSTANTIATE_TEST_SUITE_P(Artifact, Broken, testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

// One byte flipped anywhere in the small files is noticed without reading the weights.
TEST(DamagedArtifact, FlippedBytesOfTheJsonFilesAreNoticed) {
  const TempDir folder;
  const fs::path dir = folder.path() / "artifact";
  ASSERT_TRUE(
      ExportArtifact(*OpenCheckpoint(GoldenDir("tied_odd")), dir, {}, LayoutBackend(), nullptr));
  for (const std::string_view name : {kManifestName, kConfigName, kGenerationConfigName}) {
    const std::string text = Read(dir / name);
    for (size_t i = 0; i < text.size(); i += text.size() / 100 + 1) {
      Flip(dir / name, i);
      EXPECT_FALSE(LoadArtifact(dir)) << name << " byte " << i;
      Write(dir / name, text);
    }
  }
  EXPECT_TRUE(LoadArtifact(dir));
}

}  // namespace
}  // namespace fairlead

#include "tests/e2e/artifacts.h"
#include "tests/e2e/bad_input.h"
#include "tests/e2e/checkpoints.h"
#include "tests/e2e/program.h"

namespace fairlead::e2e {
namespace {

namespace fs = std::filesystem;

constexpr const char* kManifest = "fairlead.json";
constexpr const char* kWeights = "weights/rank-00000-of-00001.safetensors";

BadModel Manifest(const std::string& name, const std::string& from, const std::string& to,
                  const std::string& message) {
  return {name, [=](const fs::path& artifact) { ReplaceText(artifact / kManifest, from, to); },
          message};
}

// The same with the right checksum.
BadModel Forged(const std::string& name, const std::function<void(Json&)>& edit,
                const std::string& message) {
  return {name, [=](const fs::path& artifact) { EditManifest(artifact, edit); }, message};
}

}  // namespace

std::vector<BadModel> BadArtifacts() {
  return {
      {"WeightsTruncated",
       [](const fs::path& artifact) { fs::resize_file(artifact / kWeights, 1 << 20); },
       "rank-00000-of-00001.safetensors: tensor \""},
      {"WeightsMissing", [](const fs::path& artifact) { fs::remove(artifact / kWeights); },
       "rank-00000-of-00001.safetensors: cannot open: No such file or directory"},
      {"WeightsWithAFlippedByte",
       [](const fs::path& artifact) { FlipLastByte(artifact / kWeights); },
       "its checksum is wrong: the file was damaged"},
      Manifest("NewerVersion", "\"format_version\": 2", "\"format_version\": 3",
               "format_version: expected 2, got 3; use a newer fairlead or write it anew with "
               "`fairlead export`"),
      Forged(
          "LayoutUnknown",
          [](Json& json) { json["ranks"][0]["tensors"][0]["layout"] = "rows99.mxfp4"; },
          "rank 0: \"model.embed_tokens.weight\": [layout] \"rows99.mxfp4\": this version cannot "
          "read it; write the artifact anew with `fairlead export`"),
      Manifest("ManifestEdited", "\"batch_size\":null", "\"batch_size\":2",
               "fairlead.json: its checksum is wrong: the file was damaged or edited"),
      Manifest("FormatUnknown", "fairlead artifact", "another artifact",
               "format: expected \"fairlead artifact\", got \"another artifact\""),
      {"ManifestTruncated",
       [](const fs::path& artifact) { fs::resize_file(artifact / kManifest, 1000); },
       "fairlead.json: invalid JSON at byte"},
      {"ConfigEdited",
       [](const fs::path& artifact) { SetJson(artifact / "config.json", "head_dim", "64"); },
       "config.json: expected "},
      {"TokenizerDamaged",
       [](const fs::path& artifact) { FlipLastByte(artifact / "tokenizer.bin"); },
       "tokenizer.bin: "},
  };
}

}  // namespace fairlead::e2e

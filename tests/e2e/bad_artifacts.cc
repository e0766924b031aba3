#include <fstream>

#include "artifact/checksum.h"
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

// Changes the manifest and makes its checksum right again.
BadModel Forged(const std::string& name, const std::string& from, const std::string& to,
                const std::string& message) {
  return {name,
          [=](const fs::path& artifact) {
            ReplaceText(artifact / kManifest, from, to);
            const std::string text = ReadText(artifact / kManifest);
            const std::string body = text.substr(0, text.rfind(",\n  \"xxh3\""));
            std::ofstream(artifact / kManifest, std::ios::binary)
                << body << ",\n  \"xxh3\": \"" << ChecksumOf(std::as_bytes(std::span(body)))
                << "\"\n}\n";
          },
          message};
}

void FlipLastByte(const fs::path& path) {
  std::string bytes = ReadText(path);
  // The very end is padding, which no checksum covers.
  bytes[bytes.size() - 64] ^= 1;
  std::ofstream(path, std::ios::binary) << bytes;
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
      Forged("LayoutUnknown", "rows16.mxfp4", "rows99.mxfp4", "rows99.mxfp4"),
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

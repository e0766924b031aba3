#include "tests/e2e/artifacts.h"

#include <fmt/format.h>

#include <fstream>

#include "artifact/checksum.h"
#include "tests/e2e/program.h"

namespace fairlead::e2e {
namespace {

namespace fs = std::filesystem;

void Write(const fs::path& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  EXPECT_TRUE(file.flush().good()) << path;
}

}  // namespace

fs::path RankFile(const fs::path& artifact, int rank, int ranks) {
  return artifact / "weights" / fmt::format("rank-{:05}-of-{:05}.safetensors", rank, ranks);
}

void EditManifest(const fs::path& artifact, const std::function<void(Json&)>& edit) {
  const fs::path path = artifact / "fairlead.json";
  Json json = Json::parse(ReadText(path));
  json.erase("xxh3");
  edit(json);
  std::string text = json.dump(1);
  text.resize(text.size() - 2);  // without "\n}"
  const std::string checksum = ChecksumOf(std::as_bytes(std::span(text)));
  Write(path, text + ",\n  \"xxh3\": \"" + checksum + "\"\n}\n");
}

void FlipByte(const fs::path& path, size_t position) {
  std::string bytes = ReadText(path);
  bytes.at(position) ^= 1;
  Write(path, bytes);
}

void FlipLastByte(const fs::path& path) { FlipByte(path, fs::file_size(path) - 64); }

}  // namespace fairlead::e2e

// fairlead.json: what an artifact is made of.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "artifact/options.h"
#include "backends/layout.h"
#include "base/error.h"
#include "base/tensor.h"
#include "graph/axis.h"

namespace fairlead {

// Raised whenever an older program would misread a newer artifact, or the other way round.
inline constexpr int kArtifactFormatVersion = 2;
// Every tensor starts at a multiple of this in its file.
inline constexpr size_t kTensorAlignment = 64;

inline constexpr std::string_view kManifestName = "fairlead.json";
inline constexpr std::string_view kConfigName = "config.json";
inline constexpr std::string_view kGenerationConfigName = "generation_config.json";

struct StoredTensor {
  std::string name;        // of the parameter
  Shape shape;             // what the rank holds
  std::vector<Axis> axes;  // of the whole parameter (Parameter::axes); empty: shape is the whole
  Layout layout;
  uint64_t bytes = 0;
  std::string xxh3;  // of these bytes
};

// A file of the artifact other than fairlead.json and the weights.
struct StoredFile {
  std::string name;
  uint64_t bytes = 0;
  std::string xxh3;
};

struct Manifest {
  std::string fairlead_version;  // of the program that wrote it
  std::string checkpoint_hash;   // Checkpoint::Identity
  ExportOptions options;
  std::vector<StoredFile> files;
  // By rank, in the order of the file. Empty: exported without weights.
  std::vector<std::vector<StoredTensor>> ranks;

  const StoredFile* FindFile(std::string_view name) const;
};

// "weights/rank-00000-of-00001.safetensors"
std::string WeightsName(size_t rank, size_t ranks);
// Whether an artifact may hold a file of this name, relative to its folder.
bool IsArtifactFile(std::string_view name);
// What the header of a rank's weights says, so that a file of another artifact or rank is noticed.
std::map<std::string, std::string> WeightsMetadata(const std::string& checkpoint_hash, size_t rank,
                                                   size_t ranks);
// The member of that header's metadata that says what tensors the file holds, and its value: a
// checksum of everything recorded of them but their own checksums. Only this tells apart files with
// equal bytes in other layouts or parts.
inline constexpr const char* kTensorsKey = "tensors";
std::string DeclarationsChecksum(const std::vector<StoredTensor>& tensors);
// What a tensor of `bytes` takes in its file: it is filled up with zeros to the next one's start.
uint64_t PaddedBytes(uint64_t bytes);

// The version of this program.
std::string_view FairleadVersion();

// The text of fairlead.json, its own checksum at the end.
std::string ManifestText(const Manifest& manifest);
// Writes `dir`/fairlead.json and flushes it to the disk.
Status WriteManifest(const Manifest& manifest, const std::filesystem::path& dir);
// Reads it: any other version, a wrong checksum, and every value that cannot be is an error.
Result<Manifest> ReadManifest(const std::filesystem::path& dir);
// The same from the text of the file; `source` names it in errors.
Result<Manifest> ParseManifest(std::string_view text, const std::string& source);

}  // namespace fairlead

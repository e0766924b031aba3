#include "artifact/artifact.h"

#include <chrono>
#include <unordered_map>
#include <utility>

#include "artifact/checksum.h"
#include "base/file.h"
#include "base/json.h"
#include "checkpoint/safetensors.h"
#include "models/model.h"

namespace fairlead {
namespace {

namespace fs = std::filesystem;

// Far above any model, and small enough that no product below leaves 64 bits.
constexpr int64_t kMaxElements = int64_t{1} << 48;

template <typename... Args>
tl::unexpected<Error> Invalid(const fs::path& path, fmt::format_string<Args...> format,
                              Args&&... args) {
  return Fail(ErrorCode::kInvalidData, "artifact", "{}: {}", path.string(),
              fmt::format(format, std::forward<Args>(args)...));
}

Status CheckStoredFile(const StoredFile& file, std::span<const std::byte> bytes,
                       const fs::path& path) {
  if (bytes.size() != file.bytes) {
    return Invalid(path, "expected {} bytes, got {}", file.bytes, bytes.size());
  }
  if (ChecksumOf(bytes) == file.xxh3) return {};
  return Invalid(path, "its checksum is wrong: the file was damaged or edited");
}

// A JSON file that the manifest records, checked against its checksum; null if it has no such file.
Result<Json> ReadRecordedJson(const Manifest& manifest, std::string_view name,
                              const fs::path& dir) {
  const StoredFile* file = manifest.FindFile(name);
  if (file == nullptr) return Json();
  constexpr size_t kMaxBytes = size_t{16} << 20;
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string text, ReadFile(dir / name, "artifact", kMaxBytes));
  FAIRLEAD_RETURN_IF_ERROR(CheckStoredFile(*file, std::as_bytes(std::span(text)), dir / name));
  return ParseJson(text, "artifact", (dir / name).string());
}

Status VerifyFiles(const Manifest& manifest, const fs::path& dir) {
  for (const StoredFile& file : manifest.files) {
    FAIRLEAD_ASSIGN_OR_RETURN(const auto mapped, MappedFile::Open(dir / file.name));
    FAIRLEAD_RETURN_IF_ERROR(CheckStoredFile(file, mapped->bytes(), dir / file.name));
  }
  return {};
}

// The weights of one rank as their file and the manifest describe them.
struct RankFile {
  std::shared_ptr<const SafetensorsFile> file;
  std::unordered_map<std::string_view, const StoredTensor*> stored;
};

// The file's metadata has these members.
Status CheckMetadata(const SafetensorsFile& file,
                     const std::map<std::string, std::string>& expected) {
  for (const auto& [key, value] : expected) {
    const auto found = file.metadata().find(key);
    if (found != file.metadata().end() && found->second == value) continue;
    return Invalid(file.path(), "{}: expected {}, got {}: a file of another artifact or rank", key,
                   Quoted(value),
                   found == file.metadata().end() ? "nothing" : Quoted(found->second));
  }
  return {};
}

Result<RankFile> OpenRank(const Manifest& manifest, size_t rank, const fs::path& dir) {
  const size_t ranks = manifest.ranks.size();
  RankFile opened;
  FAIRLEAD_ASSIGN_OR_RETURN(opened.file, SafetensorsFile::Open(dir / WeightsName(rank, ranks)));
  FAIRLEAD_RETURN_IF_ERROR(
      CheckMetadata(*opened.file, WeightsMetadata(manifest.checkpoint_hash, rank, ranks)));
  for (const StoredTensor& tensor : manifest.ranks[rank]) opened.stored[tensor.name] = &tensor;
  return opened;
}

// Whether the shape's size and the layout's block fit a computation in 64 bits.
bool IsPossible(const StoredTensor& tensor) {
  int64_t elements = 1;
  for (const int64_t dimension : tensor.shape) {
    if (dimension > kMaxElements / elements) return false;
    elements *= dimension;
  }
  return tensor.layout.format != StorageFormat::kMxfp4 || tensor.shape.back() % kMxfp4Block == 0;
}

// The part that a rank holds of a tensor, on one line: all of `shape` if there are no axes.
std::string PartString(const std::vector<Axis>& axes, const Shape& shape) {
  if (axes.empty()) return ShapeString(shape);
  std::string text;
  for (const Axis& axis : axes) text += (text.empty() ? "" : ", ") + axis.ToString();
  constexpr size_t kLongest = 200;
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  return fmt::format("[{}]", text);
}

// Checks one parameter against its declaration and returns its place in the map.
Result<PackedTensor> FindTensor(const Parameter& parameter, const RankFile& rank) {
  const fs::path& path = rank.file->path();
  const auto found = rank.stored.find(parameter.name);
  const auto view = rank.file->Find(parameter.name);
  if (found == rank.stored.end() || !view) {
    return Invalid(path, "{}: expected a tensor of shape {}, got none in {}", parameter.name,
                   ShapeString(parameter.shape),
                   found == rank.stored.end() ? kManifestName : "the file");
  }
  const StoredTensor& stored = *found->second;
  if (stored.axes != parameter.axes) {
    return Invalid(path, "{}: expected the part {}, got {}", parameter.name,
                   PartString(parameter.axes, parameter.shape),
                   PartString(stored.axes, stored.shape));
  }
  if (stored.shape != parameter.shape) {
    return Invalid(path, "{}: expected shape {}, got {}", parameter.name,
                   ShapeString(parameter.shape), ShapeString(stored.shape));
  }
  if (!IsPossible(stored)) {
    return Invalid(path, "{}: expected a shape that {} can hold, got {}", parameter.name,
                   LayoutId(stored.layout), ShapeString(stored.shape));
  }
  PackedTensor tensor{stored.layout, stored.shape, {}};
  const auto bytes = static_cast<uint64_t>(tensor.expected_bytes());
  if (stored.bytes != bytes) {
    return Invalid(path, "{}: expected {} bytes of {}, got {}", parameter.name, bytes,
                   LayoutId(stored.layout), stored.bytes);
  }
  if (view->dtype != DType::kU8 || view->bytes.size() != PaddedBytes(bytes)) {
    return Invalid(path, "{}: expected U8 [{}], got {} {}", parameter.name, PaddedBytes(bytes),
                   DTypeName(view->dtype), ShapeString(view->shape));
  }
  if (reinterpret_cast<uintptr_t>(view->bytes.data()) % kTensorAlignment != 0) {
    return Invalid(path, "{}: expected a start at a multiple of {} bytes, got another",
                   parameter.name, kTensorAlignment);
  }
  tensor.bytes = view->bytes.first(bytes);
  return tensor;
}

Result<Weights> MapWeights(const Graph& graph, const std::vector<StoredTensor>& stored,
                           const RankFile& rank) {
  Weights weights;
  for (const Parameter* parameter : graph.parameters()) {
    FAIRLEAD_ASSIGN_OR_RETURN(weights.tensors[parameter->name], FindTensor(*parameter, rank));
  }
  const size_t declared = std::max(rank.stored.size(), rank.file->entries().size());
  if (declared != weights.tensors.size()) {
    return Invalid(rank.file->path(), "expected {} tensors, got {}", weights.tensors.size(),
                   declared);
  }
  // Last, as all other mistakes have a better message.
  FAIRLEAD_RETURN_IF_ERROR(
      CheckMetadata(*rank.file, {{kTensorsKey, DeclarationsChecksum(stored)}}));
  weights.owners.push_back(rank.file);
  return weights;
}

// Compares every byte with the checksums, piece by piece so that progress shows.
Status VerifyWeights(const Weights& weights, const RankFile& rank, ProgressMeter& progress) {
  constexpr size_t kPiece = size_t{4} << 20;
  for (const auto& [name, stored] : rank.stored) {
    std::span<const std::byte> bytes = weights.tensors.at(std::string(name)).bytes;
    Checksum checksum;
    while (!bytes.empty()) {
      const size_t count = std::min(bytes.size(), kPiece);
      checksum.Add(bytes.first(count));
      progress.Add(count);
      bytes = bytes.subspan(count);
    }
    if (checksum.Digest() != stored->xxh3) {
      return Invalid(rank.file->path(), "{}: its checksum is wrong: the file was damaged", name);
    }
  }
  return {};
}

// Cheap enough for every load: each recorded file is there, in its size.
Status CheckFileSizes(const Manifest& manifest, const fs::path& dir) {
  for (const StoredFile& file : manifest.files) {
    std::error_code error;
    const uintmax_t bytes = fs::file_size(dir / file.name, error);
    if (error) return Invalid(dir / file.name, "expected {} bytes, got no file", file.bytes);
    if (bytes != file.bytes) {
      return Invalid(dir / file.name, "expected {} bytes, got {}", file.bytes, bytes);
    }
  }
  return {};
}

Result<std::unique_ptr<const Model>> LoadModel(const Manifest& manifest, const fs::path& dir) {
  if (manifest.FindFile(kConfigName) == nullptr) {
    return Invalid(dir / kManifestName, "files: expected {}, got none", kConfigName);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const Json config, ReadRecordedJson(manifest, kConfigName, dir));
  FAIRLEAD_ASSIGN_OR_RETURN(const Json generation_config,
                            ReadRecordedJson(manifest, kGenerationConfigName, dir));
  FAIRLEAD_ASSIGN_OR_RETURN(auto model, CreateModel(config, generation_config));
  if (const auto options = ResolveOptions(manifest.options, model->Describe()); !options) {
    return Invalid(dir / kManifestName, "options: {}", options.error().message);
  }
  return model;
}

// The ranks to load: the one asked for, or all.
Result<Range> ChooseRanks(const Manifest& manifest, const LoadOptions& options,
                          const fs::path& dir) {
  const auto ranks = static_cast<int64_t>(manifest.ranks.size());
  if (ranks == 0) {
    return Invalid(dir / kManifestName,
                   "ranks: expected weights, got an artifact that was exported without them");
  }
  if (!options.rank) return Range{0, ranks};
  if (*options.rank < 0 || *options.rank >= ranks) {
    return Fail(ErrorCode::kInvalidArgument, "artifact", "{}: rank: expected 0 to {}, got {}",
                dir.string(), ranks - 1, *options.rank);
  }
  return Range{*options.rank, 1};
}

}  // namespace

Result<ArtifactDescription> DescribeArtifact(const fs::path& dir, bool verify_checksums) {
  ArtifactDescription description;
  FAIRLEAD_ASSIGN_OR_RETURN(description.manifest, ReadManifest(dir));
  FAIRLEAD_RETURN_IF_ERROR(CheckFileSizes(description.manifest, dir));
  if (verify_checksums) FAIRLEAD_RETURN_IF_ERROR(VerifyFiles(description.manifest, dir));
  FAIRLEAD_ASSIGN_OR_RETURN(description.model, LoadModel(description.manifest, dir));
  return description;
}

Result<std::shared_ptr<const Artifact>> LoadArtifact(const fs::path& dir,
                                                     const LoadOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  auto artifact = std::make_shared<Artifact>();
  artifact->dir = dir;
  FAIRLEAD_ASSIGN_OR_RETURN(ArtifactDescription description,
                            DescribeArtifact(dir, options.verify_checksums));
  artifact->manifest = std::move(description.manifest);
  const Manifest& manifest = artifact->manifest;
  const Model* const model = description.model.get();
  FAIRLEAD_ASSIGN_OR_RETURN(const Range ranks, ChooseRanks(manifest, options, dir));

  LoadStatistics& statistics = artifact->statistics;
  std::vector<RankFile> files;
  for (int64_t rank = ranks.start; rank < ranks.start + ranks.count; ++rank) {
    auto program = std::make_shared<Program>();
    program->facts = model->Describe();
    auto graph = model->BuildGraph(
        {static_cast<int>(rank), manifest.options.tp_degree, manifest.options.ep_degree});
    if (!graph) return Invalid(dir / kManifestName, "options: {}", graph.error().message);
    program->graph = *std::move(graph);
    FAIRLEAD_ASSIGN_OR_RETURN(files.emplace_back(),
                              OpenRank(manifest, static_cast<size_t>(rank), dir));
    FAIRLEAD_ASSIGN_OR_RETURN(
        program->weights,
        MapWeights(program->graph, manifest.ranks[static_cast<size_t>(rank)], files.back()));
    for (const auto& [name, tensor] : program->weights.tensors) {
      ++statistics.tensors;
      statistics.bytes += tensor.bytes.size();
    }
    artifact->ranks.push_back(std::move(program));
  }
  if (options.verify_checksums) {
    ProgressMeter progress(options.progress, statistics.bytes);
    for (size_t i = 0; i < files.size(); ++i) {
      FAIRLEAD_RETURN_IF_ERROR(VerifyWeights(artifact->ranks[i]->weights, files[i], progress));
    }
  }
  statistics.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return artifact;
}

}  // namespace fairlead

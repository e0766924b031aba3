#include "artifact/export.h"

#include <map>
#include <string>
#include <vector>

#include "artifact/checksum.h"
#include "artifact/convert.h"
#include "artifact/manifest.h"
#include "artifact/neuron_config.h"
#include "artifact/staging.h"
#include "base/file.h"
#include "checkpoint/safetensors.h"
#include "models/model.h"
#include "tokenizer/tokenizer.h"

namespace fairlead {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxConfigBytes = size_t{16} << 20;

Result<StoredFile> WriteText(std::string_view text, std::string_view name, const fs::path& dir) {
  FAIRLEAD_ASSIGN_OR_RETURN(FileWriter file, FileWriter::Create(dir / name));
  FAIRLEAD_RETURN_IF_ERROR(file.Write(text));
  FAIRLEAD_RETURN_IF_ERROR(file.Close());
  return StoredFile{std::string(name), text.size(), ChecksumOf(std::as_bytes(std::span(text)))};
}

// What a file that is already in `dir` is recorded as.
Result<StoredFile> RecordFile(std::string_view name, const fs::path& dir) {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(dir / name));
  return StoredFile{std::string(name), file->bytes().size(), ChecksumOf(file->bytes())};
}

Result<StoredFile> CopyInto(const fs::path& from, std::string_view name, const fs::path& dir) {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto source, MappedFile::Open(from / name));
  const std::span<const std::byte> bytes = source->bytes();
  return WriteText({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, name, dir);
}

bool Exists(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// config.json, the options, and what there is of generation_config.json and the tokenizer in both
// its forms.
Result<std::vector<StoredFile>> WriteSmallFiles(const Checkpoint& checkpoint,
                                                const ExportOptions& options, const fs::path& dir) {
  std::vector<StoredFile> files;
  FAIRLEAD_ASSIGN_OR_RETURN(files.emplace_back(),
                            WriteText(checkpoint.config_text(), kConfigName, dir));
  FAIRLEAD_ASSIGN_OR_RETURN(files.emplace_back(),
                            WriteText(NeuronConfigText(options), kNeuronConfigName, dir));
  if (Exists(checkpoint.dir() / kGenerationConfigName)) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        const std::string text,
        ReadFile(checkpoint.dir() / kGenerationConfigName, "export", kMaxConfigBytes));
    FAIRLEAD_ASSIGN_OR_RETURN(files.emplace_back(), WriteText(text, kGenerationConfigName, dir));
  }
  const fs::path tokenizer_json = checkpoint.dir() / Tokenizer::kJsonName;
  if (Exists(tokenizer_json)) {
    FAIRLEAD_ASSIGN_OR_RETURN(files.emplace_back(),
                              CopyInto(checkpoint.dir(), Tokenizer::kJsonName, dir));
    FAIRLEAD_ASSIGN_OR_RETURN(const auto tokenizer, Tokenizer::FromJson(tokenizer_json));
    FAIRLEAD_RETURN_IF_ERROR(tokenizer->WriteCompact(dir / Tokenizer::kCompactName));
    FAIRLEAD_ASSIGN_OR_RETURN(files.emplace_back(), RecordFile(Tokenizer::kCompactName, dir));
  }
  return files;
}

// Says before any work that the disk is too small, instead of after most of it.
Status CheckSpace(uint64_t bytes, const fs::path& dir) {
  std::error_code error;
  const fs::space_info space = fs::space(dir, error);
  if (error || space.available >= bytes) return {};
  return Fail(ErrorCode::kResourceExhausted, "export",
              "{}: expected {:.1f} MB of free disk space, got {:.1f} MB",
              dir.parent_path().string(), static_cast<double>(bytes) / 1e6,
              static_cast<double>(space.available) / 1e6);
}

// What is recorded of a parameter, but for its checksum.
StoredTensor Declaration(const Conversion& plan) {
  const Parameter& parameter = *plan.parameter;
  const auto bytes = static_cast<uint64_t>(plan.bytes);
  return {parameter.name, parameter.shape, parameter.axes, plan.layout, bytes, /*xxh3=*/""};
}

// Converts one parameter into a rank's file, and fills it up to the start of the next.
Result<StoredTensor> WriteTensor(const Conversion& plan, SafetensorsWriter& writer,
                                 ProgressMeter& progress) {
  StoredTensor tensor = Declaration(plan);
  Checksum checksum;
  FAIRLEAD_RETURN_IF_ERROR(Convert(plan, [&](std::span<const std::byte> piece) -> Status {
    checksum.Add(piece);
    progress.Add(piece.size());
    return writer.Append(tensor.name, piece);
  }));
  const std::vector<std::byte> padding(PaddedBytes(tensor.bytes) - tensor.bytes);
  FAIRLEAD_RETURN_IF_ERROR(writer.Append(tensor.name, padding));
  tensor.xxh3 = checksum.Digest();
  return tensor;
}

// The files of all ranks, open at once.
Result<std::vector<SafetensorsWriter>> CreateFiles(const std::vector<RankPlan>& ranks,
                                                   const std::string& checkpoint_hash,
                                                   const fs::path& dir) {
  std::vector<SafetensorsWriter> writers;
  for (size_t rank = 0; rank < ranks.size(); ++rank) {
    std::vector<SafetensorsDeclaration> declarations;
    std::vector<StoredTensor> tensors;
    for (const Conversion& plan : ranks[rank].conversions) {
      const StoredTensor& tensor = tensors.emplace_back(Declaration(plan));
      declarations.push_back(
          {tensor.name, DType::kU8, {static_cast<int64_t>(PaddedBytes(tensor.bytes))}});
    }
    auto metadata = WeightsMetadata(checkpoint_hash, rank, ranks.size());
    metadata[kTensorsKey] = DeclarationsChecksum(tensors);
    FAIRLEAD_ASSIGN_OR_RETURN(
        SafetensorsWriter writer,
        SafetensorsWriter::Create(dir / WeightsName(rank, ranks.size()), declarations, metadata));
    writers.push_back(std::move(writer));
  }
  return writers;
}

// Parameter by parameter over all ranks, so that the checkpoint is read once.
Result<std::vector<std::vector<StoredTensor>>> WriteWeights(const std::vector<RankPlan>& ranks,
                                                            const std::string& checkpoint_hash,
                                                            const fs::path& dir,
                                                            const ProgressFn& report) {
  uint64_t total = 0, padded = 0;
  for (const RankPlan& rank : ranks) {
    for (const Conversion& plan : rank.conversions) {
      total += static_cast<uint64_t>(plan.bytes);
      padded += PaddedBytes(static_cast<uint64_t>(plan.bytes));
    }
  }
  FAIRLEAD_RETURN_IF_ERROR(CheckSpace(padded, dir));
  const fs::path folder = (dir / WeightsName(0, 1)).parent_path();
  std::error_code error;
  fs::create_directory(folder, error);
  if (error) {
    return Fail(ErrorCode::kIo, "export", "{}: cannot create the folder: {}", folder.string(),
                error.message());
  }
  FAIRLEAD_ASSIGN_OR_RETURN(std::vector<SafetensorsWriter> writers,
                            CreateFiles(ranks, checkpoint_hash, dir));
  ProgressMeter progress(report, total);
  std::vector<std::vector<StoredTensor>> stored(ranks.size());
  for (size_t i = 0; i < ranks[0].conversions.size(); ++i) {
    for (size_t rank = 0; rank < ranks.size(); ++rank) {
      FAIRLEAD_ASSIGN_OR_RETURN(stored[rank].emplace_back(),
                                WriteTensor(ranks[rank].conversions[i], writers[rank], progress));
    }
  }
  for (SafetensorsWriter& writer : writers) {
    // Dropped from the page cache, so that the map that loads it can be given huge pages.
    FAIRLEAD_RETURN_IF_ERROR(writer.Finish(/*drop_cache=*/true));
  }
  FAIRLEAD_RETURN_IF_ERROR(SyncDirectory(folder));
  return stored;
}

}  // namespace

Status ExportArtifact(const Checkpoint& checkpoint, const fs::path& out,
                      const ExportOptions& wanted, const Backend& backend,
                      const ProgressFn& progress, const ExportFlags& flags) {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto model,
                            CreateModel(checkpoint.config(), checkpoint.generation_config()));
  Manifest manifest;
  manifest.fairlead_version = FairleadVersion();
  FAIRLEAD_ASSIGN_OR_RETURN(manifest.options, ResolveOptions(wanted, model->Describe()));
  manifest.options.target = backend.name();
  FAIRLEAD_ASSIGN_OR_RETURN(manifest.checkpoint_hash, checkpoint.Identity());
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::vector<RankPlan> ranks,
      PlanRanks(*model, manifest.options.tp_degree, manifest.options.ep_degree, checkpoint, backend,
                manifest.options.torch_dtype));
  FAIRLEAD_ASSIGN_OR_RETURN(StagingFolder folder, StagingFolder::Create(out, flags.force));
  FAIRLEAD_ASSIGN_OR_RETURN(manifest.files,
                            WriteSmallFiles(checkpoint, manifest.options, folder.path()));
  if (flags.weights) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        manifest.ranks, WriteWeights(ranks, manifest.checkpoint_hash, folder.path(), progress));
  }
  FAIRLEAD_RETURN_IF_ERROR(WriteManifest(manifest, folder.path()));
  return folder.Commit();
}

}  // namespace fairlead

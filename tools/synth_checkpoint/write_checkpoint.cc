#include "write_checkpoint.h"

#include <algorithm>
#include <vector>

#include "base/file.h"
#include "checkpoint/safetensors.h"
#include "random_weights.h"

namespace fairlead::synth {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPieceBytes = size_t{4} << 20;

using Shard = std::vector<TensorSpec>;

template <typename... Args>
tl::unexpected<Error> Refuse(const fs::path& object, fmt::format_string<Args...> format,
                             Args&&... args) {
  return Fail(ErrorCode::kInvalidArgument, "synth_checkpoint", "{}: {}", object.string(),
              fmt::format(format, std::forward<Args>(args)...));
}

// Fills one file after the other, as transformers does.
std::vector<Shard> SplitIntoShards(const std::vector<TensorSpec>& tensors, uint64_t shard_bytes) {
  std::vector<Shard> shards(1);
  uint64_t used = 0;
  for (const TensorSpec& tensor : tensors) {
    if (!shards.back().empty() && used + tensor.bytes() > shard_bytes) {
      shards.emplace_back();
      used = 0;
    }
    shards.back().push_back(tensor);
    used += tensor.bytes();
  }
  return shards;
}

// The published files count from 0 and name the last number, not the count.
std::string ShardName(size_t index, size_t count) {
  if (count == 1) return "model.safetensors";
  return fmt::format("model-{:05}-of-{:05}.safetensors", index, count - 1);
}

Status WriteText(const fs::path& path, const std::string& text) {
  FAIRLEAD_ASSIGN_OR_RETURN(FileWriter file, FileWriter::Create(path));
  FAIRLEAD_RETURN_IF_ERROR(file.Write(text));
  return file.Close();
}

Status CheckTarget(const fs::path& dir, uint64_t bytes, bool force) {
  std::error_code error;
  if (fs::exists(fs::symlink_status(dir, error))) {
    if (!force) return Refuse(dir, "already exists; --force replaces a checkpoint");
    // --force must not become a way to delete some other folder.
    if (!fs::is_directory(dir, error) ||
        !(fs::is_empty(dir, error) || fs::exists(dir / "config.json", error))) {
      return Refuse(dir, "expected a checkpoint or an empty folder to replace");
    }
  }
  const fs::space_info space = fs::space(dir.parent_path(), error);
  if (error) return Refuse(dir.parent_path(), "cannot write there: {}", error.message());
  if (space.available < bytes) {
    return Refuse(dir, "expected {:.1f} GB of free disk, got {:.1f} GB",
                  static_cast<double>(bytes) / 1e9, static_cast<double>(space.available) / 1e9);
  }
  return {};
}

Status WriteShard(const fs::path& path, const Shard& tensors, uint64_t seed,
                  const std::function<void(size_t)>& wrote) {
  std::vector<SafetensorsDeclaration> declarations;
  for (const TensorSpec& tensor : tensors) {
    declarations.push_back({tensor.name, tensor.dtype, tensor.shape});
  }
  FAIRLEAD_ASSIGN_OR_RETURN(SafetensorsWriter writer,
                            SafetensorsWriter::Create(path, declarations, {{"format", "pt"}}));
  std::vector<std::byte> piece(kPieceBytes);
  for (const TensorSpec& tensor : tensors) {
    TensorStream stream(tensor.name, tensor.filling, seed);
    for (size_t done = 0; done < tensor.bytes(); done += piece.size()) {
      const auto bytes = std::span(piece).first(std::min(piece.size(), tensor.bytes() - done));
      stream.Fill(bytes);
      FAIRLEAD_RETURN_IF_ERROR(writer.Append(tensor.name, bytes));
      wrote(bytes.size());
    }
  }
  return writer.Finish();
}

Status WriteFiles(const fs::path& dir, const ModelSpec& spec, const std::vector<Shard>& shards,
                  uint64_t total, const WriteOptions& options, const Progress& progress) {
  uint64_t done = 0;
  Json weight_map = Json::object();
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string name = ShardName(i, shards.size());
    FAIRLEAD_RETURN_IF_ERROR(WriteShard(dir / name, shards[i], options.seed, [&](size_t bytes) {
      done += bytes;
      progress(done, total);
    }));
    for (const TensorSpec& tensor : shards[i]) weight_map[tensor.name] = name;
  }
  if (shards.size() > 1) {
    const Json index = {{"metadata", {{"total_size", total}}}, {"weight_map", weight_map}};
    FAIRLEAD_RETURN_IF_ERROR(WriteText(dir / "model.safetensors.index.json", index.dump(2) + "\n"));
  }
  FAIRLEAD_RETURN_IF_ERROR(WriteText(dir / "config.json", ConfigJson(spec).dump(2) + "\n"));
  FAIRLEAD_RETURN_IF_ERROR(
      WriteText(dir / "generation_config.json", GenerationConfigJson(spec).dump(2) + "\n"));
  return SyncDirectory(dir);
}

}  // namespace

Status WriteCheckpoint(const fs::path& target, const ModelSpec& spec, const WriteOptions& options,
                       const Progress& progress) {
  FAIRLEAD_RETURN_IF_ERROR(CheckSpec(spec));
  std::error_code error;
  fs::path dir = fs::absolute(target, error).lexically_normal();
  if (!dir.has_filename()) dir = dir.parent_path();  // "OUT/"
  const std::vector<TensorSpec> tensors = ModelTensors(spec);
  uint64_t total = 0;
  for (const TensorSpec& tensor : tensors) total += tensor.bytes();
  FAIRLEAD_RETURN_IF_ERROR(CheckTarget(dir, total, options.force));

  const fs::path partial = dir.parent_path() / fmt::format(".{}.partial", dir.filename().string());
  fs::remove_all(partial, error);
  if (!fs::create_directory(partial, error)) {
    return Refuse(partial, "cannot create: {}", error.message());
  }
  Status written = WriteFiles(partial, spec, SplitIntoShards(tensors, options.shard_bytes), total,
                              options, progress);
  if (!written) {
    fs::remove_all(partial, error);
    return written;
  }
  if (options.force) fs::remove_all(dir, error);
  fs::rename(partial, dir, error);
  if (error) return Refuse(dir, "cannot rename {}: {}", partial.string(), error.message());
  return SyncDirectory(dir.parent_path());
}

}  // namespace fairlead::synth

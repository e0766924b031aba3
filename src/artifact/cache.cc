#include "artifact/cache.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "artifact/cache_clean.h"
#include "artifact/cache_entries.h"
#include "artifact/checksum.h"
#include "artifact/manifest.h"
#include "artifact/path_lock.h"
#include "artifact/staging.h"
#include "base/log.h"
#include "checkpoint/resolve.h"
#include "models/model.h"

namespace fairlead {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> CacheError(const fs::path& path, std::string_view action, int code) {
  return Fail(ErrorCode::kIo, "cache", "{}: cannot {}: {}", path.string(), action,
              std::strerror(code));
}

// The value of an environment variable; nullptr where it is unset or empty.
const char* Environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : nullptr;
}

// A name for people: that of the folder, or of the repository for a snapshot in the hub cache
// ("models--org--name/snapshots/COMMIT").
std::string ReadableName(const fs::path& checkpoint_dir) {
  std::error_code ignored;
  fs::path dir = fs::weakly_canonical(checkpoint_dir, ignored);
  if (dir.parent_path().filename() == "snapshots") dir = dir.parent_path().parent_path();
  constexpr size_t kLongest = 80;
  std::string name = dir.filename().string().substr(0, kLongest);
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !IsCacheNameCharacter(c); }, '-');
  return name;
}

// The folder of the artifact inside the cache, named by what decides the weights. Other options are
// those of who opens it.
Result<std::string> CacheKey(const Checkpoint& checkpoint, const ExportOptions& options,
                             const Model& model, const Backend& backend) {
  FAIRLEAD_ASSIGN_OR_RETURN(const Graph graph, model.BuildGraph({}));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string fingerprint, checkpoint.Fingerprint());
  Checksum key;
  key.Add(fmt::format("{}\n{}\n{} {} {}\n", kArtifactFormatVersion, fingerprint,
                      TorchDtypeName(options.torch_dtype), options.tp_degree, options.ep_degree));
  for (const Parameter* parameter : graph.parameters()) {
    for (const StorageFormat format :
         {StorageFormat::kF32, StorageFormat::kBf16, StorageFormat::kMxfp4}) {
      key.Add(LayoutId(backend.ChooseLayout(*parameter, format)) + "\n");
    }
  }
  return fmt::format("{}-{}", ReadableName(checkpoint.dir()), key.Digest());
}

// Removes a lock file before the lock on it ends: the cache holds none but those in use.
class LockFileRemover {
 public:
  explicit LockFileRemover(fs::path path) : path_(std::move(path)) {}
  ~LockFileRemover() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  LockFileRemover(const LockFileRemover&) = delete;
  LockFileRemover& operator=(const LockFileRemover&) = delete;

 private:
  fs::path path_;
};

// Loads an artifact of the cache, which is then not removed for as long as it is in use.
Result<std::shared_ptr<const Artifact>> LoadLocked(const fs::path& dir) {
  struct InUse {
    std::optional<PathLock> lock;  // none where the file system has no locks
    std::shared_ptr<const Artifact> artifact;
  };
  const auto held = std::make_shared<InUse>();
  held->lock = PathLock::Wait(dir, LockMode::kShared);
  FAIRLEAD_ASSIGN_OR_RETURN(held->artifact, LoadArtifact(dir));
  MarkUsed(dir);
  return std::shared_ptr<const Artifact>(held, held->artifact.get());
}

// Exports into the cache, unless another process has done so meanwhile.
Result<std::shared_ptr<const Artifact>> ExportLocked(const Checkpoint& checkpoint,
                                                     const ExportOptions& options,
                                                     const Backend& backend,
                                                     const ProgressFn& progress,
                                                     const fs::path& dir) {
  const fs::path lock_file = CacheLockPath(dir);
  FAIRLEAD_ASSIGN_OR_RETURN(const PathLock lock, PathLock::Create(lock_file, [] {
                              spdlog::info(
                                  "[cache] waiting for another process that exports the same "
                                  "model");
                            }));
  const LockFileRemover remover(lock_file);
  std::error_code error;
  if (fs::exists(dir, error)) {
    auto loaded = LoadLocked(dir);
    if (loaded) return loaded;
    spdlog::warn("[cache] {}: exported anew, as it cannot be loaded: {}", dir.string(),
                 loaded.error().message);
    const fs::path hidden = TemporaryPath(dir);
    fs::rename(dir, hidden, error);
    if (!error) fs::remove_all(hidden, error);
    if (error) return CacheError(dir, "remove", error.value());
  }
  FAIRLEAD_RETURN_IF_ERROR(ExportArtifact(checkpoint, dir, options, backend, progress));
  return LoadLocked(dir);
}

// An artifact of the cache as its opener wants to run it.
std::shared_ptr<Artifact> Adopt(const std::shared_ptr<const Artifact>& cached,
                                const ExportOptions& options) {
  auto artifact = std::make_shared<Artifact>(*cached);
  artifact->manifest.options = options;
  artifact->owner = cached;
  return artifact;
}

Result<std::shared_ptr<Artifact>> OpenCached(const Checkpoint& checkpoint,
                                             const ExportOptions& wanted, const Backend& backend,
                                             const ProgressFn& progress) {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto model,
                            CreateModel(checkpoint.config(), checkpoint.generation_config()));
  FAIRLEAD_ASSIGN_OR_RETURN(ExportOptions options, ResolveOptions(wanted, model->Describe()));
  options.target = backend.name();
  FAIRLEAD_ASSIGN_OR_RETURN(const fs::path cache, CacheDir());
  FAIRLEAD_ASSIGN_OR_RETURN(const uint64_t limit, CacheLimit());
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string key, CacheKey(checkpoint, options, *model, backend));
  // What is there is complete, so that finding it takes no right to write.
  if (const auto found = LoadLocked(cache / key)) return Adopt(*found, options);
  std::error_code error;
  fs::create_directories(cache, error);
  if (error) return CacheError(cache, "create the folder", error.value());
  FAIRLEAD_ASSIGN_OR_RETURN(const auto artifact,
                            ExportLocked(checkpoint, options, backend, progress, cache / key));
  EnforceCacheLimit(cache, limit);
  return Adopt(artifact, options);
}

// An artifact that was exported without weights: they are made from its checkpoint, all else is its
// own.
Result<std::shared_ptr<const Artifact>> OpenWithoutWeights(const fs::path& dir,
                                                           const Backend& backend,
                                                           const ProgressFn& progress) {
  FAIRLEAD_ASSIGN_OR_RETURN(const ArtifactDescription own,
                            DescribeArtifact(dir, /*verify_checksums=*/true));
  FAIRLEAD_ASSIGN_OR_RETURN(const auto checkpoint, OpenRecordedCheckpoint(dir, own.manifest));
  auto opened = OpenCached(*checkpoint, own.manifest.options, backend, progress);
  if (!opened && opened.error().code == ErrorCode::kInvalidArgument) {
    // The options are recorded ones, not the caller's.
    return Fail(ErrorCode::kInvalidData, "artifact", "{}: options: {}",
                (dir / kManifestName).string(), opened.error().message);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const std::shared_ptr<Artifact> artifact, std::move(opened));
  auto weights = std::move(artifact->manifest.ranks);
  artifact->dir = dir;
  artifact->manifest = own.manifest;
  artifact->manifest.ranks = std::move(weights);
  for (std::shared_ptr<const Program>& program : artifact->ranks) {
    auto mine = std::make_shared<Program>(*program);
    mine->facts = own.model->Describe();
    program = std::move(mine);
  }
  return artifact;
}

}  // namespace

Result<fs::path> CacheDir() {
  fs::path dir;
  if (const char* own = Environment("FAIRLEAD_CACHE")) {
    dir = own;
  } else if (const char* user = Environment("XDG_CACHE_HOME")) {
    dir = fs::path(user) / "fairlead";
  } else if (const char* home = Environment("HOME")) {
    dir = fs::path(home) / ".cache" / "fairlead";
  } else {
    return Fail(ErrorCode::kNotFound, "cache",
                "expected FAIRLEAD_CACHE, XDG_CACHE_HOME or HOME to be set, got none of them; set "
                "one, or export the model and run the artifact");
  }
  std::error_code error;
  dir = fs::absolute(dir, error);
  if (error) return CacheError(dir, "find the cache folder", error.value());
  return dir;
}

Result<fs::path> CachedArtifact(const Checkpoint& checkpoint, const ExportOptions& options,
                                const Backend& backend, const ProgressFn& progress) {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto artifact,
                            OpenCached(checkpoint, options, backend, progress));
  return artifact->dir;
}

Result<std::shared_ptr<const Checkpoint>> OpenRecordedCheckpoint(const fs::path& dir,
                                                                 const Manifest& manifest) {
  const std::string name = CheckpointName(manifest.options);
  const auto resolved = ResolveModel(name);
  if (!resolved || resolved->kind != ModelKind::kCheckpoint) {
    return Fail(ErrorCode::kNotFound, "artifact",
                "{}: it was exported without weights and needs its checkpoint {}; put it there or "
                "export anew from where it is: {}",
                dir.string(), Quoted(name),
                resolved ? "expected a checkpoint, got none" : resolved.error().message);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(auto checkpoint, Checkpoint::Open(resolved->dir));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string hash, checkpoint->Identity());
  if (hash != manifest.checkpoint_hash) {
    return Fail(ErrorCode::kInvalidData, "artifact",
                "{}: expected the checkpoint with hash {}, got {} with hash {}", dir.string(),
                manifest.checkpoint_hash, resolved->dir.string(), hash);
  }
  return checkpoint;
}

Result<std::shared_ptr<const Artifact>> OpenModel(std::string_view id_or_path,
                                                  const ExportOptions& options,
                                                  const Backend& backend,
                                                  const ProgressFn& progress) {
  FAIRLEAD_ASSIGN_OR_RETURN(const ResolvedModel model, ResolveModel(id_or_path));
  if (model.kind == ModelKind::kTokenizerOnly) {
    return Fail(ErrorCode::kInvalidData, "model",
                "{}: expected a checkpoint or an artifact, got a tokenizer alone",
                model.dir.string());
  }
  if (model.kind == ModelKind::kArtifact) {
    FAIRLEAD_ASSIGN_OR_RETURN(const Manifest manifest, ReadManifest(model.dir));
    if (!manifest.ranks.empty()) return LoadArtifact(model.dir);
    return OpenWithoutWeights(model.dir, backend, progress);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const auto checkpoint, Checkpoint::Open(model.dir));
  ExportOptions recorded = options;
  if (recorded.checkpoint_id.empty()) SetCheckpoint(id_or_path, recorded);
  if (recorded.sequence_length == 0) {
    // What is run from the cache is limited by the model, not by the default of an export.
    FAIRLEAD_ASSIGN_OR_RETURN(const auto model,
                              CreateModel(checkpoint->config(), checkpoint->generation_config()));
    recorded.sequence_length = model->Describe().max_positions;
  }
  return OpenCached(*checkpoint, recorded, backend, progress);
}

}  // namespace fairlead

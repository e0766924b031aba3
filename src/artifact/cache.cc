#include "artifact/cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "artifact/checksum.h"
#include "artifact/manifest.h"
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
      name.begin(), name.end(),
      [](char c) {
        return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 c == '-' || c == '_');
      },
      '-');
  return name;
}

// The folder of the artifact inside the cache.
Result<std::string> CacheKey(const Checkpoint& checkpoint, const ExportOptions& wanted,
                             const Backend& backend) {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto model,
                            CreateModel(checkpoint.config(), checkpoint.generation_config()));
  FAIRLEAD_ASSIGN_OR_RETURN(ExportOptions options, ResolveOptions(wanted, model->Describe()));
  FAIRLEAD_ASSIGN_OR_RETURN(const Graph graph, model->BuildGraph({}));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string fingerprint, checkpoint.Fingerprint());
  Checksum key;
  key.Add(fmt::format("{}\n{}\n", kArtifactFormatVersion, fingerprint));
  options.checkpoint_id = options.checkpoint_revision = options.target = "";
  key.Add(OptionsToJson(options).dump());
  for (const Parameter* parameter : graph.parameters()) {
    for (const StorageFormat format :
         {StorageFormat::kF32, StorageFormat::kBf16, StorageFormat::kMxfp4}) {
      key.Add(LayoutId(backend.ChooseLayout(*parameter, format)) + "\n");
    }
  }
  return fmt::format("{}-{}", ReadableName(checkpoint.dir()), key.Digest());
}

// An exclusive lock on a file, held until the end of its life or of the process.
class FileLock {
 public:
  // Waits for as long as another process, or another thread of this one, holds it.
  static Result<FileLock> Take(const fs::path& path) {
    FileLock lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
    if (lock.fd_ < 0) return CacheError(path, "create the lock file", errno);
    if (::flock(lock.fd_, LOCK_EX | LOCK_NB) == 0) return lock;
    spdlog::info("[cache] waiting for another process that exports the same model");
    while (::flock(lock.fd_, LOCK_EX) != 0) {
      if (errno != EINTR) return CacheError(path, "lock", errno);
    }
    return lock;
  }
  ~FileLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

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
  FAIRLEAD_ASSIGN_OR_RETURN(const fs::path cache, CacheDir());
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string key, CacheKey(checkpoint, options, backend));
  const fs::path dir = cache / key;
  // What is there is complete, so that finding it takes no lock and no right to write.
  if (LoadArtifact(dir)) return dir;
  std::error_code error;
  fs::create_directories(cache, error);
  if (error) return CacheError(cache, "create the folder", error.value());
  FAIRLEAD_ASSIGN_OR_RETURN(const FileLock lock, FileLock::Take(cache / (key + ".lock")));
  if (fs::exists(dir, error)) {
    const auto loaded = LoadArtifact(dir);
    if (loaded) return dir;  // another process made it while this one waited
    spdlog::warn("[cache] {}: exported anew, as it cannot be loaded: {}", dir.string(),
                 loaded.error().message);
    fs::remove_all(dir, error);
    if (error) return CacheError(dir, "remove", error.value());
  }
  FAIRLEAD_RETURN_IF_ERROR(ExportArtifact(checkpoint, dir, options, backend, progress));
  return dir;
}

Result<std::shared_ptr<const Artifact>> OpenModel(std::string_view id_or_path,
                                                  const ExportOptions& options,
                                                  const Backend& backend,
                                                  const ProgressFn& progress) {
  FAIRLEAD_ASSIGN_OR_RETURN(const ResolvedModel model, ResolveModel(id_or_path));
  if (model.kind == ModelKind::kArtifact) return LoadArtifact(model.dir);
  if (model.kind == ModelKind::kTokenizerOnly) {
    return Fail(ErrorCode::kInvalidData, "model",
                "{}: expected a checkpoint or an artifact, got a tokenizer alone",
                model.dir.string());
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const auto checkpoint, Checkpoint::Open(model.dir));
  ExportOptions recorded = options;
  if (recorded.checkpoint_id.empty()) recorded.checkpoint_id = id_or_path;
  if (recorded.sequence_length == 0) {
    // What is run from the cache is limited by the model, not by the default of an export.
    FAIRLEAD_ASSIGN_OR_RETURN(const auto model,
                              CreateModel(checkpoint->config(), checkpoint->generation_config()));
    recorded.sequence_length = model->Describe().max_positions;
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const fs::path dir,
                            CachedArtifact(*checkpoint, recorded, backend, progress));
  return LoadArtifact(dir);
}

}  // namespace fairlead

#include "artifact/staging.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <random>
#include <utility>

#include "artifact/manifest.h"
#include "base/file.h"
#include "base/log.h"

namespace fairlead {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> SystemError(const fs::path& path, std::string_view action, int code) {
  return Fail(ErrorCode::kIo, "export", "{}: cannot {}: {}", path.string(), action,
              std::strerror(code));
}

std::string HiddenPrefix(const fs::path& target) {
  return fmt::format(".{}.tmp-", target.filename().string());
}

std::string HiddenName(const fs::path& target) {
  std::random_device random;
  return fmt::format("{}{}-{:08x}", HiddenPrefix(target), ::getpid(), random());
}

// The absolute path of `target` without a slash at its end, so that it has a name and a parent.
Result<fs::path> NormalTarget(const fs::path& target) {
  std::error_code error;
  fs::path normal = fs::absolute(target, error).lexically_normal();
  if (!error && !normal.has_filename()) normal = normal.parent_path();
  if (error || target.empty() || !normal.has_filename()) {
    return Fail(ErrorCode::kInvalidArgument, "export", "{}: expected a new folder's name, got {}",
                Quoted(target.string()), error ? error.message() : "none");
  }
  return normal;
}

// Whether `target` may be made or replaced.
Status CheckTarget(const fs::path& target, bool force) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(target, error);
  if (status.type() == fs::file_type::not_found) return {};
  if (status.type() == fs::file_type::none) return SystemError(target, "look at", error.value());
  if (status.type() == fs::file_type::directory) {
    if (fs::is_empty(target, error) && !error) return {};
    const bool artifact = fs::exists(target / kManifestName, error);
    if (artifact && force) return {};
    return Fail(ErrorCode::kInvalidArgument, "export", "{}: expected no such folder, got {}",
                target.string(),
                artifact ? "an artifact; --force replaces it"
                         : "one that is no artifact, which is never replaced");
  }
  return Fail(ErrorCode::kInvalidArgument, "export", "{}: expected no such folder, got a {}",
              target.string(), status.type() == fs::file_type::symlink ? "link" : "file");
}

// A descriptor of the folder with an exclusive lock, or -1 if it is gone or somebody has it.
int TryLock(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -1;
  struct stat info {};
  // A cleaner may have had it, and removed it, between the two calls.
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0 && ::fstat(fd, &info) == 0 && info.st_nlink > 0) {
    return fd;
  }
  ::close(fd);
  return -1;
}

void RemoveTree(const fs::path& folder) {
  std::error_code error;
  fs::remove_all(folder, error);
  if (error) spdlog::warn("[export] {}: cannot remove: {}", folder.string(), error.message());
}

// Removes what processes that are gone left behind.
void RemoveStale(const fs::path& target) {
  const std::string prefix = HiddenPrefix(target);
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(target.parent_path(), error)) {
    if (!entry.path().filename().string().starts_with(prefix)) continue;
    const int fd = TryLock(entry.path());
    if (fd < 0) continue;
    RemoveTree(entry.path());
    ::close(fd);
  }
}

}  // namespace

Result<StagingFolder> StagingFolder::Create(const fs::path& wanted, bool force) {
  FAIRLEAD_ASSIGN_OR_RETURN(const fs::path target, NormalTarget(wanted));
  FAIRLEAD_RETURN_IF_ERROR(CheckTarget(target, force));
  std::error_code error;
  fs::create_directories(target.parent_path(), error);
  if (error) return SystemError(target.parent_path(), "create the folder", error.value());
  RemoveStale(target);
  StagingFolder folder(target, force);
  constexpr int kAttempts = 100;  // more than the cleaners that could get in between
  for (int attempt = 0; attempt < kAttempts && folder.lock_ < 0; ++attempt) {
    const fs::path path = target.parent_path() / HiddenName(target);
    if (::mkdir(path.c_str(), 0777) != 0) {
      if (errno == EEXIST) continue;
      return SystemError(path, "create the folder", errno);
    }
    folder.lock_ = TryLock(path);
    if (folder.lock_ >= 0) folder.path_ = path;
  }
  if (folder.lock_ < 0)
    return SystemError(target.parent_path(), "lock a new folder in", EWOULDBLOCK);
  return folder;
}

StagingFolder::StagingFolder(StagingFolder&& other) noexcept
    : target_(std::move(other.target_)),
      force_(other.force_),
      path_(std::exchange(other.path_, {})),
      lock_(std::exchange(other.lock_, -1)) {}

StagingFolder::~StagingFolder() {
  if (!path_.empty()) RemoveTree(path_);
  if (lock_ >= 0) ::close(lock_);
}

Status StagingFolder::Rename() {
  // Replaces nothing but an empty folder.
  if (::rename(path_.c_str(), target_.c_str()) == 0) {
    path_.clear();
    return {};
  }
  const int code = errno;
  if (code != ENOTEMPTY && code != EEXIST) return SystemError(target_, "rename to", code);
  FAIRLEAD_RETURN_IF_ERROR(CheckTarget(target_, force_));
  // The old artifact takes the hidden name and is removed with it.
  if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) == 0) {
    return {};
  }
  // A file system that cannot exchange: for a moment there is no target.
  const fs::path old = target_.parent_path() / HiddenName(target_);
  if (::rename(target_.c_str(), old.c_str()) != 0) return SystemError(target_, "replace", errno);
  if (::rename(path_.c_str(), target_.c_str()) != 0) {
    const int failure = errno;
    ::rename(old.c_str(), target_.c_str());
    return SystemError(target_, "rename to", failure);
  }
  path_ = old;
  return {};
}

Status StagingFolder::Commit() {
  FAIRLEAD_RETURN_IF_ERROR(SyncDirectory(path_));
  FAIRLEAD_RETURN_IF_ERROR(Rename());
  return SyncDirectory(target_.parent_path());
}

}  // namespace fairlead

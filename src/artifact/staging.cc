#include "artifact/staging.h"

#include <fcntl.h>
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

constexpr std::string_view kInfix = ".tmp-";

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

// Whether a file system is mounted on the folder `target`, over which nothing can be renamed.
bool IsMountPoint(const fs::path& target) {
  struct stat folder {
  }, parent{};
  return ::stat(target.c_str(), &folder) == 0 &&
         ::stat(target.parent_path().c_str(), &parent) == 0 && folder.st_dev != parent.st_dev;
}

// Replacing removes the whole folder: nothing in it may be somebody else's.
Status CheckHoldsArtifactOnly(const fs::path& target) {
  const fs::path weights = fs::path(WeightsName(0, 1)).parent_path();
  std::error_code error;
  for (fs::recursive_directory_iterator entry(target, error), end; !error && entry != end;
       entry.increment(error)) {
    const fs::path name = entry->path().lexically_relative(target);
    const bool known = entry->is_directory(error) && !entry->is_symlink(error)
                           ? name == weights
                           : IsArtifactFile(name.string());
    if (known) continue;
    return Fail(ErrorCode::kInvalidArgument, "export",
                "{}: expected an artifact and nothing else to replace, got {} in it",
                target.string(), Quoted(name.string()));
  }
  if (error) return SystemError(target, "look into", error.value());
  return {};
}

// Whether `target` may be made or replaced.
Status CheckTarget(const fs::path& target, bool force) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(target, error);
  if (status.type() == fs::file_type::not_found) return {};
  if (status.type() == fs::file_type::none) return SystemError(target, "look at", error.value());
  if (status.type() == fs::file_type::directory) {
    if (IsMountPoint(target)) {
      return Fail(ErrorCode::kInvalidArgument, "export",
                  "{}: expected no such folder, got a mount point; name a folder inside it",
                  target.string());
    }
    if (fs::is_empty(target, error) && !error) return {};
    const bool artifact =
        fs::symlink_status(target / kManifestName, error).type() == fs::file_type::regular;
    if (artifact && force) return CheckHoldsArtifactOnly(target);
    return Fail(ErrorCode::kInvalidArgument, "export", "{}: expected no such folder, got {}",
                target.string(),
                artifact ? "an artifact; --force replaces it"
                         : "one that is no artifact, which is never replaced");
  }
  return Fail(ErrorCode::kInvalidArgument, "export", "{}: expected no such folder, got a {}",
              target.string(), status.type() == fs::file_type::symlink ? "link" : "file");
}

void RemoveTree(const fs::path& folder) {
  std::error_code error;
  fs::remove_all(folder, error);
  if (error) spdlog::warn("[export] {}: cannot remove: {}", folder.string(), error.message());
}

// Whether all of `text` is one or more of `digits`.
bool IsMadeOf(std::string_view text, std::string_view digits) {
  return !text.empty() && text.find_first_not_of(digits) == std::string_view::npos;
}

// Removes what processes that are gone left behind.
void RemoveStale(const fs::path& target) {
  std::error_code error;
  fs::directory_iterator item(target.parent_path(), error);
  for (; !error && item != fs::directory_iterator(); item.increment(error)) {
    const std::string name = item->path().filename().string();
    std::error_code gone;
    if (TargetOfTemporary(name) != target.filename().string() ||
        item->symlink_status(gone).type() != fs::file_type::directory) {
      continue;
    }
    const auto lock = PathLock::Try(item->path(), LockMode::kExclusive);
    if (lock) RemoveTree(item->path());
  }
}

}  // namespace

fs::path TemporaryPath(const fs::path& target) {
  std::random_device random;
  return target.parent_path() /
         fmt::format(".{}{}{}-{:08x}", target.filename().string(), kInfix, ::getpid(), random());
}

std::string_view TargetOfTemporary(std::string_view name) {
  const size_t infix = name.rfind(kInfix);
  if (infix == std::string_view::npos || infix < 2 || name[0] != '.') return {};
  const std::string_view suffix = name.substr(infix + kInfix.size());
  const size_t dash = suffix.find('-');
  if (dash == std::string_view::npos || !IsMadeOf(suffix.substr(0, dash), "0123456789") ||
      !IsMadeOf(suffix.substr(dash + 1), "0123456789abcdef")) {
    return {};
  }
  return name.substr(1, infix - 1);
}

Result<StagingFolder> StagingFolder::Create(const fs::path& wanted, bool force) {
  FAIRLEAD_ASSIGN_OR_RETURN(const fs::path target, NormalTarget(wanted));
  FAIRLEAD_RETURN_IF_ERROR(CheckTarget(target, force));
  StagingFolder folder(target, force);
  FAIRLEAD_RETURN_IF_ERROR(folder.MakeParents());
  RemoveStale(target);
  constexpr int kAttempts = 100;  // more than the cleaners that could get in between
  for (int attempt = 0; attempt < kAttempts && !folder.lock_; ++attempt) {
    const fs::path path = TemporaryPath(target);
    if (::mkdir(path.c_str(), 0777) != 0) {
      if (errno == EEXIST) continue;
      return SystemError(path, "create the folder", errno);
    }
    folder.lock_ = PathLock::Wait(path, LockMode::kExclusive);
    if (folder.lock_) folder.path_ = path;
  }
  if (!folder.lock_) return SystemError(target.parent_path(), "lock a new folder in", EWOULDBLOCK);
  return folder;
}

StagingFolder::StagingFolder(StagingFolder&& other) noexcept
    : target_(std::move(other.target_)),
      force_(other.force_),
      made_parents_(std::exchange(other.made_parents_, {})),
      path_(std::exchange(other.path_, {})),
      lock_(std::move(other.lock_)) {}

StagingFolder::~StagingFolder() {
  if (!path_.empty()) RemoveTree(path_);
  for (const fs::path& parent : made_parents_) ::rmdir(parent.c_str());  // unless others use it
}

Status StagingFolder::MakeParents() {
  std::error_code error;
  const fs::path last = target_.parent_path();
  for (fs::path parent = last; !fs::exists(parent, error) && !error;) {
    made_parents_.push_back(parent);
    parent = parent.parent_path();
  }
  fs::create_directories(last, error);
  if (error) return SystemError(last, "create the folder", error.value());
  return {};
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
  const fs::path old = TemporaryPath(target_);
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
  made_parents_.clear();
  return SyncDirectory(target_.parent_path());
}

}  // namespace fairlead

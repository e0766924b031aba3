// Locks on files and folders that end with their holder, even when it is killed (flock).
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <utility>

#include "base/error.h"

namespace fairlead {

enum class LockMode {
  kShared,     // by any number at once
  kExclusive,  // by one, and by none that shares
};

// A held lock. It belongs to the file or folder, not to the name: renaming keeps it.
class PathLock {
 public:
  // Locks what `path` names, never through a link. None if there is nothing by that name, or
  // somebody's lock is in the way.
  static std::optional<PathLock> Try(const std::filesystem::path& path, LockMode mode);
  // The same, but waits while somebody's lock is in the way.
  static std::optional<PathLock> Wait(const std::filesystem::path& path, LockMode mode);

  // Locks the file `path` for this holder alone, made if need be; `on_wait` is called once if
  // somebody else has it first. Such a file may be removed by whoever holds its lock.
  static Result<PathLock> Create(const std::filesystem::path& path,
                                 const std::function<void()>& on_wait);

  PathLock(PathLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  PathLock& operator=(PathLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~PathLock();

 private:
  explicit PathLock(int fd) : fd_(fd) {}

  // Each returns whether it holds the lock; errno says why not.
  bool Lock(LockMode mode) const;
  bool TryLock(LockMode mode) const;
  // Whether `path` still names what was opened: its last holder may have removed or renamed it.
  bool IsNamed(const std::filesystem::path& path) const;

  int fd_;
};

}  // namespace fairlead

#include "artifact/path_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace fairlead {
namespace {

// O_NONBLOCK: opening a FIFO must not hang.
constexpr int kOpenFlags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;

int Operation(LockMode mode) { return mode == LockMode::kShared ? LOCK_SH : LOCK_EX; }

}  // namespace

PathLock::~PathLock() {
  if (fd_ >= 0) ::close(fd_);
}

bool PathLock::TryLock(LockMode mode) const { return ::flock(fd_, Operation(mode) | LOCK_NB) == 0; }

bool PathLock::Lock(LockMode mode) const {
  while (::flock(fd_, Operation(mode)) != 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

bool PathLock::IsNamed(const std::filesystem::path& path) const {
  struct stat opened {
  }, named{};
  return ::fstat(fd_, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

std::optional<PathLock> PathLock::Try(const std::filesystem::path& path, LockMode mode) {
  PathLock lock(::open(path.c_str(), kOpenFlags));
  if (lock.fd_ < 0 || !lock.TryLock(mode) || !lock.IsNamed(path)) return std::nullopt;
  return lock;
}

std::optional<PathLock> PathLock::Wait(const std::filesystem::path& path, LockMode mode) {
  PathLock lock(::open(path.c_str(), kOpenFlags));
  if (lock.fd_ < 0 || !lock.Lock(mode) || !lock.IsNamed(path)) return std::nullopt;
  return lock;
}

Result<PathLock> PathLock::Create(const std::filesystem::path& path,
                                  const std::function<void()>& on_wait) {
  const auto error = [&path](std::string_view action) {
    return Fail(ErrorCode::kIo, "cache", "{}: cannot {}: {}", path.string(), action,
                std::strerror(errno));
  };
  for (bool told = false;;) {
    PathLock lock(::open(path.c_str(), kOpenFlags | O_CREAT, 0666));
    if (lock.fd_ < 0) return error("create the lock file");
    if (!lock.TryLock(LockMode::kExclusive)) {
      if (errno != EWOULDBLOCK) return error("lock");
      if (!std::exchange(told, true)) on_wait();
      if (!lock.Lock(LockMode::kExclusive)) return error("lock");
    }
    if (lock.IsNamed(path)) return lock;
  }
}

}  // namespace fairlead

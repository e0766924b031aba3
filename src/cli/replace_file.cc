#include "cli/replace_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace fairlead {

namespace fs = std::filesystem;

namespace {

// Files alone are made here, by one thread.
mode_t Umask() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return mask;
}

// A new file that is to take the place of `path`, with mode 0600; sets its name. -1 with errno.
int CreateBeside(const fs::path& path, std::string& name) {
  name = path.string() + ".XXXXXX";
  return ::mkostemp(name.data(), O_CLOEXEC);
}

// Tried, as permissions do not tell of names that are too long and of folders such as /proc/self.
bool CanCreateBeside(const fs::path& path) {
  std::string name;
  const int fd = CreateBeside(path, name);
  if (fd < 0) return false;
  ::close(fd);
  ::unlink(name.c_str());
  return true;
}

}  // namespace

Result<FileTarget> FindFileTarget(std::string_view command, const fs::path& path) {
  struct stat found {};
  const bool exists = ::stat(path.c_str(), &found) == 0;
  if (!exists && errno != ENOENT) {
    return Fail(ErrorCode::kIo, command, "{}: {}", path.string(), std::strerror(errno));
  }
  if (exists && !S_ISREG(found.st_mode)) {
    return Fail(ErrorCode::kInvalidArgument, command,
                "{}: expected a regular file, got a folder, device or pipe", path.string());
  }
  FileTarget target{path, std::nullopt};
  if (exists) target.mode = found.st_mode & 07777U;
  // Not more of them than the system would follow.
  std::error_code error;
  for (int links = 0; links < 40 && fs::is_symlink(target.path, error); ++links) {
    target.path = target.path.parent_path() / fs::read_symlink(target.path, error);
  }
  if (!CanCreateBeside(target.path)) {
    return Fail(ErrorCode::kIo, command, "{}: cannot create it: {}", target.path.string(),
                std::strerror(errno));
  }
  return target;
}

Status ReplaceFile(std::string_view command, const FileTarget& target, std::string_view text,
                   mode_t new_mode) {
  std::string name;
  const int fd = CreateBeside(target.path, name);
  const auto refuse = [&](const char* what) {
    const int error = errno;
    if (fd >= 0) ::unlink(name.c_str());
    return Fail(ErrorCode::kIo, command, "{}: cannot {}: {}", target.path.string(), what,
                std::strerror(error));
  };
  if (fd < 0) return refuse("create it");
  size_t at = 0;
  while (at < text.size()) {
    const ssize_t written = ::write(fd, text.data() + at, text.size() - at);
    if (written < 0 && errno != EINTR) break;
    if (written > 0) at += static_cast<size_t>(written);
  }
  const mode_t mode = target.mode.value_or(new_mode & ~Umask());
  const bool complete = at == text.size() && ::fchmod(fd, mode) == 0 && ::fsync(fd) == 0;
  if (::close(fd) != 0 || !complete) return refuse("write it");
  if (::rename(name.c_str(), target.path.c_str()) != 0) return refuse("put it in place");
  return {};
}

}  // namespace fairlead

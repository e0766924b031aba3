#include "cli/chat/history_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "base/file.h"
#include "tokenizer/utf8.h"

namespace fairlead {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostBytes = size_t{16} << 20;
constexpr size_t kMostLines = 1000;
constexpr size_t kLongestLine = 8192;

// Whether the line editor can show it.
bool Usable(const std::string& line) {
  const auto control = [](char byte) {
    return static_cast<unsigned char>(byte) < 0x20 || byte == '\x7f';
  };
  return !line.empty() && line.size() <= kLongestLine && !FindInvalidUtf8(line) &&
         std::none_of(line.begin(), line.end(), control);
}

Status WriteLine(const fs::path& path, const std::string& line, int flags) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
  if (fd < 0) return Fail(ErrorCode::kIo, "chat", "{}: {}", path.string(), std::strerror(errno));
  // One write: lines of chats side by side do not mix.
  const ssize_t written = ::write(fd, line.data(), line.size());
  const int error = errno;
  ::close(fd);
  if (written == static_cast<ssize_t>(line.size())) return {};
  return Fail(ErrorCode::kIo, "chat", "{}: {}", path.string(), std::strerror(error));
}

}  // namespace

HistoryFile HistoryFile::Default() {
  const char* const state = std::getenv("XDG_STATE_HOME");
  const char* const home = std::getenv("HOME");
  fs::path folder;
  if (state != nullptr && *state == '/') {
    folder = state;
  } else if (home != nullptr && *home == '/') {
    folder = fs::path(home) / ".local" / "state";
  } else {
    return HistoryFile({});
  }
  return HistoryFile(folder / "fairlead" / "history");
}

std::vector<std::string> HistoryFile::Read() const {
  std::vector<std::string> lines;
  const auto text = ReadFile(path_, "chat", kMostBytes);
  if (!text) return lines;
  std::istringstream stream(*text);
  for (std::string line; std::getline(stream, line);) {
    if (Usable(line)) lines.push_back(std::move(line));
  }
  if (lines.size() > kMostLines) {
    lines.erase(lines.begin(), lines.end() - static_cast<long>(kMostLines));
  }
  return lines;
}

Status HistoryFile::Append(const std::string& line) const {
  if (path_.empty() || !Usable(line)) return {};
  std::error_code error;
  const fs::path folder = path_.parent_path();
  if (!fs::exists(folder, error)) {
    fs::create_directories(folder, error);
    fs::permissions(folder, fs::perms::owner_all, error);
  }
  // A file that has become too large to read starts over with what is of use.
  if (fs::file_size(path_, error) > kMostBytes / 2 && !error) {
    std::string kept;
    for (const std::string& old : Read()) kept += old + "\n";
    const fs::path shorter = path_.string() + ".new";
    FAIRLEAD_RETURN_IF_ERROR(WriteLine(shorter, kept, O_TRUNC));
    fs::rename(shorter, path_, error);
  }
  return WriteLine(path_, line + "\n", O_APPEND);
}

}  // namespace fairlead

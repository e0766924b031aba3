#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace fairlead {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kWriteWindow = size_t{32} << 20;

tl::unexpected<Error> IoError(std::string_view component, const std::filesystem::path& path,
                              std::string_view action) {
  const int code = errno;
  return Fail(code == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo, component,
              "{}: cannot {}: {}", path.string(), action, std::strerror(code));
}

// Opens a regular file for reading; returns the descriptor and its size.
Result<std::pair<int, size_t>> OpenRegular(const std::filesystem::path& path,
                                           std::string_view component) {
  // O_NONBLOCK: opening a FIFO must fail the regular-file check instead of hanging.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return IoError(component, path, "open");
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    return Fail(ErrorCode::kIo, component, "{}: expected a regular file", path.string());
  }
  return std::pair{fd, static_cast<size_t>(info.st_size)};
}

}  // namespace

Result<std::string> ReadFile(const std::filesystem::path& path, std::string_view component,
                             size_t max_bytes) {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto opened, OpenRegular(path, component));
  const auto [fd, size] = opened;
  if (size > max_bytes) {
    ::close(fd);
    return Fail(ErrorCode::kInvalidData, component, "{}: expected at most {} bytes, got {}",
                path.string(), max_bytes, size);
  }
  std::string text(size, '\0');
  size_t done = 0;
  while (done < size) {
    const ssize_t count = ::read(fd, text.data() + done, size - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      auto error = IoError(component, path, "read");
      ::close(fd);
      return error;
    }
    if (count == 0) break;
    done += static_cast<size_t>(count);
  }
  ::close(fd);
  text.resize(done);
  return text;
}

Result<std::shared_ptr<const MappedFile>> MappedFile::Open(const std::filesystem::path& path) {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto opened, OpenRegular(path, "file"));
  const auto [fd, size] = opened;
  if (size == 0) {
    ::close(fd);
    return std::shared_ptr<const MappedFile>(new MappedFile(path, {}, nullptr, 0));
  }
  // Reserve an address range with room to align, then map the file over its aligned part.
  const size_t reserved = size + 2 * kHugePage;
  void* base =
      ::mmap(nullptr, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) {
    ::close(fd);
    return IoError("file", path, "reserve address space for");
  }
  const uintptr_t aligned =
      (reinterpret_cast<uintptr_t>(base) + kHugePage - 1) / kHugePage * kHugePage;
  void* address =
      ::mmap(reinterpret_cast<void*>(aligned), size, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
  if (address == MAP_FAILED) {
    auto error = IoError("file", path, "map");
    ::munmap(base, reserved);
    ::close(fd);
    return error;
  }
  ::close(fd);
  ::madvise(address, size, MADV_HUGEPAGE);  // a hint: refusal only costs speed
  return std::shared_ptr<const MappedFile>(
      new MappedFile(path, {static_cast<const std::byte*>(address), size}, base, reserved));
}

MappedFile::MappedFile(std::filesystem::path path, std::span<const std::byte> bytes,
                       void* reservation, size_t reserved_bytes)
    : path_(std::move(path)),
      bytes_(bytes),
      reservation_(reservation),
      reserved_bytes_(reserved_bytes) {}

MappedFile::~MappedFile() {
  if (reservation_ != nullptr) ::munmap(reservation_, reserved_bytes_);
}

Result<FileWriter> FileWriter::Create(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return IoError("file", path, "create");
  return FileWriter(fd, path);
}

FileWriter::FileWriter(FileWriter&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      path_(std::move(other.path_)),
      position_(other.position_),
      started_(other.started_) {}

FileWriter::~FileWriter() {
  if (fd_ >= 0) ::close(fd_);
}

Status FileWriter::Write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd_, bytes.data(), std::min(bytes.size(), size_t{1} << 30));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return IoError("file", path_, "write");
    bytes = bytes.subspan(static_cast<size_t>(count));
    position_ += static_cast<size_t>(count);
  }
  WriteBehind();
  return {};
}

// Keeps at most two windows of a large file dirty: the memory of the page cache is not taken from
// others, and the flush at the end has little left to do. Only a hint: Close reports what failed.
void FileWriter::WriteBehind() {
  while (position_ - started_ >= kWriteWindow) {
    ::sync_file_range(fd_, static_cast<off64_t>(started_), kWriteWindow, SYNC_FILE_RANGE_WRITE);
    if (started_ >= kWriteWindow) {
      ::sync_file_range(
          fd_, static_cast<off64_t>(started_ - kWriteWindow), kWriteWindow,
          SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
    }
    started_ += kWriteWindow;
  }
}

Status FileWriter::Write(std::string_view text) { return Write(std::as_bytes(std::span(text))); }

Status FileWriter::Close(bool drop_cache) {
  const int fd = std::exchange(fd_, -1);
  const bool synced = ::fsync(fd) == 0;
  if (synced && drop_cache) ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  const bool closed = ::close(fd) == 0;
  if (!synced || !closed) return IoError("file", path_, "flush");
  return {};
}

Status SyncDirectory(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return IoError("file", path, "open");
  const bool synced = ::fsync(fd) == 0;
  ::close(fd);
  if (!synced) return IoError("file", path, "flush");
  return {};
}

}  // namespace fairlead

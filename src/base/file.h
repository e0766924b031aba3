// Files: whole reads, read-only memory maps, and writes that are either complete or absent.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace fairlead {

// The whole file as bytes; refuses directories and files over `max_bytes`.
Result<std::string> ReadFile(const std::filesystem::path& path, std::string_view component,
                             size_t max_bytes);

// A read-only memory map of a whole file, unmapped when the last reference goes.
class MappedFile {
 public:
  // Fails for a missing, unreadable or non-regular file. An empty file maps to an empty span.
  static Result<std::shared_ptr<const MappedFile>> Open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  MappedFile(std::filesystem::path path, std::span<const std::byte> bytes, void* reservation,
             size_t reserved_bytes);

  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
  void* reservation_;  // the address range the map lives in, aligned to 2 MiB for huge pages
  size_t reserved_bytes_;
};

// A file being written sequentially. Nothing is visible under another name until the folder that
// holds it is renamed by its owner; Close() flushes to the disk (fsync) and reports what failed.
class FileWriter {
 public:
  static Result<FileWriter> Create(const std::filesystem::path& path);
  FileWriter(FileWriter&& other) noexcept;
  FileWriter& operator=(FileWriter&&) = delete;
  ~FileWriter();

  Status Write(std::span<const std::byte> bytes);
  Status Write(std::string_view text);
  // fsync and close; also drops the pages from the page cache when `drop_cache` is set, so that a
  // later map can be given huge pages.
  Status Close(bool drop_cache = false);
  size_t position() const { return position_; }

 private:
  FileWriter(int fd, std::filesystem::path path) : fd_(fd), path_(std::move(path)) {}

  void WriteBehind();

  int fd_;
  std::filesystem::path path_;
  size_t position_ = 0;
  size_t started_ = 0;  // bytes whose way to the disk has begun
};

// Flushes a folder's entries to the disk, so that a rename in it survives a crash.
Status SyncDirectory(const std::filesystem::path& path);

}  // namespace fairlead

// Reading and writing safetensors files (https://github.com/huggingface/safetensors).
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/tensor.h"
#include "checkpoint/safetensors_header.h"

namespace fairlead {

// A safetensors file over a memory map. Opening checks the whole header; nothing is copied.
class SafetensorsFile {
 public:
  // Fails with one line that names the file, and the tensor where one is at fault.
  static Result<std::shared_ptr<const SafetensorsFile>> Open(const std::filesystem::path& path);

  // A view into the map, valid as long as this object. The format aligns data to nothing: read
  // elements with TensorView::At or memcpy unless the writer is known to have aligned them.
  std::optional<TensorView> Find(std::string_view name) const;

  // All tensors, in the order of their data.
  const std::vector<SafetensorsEntry>& entries() const { return header_.entries; }
  std::vector<std::string> names() const;
  const std::map<std::string, std::string>& metadata() const { return header_.metadata; }
  const std::filesystem::path& path() const { return file_->path(); }
  size_t file_bytes() const { return file_->bytes().size(); }

 private:
  SafetensorsFile(std::shared_ptr<const MappedFile> file, SafetensorsHeader header);

  std::shared_ptr<const MappedFile> file_;
  SafetensorsHeader header_;
  std::map<std::string_view, size_t> by_name_;  // into header_.entries
};

// What a writer will be given, declared before the first byte because the header comes first.
struct SafetensorsDeclaration {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
};

// Writes a file tensor by tensor in bounded memory. The data section starts at a multiple of 64
// bytes; tensors follow each other without gaps, as the format demands.
class SafetensorsWriter {
 public:
  // Creates `path` and writes its header. Fails for a name given twice or a shape too large.
  static Result<SafetensorsWriter> Create(const std::filesystem::path& path,
                                          const std::vector<SafetensorsDeclaration>& tensors,
                                          const std::map<std::string, std::string>& metadata = {});

  // Appends bytes of `name`, in as many pieces as the caller likes. Tensors are written in the
  // declared order; another name, or more bytes than declared, is an error.
  Status Append(std::string_view name, std::span<const std::byte> bytes);

  // Checks that everything declared was written, and flushes to the disk. `drop_cache` as in
  // FileWriter::Close.
  Status Finish(bool drop_cache = false);

  // Bytes of the file so far, and when finished.
  size_t position() const { return file_.position(); }
  size_t total_bytes() const { return total_bytes_; }

 private:
  struct Pending {
    std::string name;
    size_t bytes;
  };

  SafetensorsWriter(FileWriter file, std::filesystem::path path, std::vector<Pending> tensors,
                    size_t total_bytes);
  void SkipComplete();

  FileWriter file_;
  std::filesystem::path path_;
  std::vector<Pending> tensors_;
  size_t total_bytes_;
  size_t current_ = 0;  // index of the tensor being written
  size_t written_ = 0;  // bytes of it
};

// Writes tensors that are all in memory.
Status WriteSafetensors(const std::filesystem::path& path,
                        const std::vector<std::pair<std::string, TensorView>>& tensors,
                        const std::map<std::string, std::string>& metadata = {});

}  // namespace fairlead

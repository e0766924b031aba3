#include "checkpoint/checkpoint.h"

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace fairlead {
namespace {

constexpr std::string_view kSingleFile = "model.safetensors";
constexpr std::string_view kIndexFile = "model.safetensors.index.json";
constexpr size_t kMaxConfigBytes = size_t{16} << 20;
constexpr size_t kMaxIndexBytes = size_t{100} << 20;

// What Identity reads of a tensor: everything up to kWholeBytes, else three samples.
constexpr size_t kWholeBytes = size_t{64} << 10;
constexpr size_t kSampleBytes = size_t{4} << 10;

template <typename... Args>
tl::unexpected<Error> Invalid(const std::filesystem::path& object,
                              fmt::format_string<Args...> format, Args&&... args) {
  return Fail(ErrorCode::kInvalidData, "checkpoint", "{}: {}", object.string(),
              fmt::format(format, std::forward<Args>(args)...));
}

// Whether `name` stays in its folder when appended to it.
bool IsPlainFileName(std::string_view name) {
  return !name.empty() && name.front() != '.' && name.size() <= 255 &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

Result<Json> ParseObject(std::string_view text, const std::filesystem::path& path) {
  FAIRLEAD_ASSIGN_OR_RETURN(Json json, ParseJson(text, "checkpoint", path.string()));
  if (!json.is_object()) return Invalid(path, "expected an object, got {}", json.type_name());
  return json;
}

// Tensor name -> shard file name, from the text of an index.
Result<std::map<std::string, std::string>> ParseWeightMap(const Json& index,
                                                          const std::filesystem::path& path) {
  const auto weight_map = index.find("weight_map");
  if (weight_map == index.end() || !weight_map->is_object() || weight_map->empty()) {
    return Invalid(path, "weight_map: expected an object with the file of each tensor, got {}",
                   weight_map == index.end() ? "nothing"
                   : weight_map->is_object() ? "an empty one"
                                             : weight_map->type_name());
  }
  std::map<std::string, std::string> files;
  for (const auto& [name, file] : weight_map->get_ref<const Json::object_t&>()) {
    if (!file.is_string()) {
      return Invalid(path, "weight_map: tensor {}: expected a file name, got {}", Quoted(name),
                     file.type_name());
    }
    const auto& file_name = file.get_ref<const std::string&>();
    if (!IsPlainFileName(file_name)) {
      return Invalid(path, "weight_map: tensor {}: expected a plain file name, got {}",
                     Quoted(name), Quoted(file_name));
    }
    files.emplace(name, file_name);
  }
  return files;
}

class Hasher {
 public:
  Hasher() : state_(XXH3_createState()) { XXH3_128bits_reset(state_); }
  ~Hasher() { XXH3_freeState(state_); }
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  void Add(uint64_t value) { XXH3_128bits_update(state_, &value, sizeof(value)); }
  // The length goes in too, so that neighbouring texts cannot trade characters.
  void Add(std::string_view text) {
    Add(uint64_t{text.size()});
    XXH3_128bits_update(state_, text.data(), text.size());
  }
  std::string Digest() const {
    const XXH128_hash_t hash = XXH3_128bits_digest(state_);
    return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
  }

 private:
  XXH3_state_t* state_;
};

// Adds name, size and time of a file, without reading it.
Status AddFileIdentity(const std::filesystem::path& path, Hasher& hasher) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  const auto time =
      error ? std::filesystem::file_time_type() : std::filesystem::last_write_time(path, error);
  if (error) {
    return Fail(ErrorCode::kIo, "checkpoint", "{}: cannot read its size and time: {}",
                path.string(), error.message());
  }
  hasher.Add(path.filename().string());
  hasher.Add(uint64_t{size});
  hasher.Add(static_cast<uint64_t>(time.time_since_epoch().count()));
  return {};
}

// Reads pieces of a file. Not through its map, where each touch of a cold page may fetch a huge
// one.
class PieceReader {
 public:
  static Result<PieceReader> Open(const std::filesystem::path& path) {
    PieceReader reader(::open(path.c_str(), O_RDONLY | O_CLOEXEC), path);
    if (reader.fd_ < 0) return reader.IoError("open", errno);
    ::posix_fadvise(reader.fd_, 0, 0, POSIX_FADV_RANDOM);  // a hint: nothing is read ahead
    return reader;
  }
  PieceReader(PieceReader&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}
  PieceReader& operator=(PieceReader&&) = delete;
  ~PieceReader() {
    if (fd_ >= 0) ::close(fd_);
  }

  Result<std::string> Read(size_t offset, size_t bytes) const {
    std::string piece(bytes, '\0');
    for (size_t done = 0; done < bytes;) {
      const ssize_t count =
          ::pread(fd_, piece.data() + done, bytes - done, static_cast<off_t>(offset + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return IoError("read", errno);
      if (count == 0) return Invalid(path_, "truncated while it was read");
      done += static_cast<size_t>(count);
    }
    return piece;
  }

 private:
  PieceReader(int fd, std::filesystem::path path) : fd_(fd), path_(std::move(path)) {}
  tl::unexpected<Error> IoError(std::string_view action, int code) const {
    return Fail(ErrorCode::kIo, "checkpoint", "{}: cannot {}: {}", path_.string(), action,
                std::strerror(code));
  }

  int fd_;
  std::filesystem::path path_;
};

Status AddSamples(const SafetensorsEntry& entry, const PieceReader& file, Hasher& hasher) {
  const size_t size = entry.end - entry.begin;
  if (size <= kWholeBytes) {
    FAIRLEAD_ASSIGN_OR_RETURN(const std::string all, file.Read(entry.begin, size));
    hasher.Add(all);
    return {};
  }
  for (const size_t offset : {size_t{0}, (size - kSampleBytes) / 2, size - kSampleBytes}) {
    FAIRLEAD_ASSIGN_OR_RETURN(const std::string sample,
                              file.Read(entry.begin + offset, kSampleBytes));
    hasher.Add(sample);
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const Checkpoint>> Checkpoint::Open(const std::filesystem::path& dir) {
  std::shared_ptr<Checkpoint> checkpoint(new Checkpoint(dir));
  FAIRLEAD_RETURN_IF_ERROR(checkpoint->ReadConfigs());
  std::error_code ignored;
  if (std::filesystem::exists(dir / kSingleFile, ignored)) {  // preferred, as in transformers
    FAIRLEAD_RETURN_IF_ERROR(checkpoint->OpenFile(std::string(kSingleFile)));
  } else if (std::filesystem::exists(dir / kIndexFile, ignored)) {
    FAIRLEAD_RETURN_IF_ERROR(checkpoint->OpenShards());
  } else {
    return Fail(ErrorCode::kNotFound, "checkpoint", "{}: expected {} or {}, got neither",
                dir.string(), kSingleFile, kIndexFile);
  }
  return checkpoint;
}

Status Checkpoint::ReadConfigs() {
  const auto config_path = dir_ / "config.json";
  FAIRLEAD_ASSIGN_OR_RETURN(config_text_, ReadFile(config_path, "checkpoint", kMaxConfigBytes));
  FAIRLEAD_ASSIGN_OR_RETURN(config_, ParseObject(config_text_, config_path));
  const auto generation_path = dir_ / "generation_config.json";
  std::error_code ignored;
  if (!std::filesystem::exists(generation_path, ignored)) return {};
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string text,
                            ReadFile(generation_path, "checkpoint", kMaxConfigBytes));
  FAIRLEAD_ASSIGN_OR_RETURN(generation_config_, ParseObject(text, generation_path));
  return {};
}

Status Checkpoint::OpenFile(const std::string& file_name) {
  FAIRLEAD_ASSIGN_OR_RETURN(auto file, SafetensorsFile::Open(dir_ / file_name));
  for (const SafetensorsEntry& entry : file->entries()) {
    const auto [owner, inserted] = owners_.emplace(entry.name, file.get());
    if (!inserted) {
      return Invalid(dir_, "tensor {}: expected one file to hold it, got {} and {}",
                     Quoted(entry.name), owner->second->path().filename().string(), file_name);
    }
  }
  files_.push_back(std::move(file));
  return {};
}

Status Checkpoint::OpenShards() {
  const auto index_path = dir_ / kIndexFile;
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string text,
                            ReadFile(index_path, "checkpoint", kMaxIndexBytes));
  FAIRLEAD_ASSIGN_OR_RETURN(const Json index, ParseObject(text, index_path));
  FAIRLEAD_ASSIGN_OR_RETURN(const auto weight_map, ParseWeightMap(index, index_path));
  std::map<std::string, std::string> shards;  // file -> a tensor that the index places there
  for (const auto& [name, file_name] : weight_map) shards.emplace(file_name, name);
  for (const auto& [file_name, name] : shards) {
    std::error_code ignored;
    if (!std::filesystem::exists(dir_ / file_name, ignored)) {
      return Fail(ErrorCode::kNotFound, "checkpoint",
                  "{}: missing shard: the index places {} in it", (dir_ / file_name).string(),
                  Quoted(name));
    }
    FAIRLEAD_RETURN_IF_ERROR(OpenFile(file_name));
  }
  for (const auto& [name, file_name] : weight_map) {
    const auto owner = owners_.find(name);
    if (owner == owners_.end() || owner->second->path().filename() != file_name) {
      return Invalid(dir_ / file_name,
                     "expected tensor {} as the index says, got none by that name", Quoted(name));
    }
  }
  return {};
}

std::optional<TensorView> Checkpoint::Find(std::string_view name) const {
  const auto owner = owners_.find(name);
  if (owner == owners_.end()) return std::nullopt;
  return owner->second->Find(name);
}

std::vector<std::string> Checkpoint::names() const {
  std::vector<std::string> names;
  names.reserve(owners_.size());
  for (const auto& file : files_) {
    for (const SafetensorsEntry& entry : file->entries()) names.push_back(entry.name);
  }
  return names;
}

Result<std::string> Checkpoint::Fingerprint() const {
  Hasher hasher;
  hasher.Add(config_text_);
  hasher.Add(generation_config_.dump());
  for (const auto& file : files_) {
    FAIRLEAD_RETURN_IF_ERROR(AddFileIdentity(file->path(), hasher));
    for (const SafetensorsEntry& entry : file->entries()) {
      hasher.Add(entry.name);
      hasher.Add(DTypeName(entry.dtype));
      hasher.Add(ShapeString(entry.shape));
    }
  }
  std::error_code ignored;
  const auto tokenizer = dir_ / "tokenizer.json";
  if (std::filesystem::exists(tokenizer, ignored)) {
    FAIRLEAD_RETURN_IF_ERROR(AddFileIdentity(tokenizer, hasher));
  }
  return hasher.Digest();
}

Result<std::string> Checkpoint::Identity() const {
  struct Located {
    const SafetensorsEntry* entry;
    size_t file;
  };
  std::vector<PieceReader> readers;
  std::vector<Located> tensors;
  readers.reserve(files_.size());
  tensors.reserve(owners_.size());
  for (const auto& file : files_) {
    for (const SafetensorsEntry& entry : file->entries()) {
      tensors.push_back({&entry, readers.size()});
    }
    FAIRLEAD_ASSIGN_OR_RETURN(PieceReader reader, PieceReader::Open(file->path()));
    readers.push_back(std::move(reader));
  }
  std::sort(tensors.begin(), tensors.end(),
            [](const Located& a, const Located& b) { return a.entry->name < b.entry->name; });
  Hasher hasher;
  hasher.Add(config_text_);
  for (const Located& tensor : tensors) {
    hasher.Add(tensor.entry->name);
    hasher.Add(DTypeName(tensor.entry->dtype));
    hasher.Add(ShapeString(tensor.entry->shape));
    FAIRLEAD_RETURN_IF_ERROR(AddSamples(*tensor.entry, readers[tensor.file], hasher));
  }
  return hasher.Digest();
}

}  // namespace fairlead

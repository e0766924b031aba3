#include "checkpoint/safetensors.h"

#include "base/json.h"

namespace fairlead {
namespace {

constexpr size_t kDataAlignment = 64;

// The length field and the header text, padded with spaces up to the data section.
std::string FormatHeader(const std::vector<SafetensorsDeclaration>& tensors,
                         const std::map<std::string, std::string>& metadata) {
  Json json = Json::object();
  if (!metadata.empty()) json["__metadata__"] = metadata;
  auto& members = json.get_ref<Json::object_t&>();  // appended to directly: operator[] searches
  size_t offset = 0;
  for (const auto& tensor : tensors) {
    const size_t end =
        offset + static_cast<size_t>(NumElements(tensor.shape)) * DTypeSize(tensor.dtype);
    members.emplace_back(tensor.name, Json{{"dtype", DTypeName(tensor.dtype)},
                                           {"shape", tensor.shape},
                                           {"data_offsets", {offset, end}}});
    offset = end;
  }
  std::string text = DumpJson(json);
  text.append((kDataAlignment - (8 + text.size()) % kDataAlignment) % kDataAlignment, ' ');
  std::string length;
  for (int i = 0; i < 8; ++i) length += static_cast<char>(text.size() >> (8 * i));
  return length + text;
}

}  // namespace

Result<std::shared_ptr<const SafetensorsFile>> SafetensorsFile::Open(
    const std::filesystem::path& path) {
  FAIRLEAD_ASSIGN_OR_RETURN(auto file, MappedFile::Open(path));
  FAIRLEAD_ASSIGN_OR_RETURN(auto header, ParseSafetensorsHeader(file->bytes(), path.string()));
  return std::shared_ptr<const SafetensorsFile>(
      new SafetensorsFile(std::move(file), std::move(header)));
}

SafetensorsFile::SafetensorsFile(std::shared_ptr<const MappedFile> file, SafetensorsHeader header)
    : file_(std::move(file)), header_(std::move(header)) {
  for (size_t i = 0; i < header_.entries.size(); ++i) by_name_[header_.entries[i].name] = i;
}

std::optional<TensorView> SafetensorsFile::Find(std::string_view name) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return std::nullopt;
  const SafetensorsEntry& entry = header_.entries[found->second];
  return TensorView{entry.dtype, entry.shape,
                    file_->bytes().subspan(entry.begin, entry.end - entry.begin)};
}

std::vector<std::string> SafetensorsFile::names() const {
  std::vector<std::string> names;
  for (const SafetensorsEntry& entry : header_.entries) names.push_back(entry.name);
  return names;
}

SafetensorsWriter::SafetensorsWriter(FileWriter file, std::filesystem::path path,
                                     std::vector<Pending> tensors, size_t total_bytes)
    : file_(std::move(file)),
      path_(std::move(path)),
      tensors_(std::move(tensors)),
      total_bytes_(total_bytes) {
  SkipComplete();
}

Result<SafetensorsWriter> SafetensorsWriter::Create(
    const std::filesystem::path& path, const std::vector<SafetensorsDeclaration>& tensors,
    const std::map<std::string, std::string>& metadata) {
  std::vector<Pending> pending;
  std::map<std::string_view, size_t> seen;
  size_t data_bytes = 0;
  for (const SafetensorsDeclaration& tensor : tensors) {
    const std::string object = fmt::format("{}: tensor {}", path.string(), Quoted(tensor.name));
    if (tensor.name == "__metadata__" || !seen.emplace(tensor.name, pending.size()).second) {
      return Fail(ErrorCode::kInvalidArgument, "safetensors", "{}: name is already taken", object);
    }
    FAIRLEAD_ASSIGN_OR_RETURN(const size_t bytes, TensorBytes(tensor.dtype, tensor.shape, object));
    pending.push_back({tensor.name, bytes});
    data_bytes += bytes;
  }
  const std::string header = FormatHeader(tensors, metadata);
  if (header.size() - 8 > kMaxSafetensorsHeaderBytes) {
    return Fail(ErrorCode::kInvalidArgument, "safetensors",
                "{}: expected a header of at most {} bytes, got {}", path.string(),
                kMaxSafetensorsHeaderBytes, header.size() - 8);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(FileWriter file, FileWriter::Create(path));
  FAIRLEAD_RETURN_IF_ERROR(file.Write(header));
  return SafetensorsWriter(std::move(file), path, std::move(pending), header.size() + data_bytes);
}

void SafetensorsWriter::SkipComplete() {
  while (current_ < tensors_.size() && written_ == tensors_[current_].bytes) {
    ++current_;
    written_ = 0;
  }
}

Status SafetensorsWriter::Append(std::string_view name, std::span<const std::byte> bytes) {
  if (bytes.empty()) return {};
  if (current_ == tensors_.size() || tensors_[current_].name != name) {
    return Fail(ErrorCode::kInternal, "safetensors", "{}: expected bytes of {}, got {}",
                path_.string(),
                current_ == tensors_.size() ? "no further tensor" : tensors_[current_].name, name);
  }
  if (bytes.size() > tensors_[current_].bytes - written_) {
    return Fail(ErrorCode::kInternal, "safetensors",
                "{}: tensor {}: expected {} more bytes, got {}", path_.string(), name,
                tensors_[current_].bytes - written_, bytes.size());
  }
  FAIRLEAD_RETURN_IF_ERROR(file_.Write(bytes));
  written_ += bytes.size();
  SkipComplete();
  return {};
}

Status SafetensorsWriter::Finish(bool drop_cache) {
  if (current_ < tensors_.size()) {
    return Fail(ErrorCode::kInternal, "safetensors", "{}: tensor {}: expected {} bytes, got {}",
                path_.string(), tensors_[current_].name, tensors_[current_].bytes, written_);
  }
  return file_.Close(drop_cache);
}

Status WriteSafetensors(const std::filesystem::path& path,
                        const std::vector<std::pair<std::string, TensorView>>& tensors,
                        const std::map<std::string, std::string>& metadata) {
  std::vector<SafetensorsDeclaration> declarations;
  declarations.reserve(tensors.size());
  for (const auto& [name, view] : tensors) declarations.push_back({name, view.dtype, view.shape});
  FAIRLEAD_ASSIGN_OR_RETURN(SafetensorsWriter writer,
                            SafetensorsWriter::Create(path, declarations, metadata));
  for (const auto& [name, view] : tensors) {
    FAIRLEAD_RETURN_IF_ERROR(writer.Append(name, view.bytes));
  }
  return writer.Finish();
}

}  // namespace fairlead

#include "checkpoint/safetensors_header.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "base/json.h"

namespace fairlead {
namespace {

constexpr size_t kLengthBytes = 8;  // the header's length, little-endian

template <typename... Args>
tl::unexpected<Error> Invalid(std::string_view object, fmt::format_string<Args...> format,
                              Args&&... args) {
  return Fail(ErrorCode::kInvalidData, "safetensors", "{}: {}", object,
              fmt::format(format, std::forward<Args>(args)...));
}

// The text of the header, once its length is known to lie inside the file.
Result<std::string_view> HeaderText(std::span<const std::byte> file, std::string_view object) {
  if (file.size() < kLengthBytes) {
    return Invalid(object, "expected at least {} bytes, got {}", kLengthBytes, file.size());
  }
  uint64_t length = 0;
  for (size_t i = kLengthBytes; i-- > 0;) length = length << 8 | static_cast<uint64_t>(file[i]);
  if (length > kMaxSafetensorsHeaderBytes) {
    return Invalid(object, "expected a header of at most {} bytes, got {}",
                   kMaxSafetensorsHeaderBytes, length);
  }
  if (length > file.size() - kLengthBytes) {
    return Invalid(object, "truncated: expected a header of {} bytes, got {}", length,
                   file.size() - kLengthBytes);
  }
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + kLengthBytes, length);
  if (!text.starts_with('{')) return Invalid(object, "expected a header that starts with '{{'");
  return text;
}

Result<std::map<std::string, std::string>> ParseMetadata(const Json& json,
                                                         std::string_view object) {
  if (!json.is_object()) {
    return Invalid(object, "__metadata__: expected an object, got {}", json.type_name());
  }
  std::map<std::string, std::string> metadata;
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) {
      return Invalid(object, "__metadata__ {}: expected a string, got {}", Quoted(key),
                     value.type_name());
    }
    metadata.emplace(key, value.get<std::string>());
  }
  return metadata;
}

// The member `key` as an array of integers in [0, 2^63).
Result<std::vector<int64_t>> ParseIntegers(const Json& json, const char* key,
                                           std::string_view object) {
  const auto member = json.find(key);
  if (member == json.end() || !member->is_array()) {
    return Invalid(object, "{}: expected an array, got {}", key,
                   member == json.end() ? "nothing" : member->type_name());
  }
  std::vector<int64_t> values;
  values.reserve(member->size());
  for (const Json& value : *member) {
    if (!value.is_number_unsigned() ||
        value.get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()}) {
      return Invalid(object, "{}: expected integers from 0 to 2^63 - 1, got {}", key,
                     value.is_primitive() && !value.is_string() ? value.dump() : value.type_name());
    }
    values.push_back(value.get<int64_t>());
  }
  return values;
}

// One tensor's declaration; begin and end are still relative to the data section.
Result<SafetensorsEntry> ParseEntry(const std::string& name, const Json& json,
                                    std::string_view file_object) {
  const std::string object = fmt::format("{}: tensor {}", file_object, Quoted(name));
  if (!json.is_object()) return Invalid(object, "expected an object, got {}", json.type_name());
  const auto dtype_member = json.find("dtype");
  if (dtype_member == json.end() || !dtype_member->is_string()) {
    return Invalid(object, "dtype: expected a string, got {}",
                   dtype_member == json.end() ? "nothing" : dtype_member->type_name());
  }
  const auto& dtype_name = dtype_member->get_ref<const std::string&>();
  const std::optional<DType> dtype = ParseDType(dtype_name);
  if (!dtype) {
    return Invalid(object, "dtype: expected a type such as F32, BF16 or U8, got {}",
                   Quoted(dtype_name));
  }
  SafetensorsEntry entry{name, *dtype, {}, 0, 0};
  FAIRLEAD_ASSIGN_OR_RETURN(entry.shape, ParseIntegers(json, "shape", object));
  FAIRLEAD_ASSIGN_OR_RETURN(const auto offsets, ParseIntegers(json, "data_offsets", object));
  if (offsets.size() != 2 || offsets[0] > offsets[1]) {
    return Invalid(
        object, "data_offsets: expected [begin, end] with begin <= end, got {}",
        offsets.size() == 2 ? ShapeString(offsets) : fmt::format("{} numbers", offsets.size()));
  }
  entry.begin = static_cast<size_t>(offsets[0]);
  entry.end = static_cast<size_t>(offsets[1]);
  FAIRLEAD_ASSIGN_OR_RETURN(const size_t bytes, TensorBytes(*dtype, entry.shape, object));
  if (entry.end - entry.begin != bytes) {
    return Invalid(object, "expected {} bytes for {} {}, got {}", bytes, DTypeName(*dtype),
                   ShapeString(entry.shape), entry.end - entry.begin);
  }
  return entry;
}

// Checks that the entries, sorted by offset, cover exactly `data_bytes` bytes.
Status CheckCoverage(const std::vector<SafetensorsEntry>& entries, size_t data_bytes,
                     std::string_view object) {
  size_t covered = 0;
  for (const SafetensorsEntry& entry : entries) {
    if (entry.begin != covered) {
      return Invalid(
          object, "tensor {}: expected data to begin at {}, got {} ({})", Quoted(entry.name),
          covered, entry.begin,
          entry.begin < covered ? "overlaps the tensor before it" : "leaves a hole before it");
    }
    if (entry.end > data_bytes) {
      return Invalid(object,
                     "tensor {}: truncated: expected data up to byte {}, got a data section of {}",
                     Quoted(entry.name), entry.end, data_bytes);
    }
    covered = entry.end;
  }
  if (covered != data_bytes) {
    return Invalid(object, "expected {} bytes of data, got {}", covered, data_bytes);
  }
  return {};
}

}  // namespace

Result<size_t> TensorBytes(DType dtype, const Shape& shape, std::string_view object) {
  int64_t bytes = DTypeSize(dtype);
  for (int64_t dimension : shape) {
    if (dimension < 0 || __builtin_mul_overflow(bytes, dimension, &bytes)) {
      return Invalid(object, "shape: expected a size below 2^63 bytes, got {}",
                     Quoted(ShapeString(shape)));
    }
  }
  return static_cast<size_t>(bytes);
}

Result<SafetensorsHeader> ParseSafetensorsHeader(std::span<const std::byte> file,
                                                 std::string_view object) {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string_view text, HeaderText(file, object));
  FAIRLEAD_ASSIGN_OR_RETURN(const Json json, ParseJson(text, "safetensors", object));
  SafetensorsHeader header;
  header.entries.reserve(json.size());
  for (const auto& [name, value] : json.get_ref<const Json::object_t&>()) {
    if (name == "__metadata__") {
      FAIRLEAD_ASSIGN_OR_RETURN(header.metadata, ParseMetadata(value, object));
      continue;
    }
    FAIRLEAD_ASSIGN_OR_RETURN(SafetensorsEntry entry, ParseEntry(name, value, object));
    header.entries.push_back(std::move(entry));
  }
  std::sort(header.entries.begin(), header.entries.end(),
            [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
              return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
            });
  const size_t data_begin = kLengthBytes + text.size();
  FAIRLEAD_RETURN_IF_ERROR(CheckCoverage(header.entries, file.size() - data_begin, object));
  for (SafetensorsEntry& entry : header.entries) {
    entry.begin += data_begin;
    entry.end += data_begin;
  }
  return header;
}

}  // namespace fairlead

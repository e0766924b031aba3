// The header of a safetensors file: parsing and checking it without touching the data.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "base/error.h"
#include "base/tensor.h"

namespace fairlead {

// The limit of the official reader (huggingface/safetensors, MAX_HEADER_SIZE).
inline constexpr size_t kMaxSafetensorsHeaderBytes = 100'000'000;

// One tensor as the header declares it; offsets count bytes from the start of the file.
struct SafetensorsEntry {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
  size_t begin = 0;
  size_t end = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  // in the order of their data
  std::map<std::string, std::string> metadata;
};

// Parses the header at the start of `file`, the bytes of the whole file, and checks it as the
// official reader does: every tensor's size equals shape x dtype, and the tensors cover the data
// without overlap, hole or remainder. `object` names the file in errors.
Result<SafetensorsHeader> ParseSafetensorsHeader(std::span<const std::byte> file,
                                                 std::string_view object);

// Bytes of a tensor, or an error that says the shape is negative or too large.
Result<size_t> TensorBytes(DType dtype, const Shape& shape, std::string_view object);

}  // namespace fairlead

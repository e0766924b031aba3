// Safetensors bytes put together by hand, so that tests can break them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fairlead {

// The length field for `header`, the header itself, and `data_bytes` bytes of data.
inline std::string RawSafetensors(std::string_view header, size_t data_bytes) {
  std::string file;
  for (int i = 0; i < 8; ++i) file += static_cast<char>(uint64_t{header.size()} >> (8 * i));
  file += header;
  file.append(data_bytes, '\x01');
  return file;
}

}  // namespace fairlead

// Safetensors files from any bytes: refused with one line, or every tensor lies inside the file.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "checkpoint/safetensors_header.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

void Parse(std::span<const std::byte> file) {
  const auto header = fairlead::ParseSafetensorsHeader(file, "fuzz");
  if (!header) {
    Require(header.error().message.find('\n') == std::string::npos);
    return;
  }
  size_t expected_begin = header->entries.empty() ? 0 : header->entries.front().begin;
  for (const auto& entry : header->entries) {
    Require(entry.begin == expected_begin && entry.begin <= entry.end && entry.end <= file.size());
    Require(entry.end - entry.begin == static_cast<size_t>(fairlead::NumElements(entry.shape)) *
                                           fairlead::DTypeSize(entry.dtype));
    expected_begin = entry.end;
  }
  Require(header->entries.empty() || expected_begin == file.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> input(data, size);
  Parse(std::as_bytes(input));
  // Once more as a header of the right length, which random bytes seldom have: the text up to the
  // first NUL, then the data.
  std::string text(reinterpret_cast<const char*>(data), size);
  const size_t length = std::min(text.find('\0'), size);
  std::string file;
  for (int i = 0; i < 8; ++i) file += static_cast<char>(uint64_t{length} >> (8 * i));
  file += text.substr(0, length);
  if (length < size) file += text.substr(length + 1);
  Parse(std::as_bytes(std::span(file)));
  return 0;
}

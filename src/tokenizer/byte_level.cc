#include "tokenizer/byte_level.h"

#include <array>
#include <cstdint>

namespace fairlead {
namespace {

constexpr int16_t kNone = -1;
constexpr uint32_t kAlphabetEnd = 0x144;  // the highest character of the alphabet is U+0143

// Bytes that print stand for themselves; the others, in order, take the characters from U+0100.
constexpr bool StandsForItself(uint32_t byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

constexpr std::array<int16_t, kAlphabetEnd> MakeAlphabet() {
  std::array<int16_t, kAlphabetEnd> bytes{};
  for (auto& byte : bytes) byte = kNone;
  uint32_t next = 0x100;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    bytes[StandsForItself(byte) ? byte : next++] = static_cast<int16_t>(byte);
  }
  return bytes;
}

constexpr std::array<int16_t, kAlphabetEnd> kAlphabet = MakeAlphabet();

}  // namespace

bool AppendByteLevel(std::string_view text, std::string& bytes) {
  for (size_t i = 0; i < text.size(); ++i) {
    uint32_t character = static_cast<uint8_t>(text[i]);
    if (character >= 0x80) {
      // All of the alphabet has at most two UTF-8 bytes.
      if ((character & 0xE0) != 0xC0 || i + 1 == text.size()) return false;
      character = (character & 0x1F) << 6 | (static_cast<uint8_t>(text[++i]) & 0x3F);
    }
    if (character >= kAlphabetEnd || kAlphabet[character] == kNone) return false;
    bytes.push_back(static_cast<char>(kAlphabet[character]));
  }
  return true;
}

}  // namespace fairlead

#include "tokenizer/utf8.h"

#include <simdjson.h>

#include <cstdint>

namespace fairlead {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

enum class SequenceKind { kComplete, kBroken, kCutOff };

struct Sequence {
  SequenceKind kind;
  size_t length;  // of the whole character, or of the maximal subpart that is not one
};

// What may follow a leading byte: how many bytes in all, and the range of the second one.
struct Lead {
  size_t length;
  uint8_t second_low;
  uint8_t second_high;
};

Lead ReadLead(uint8_t byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xC2) return {0, 0, 0};  // a continuation byte, or the start of an overlong form
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};  // no surrogates
  if (byte < 0xF0) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};  // nothing above U+10FFFF
  return {0, 0, 0};
}

// The sequence at the beginning of `bytes`, which is not empty.
Sequence ReadSequence(std::string_view bytes) {
  const Lead lead = ReadLead(static_cast<uint8_t>(bytes[0]));
  if (lead.length == 0) return {SequenceKind::kBroken, 1};
  for (size_t i = 1; i < lead.length; ++i) {
    if (i == bytes.size()) return {SequenceKind::kCutOff, i};
    const auto byte = static_cast<uint8_t>(bytes[i]);
    const uint8_t low = i == 1 ? lead.second_low : 0x80;
    const uint8_t high = i == 1 ? lead.second_high : 0xBF;
    if (byte < low || byte > high) return {SequenceKind::kBroken, i};
  }
  return {SequenceKind::kComplete, lead.length};
}

}  // namespace

std::optional<size_t> FindInvalidUtf8(std::string_view text) {
  const auto broken = FindBrokenUtf8(text);
  if (!broken) return std::nullopt;
  return broken->offset;
}

std::optional<BrokenUtf8> FindBrokenUtf8(std::string_view text) {
  if (simdjson::validate_utf8(text.data(), text.size())) return std::nullopt;
  size_t position = 0;
  while (position < text.size()) {
    const Sequence sequence = ReadSequence(text.substr(position));
    if (sequence.kind != SequenceKind::kComplete) {
      return BrokenUtf8{position, sequence.length, sequence.kind == SequenceKind::kCutOff};
    }
    position += sequence.length;
  }
  return std::nullopt;
}

size_t AppendUtf8Lossy(std::string_view bytes, bool final, std::string& out) {
  size_t position = 0;
  while (position < bytes.size()) {
    const Sequence sequence = ReadSequence(bytes.substr(position));
    if (sequence.kind == SequenceKind::kComplete) {
      out.append(bytes.substr(position, sequence.length));
    } else if (sequence.kind == SequenceKind::kBroken || final) {
      out.append(kReplacement);
    } else {
      return position;
    }
    position += sequence.length;
  }
  return position;
}

}  // namespace fairlead

#include "tokenizer/tables.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>

namespace fairlead {
namespace {

constexpr size_t kMaxProbes = 512;

size_t HashWord(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

size_t HashPair(uint32_t left, uint32_t right) {
  const uint64_t pair = uint64_t{left} << 32 | right;
  return (pair * 0x9E3779B97F4A7C15u) >> 32;  // Fibonacci hashing: the upper half is well mixed
}

// Walks the slots from the place of `hash` until `stop(slot)` says where to end; nullptr if it
// never does.
template <typename Slot, typename Stop>
Slot* Probe(std::span<Slot> slots, size_t hash, const Stop& stop) {
  const size_t mask = slots.size() - 1;
  const size_t limit = std::min(slots.size(), kMaxProbes);
  for (size_t i = 0; i < limit; ++i) {
    Slot& slot = slots[(hash + i) & mask];
    if (stop(slot)) return &slot;
  }
  return nullptr;
}

Status CheckOffsets(const Tables& tables, std::string_view object) {
  const size_t count = std::max<size_t>(tables.offsets.size(), 1) - 1;
  if (count == 0 || count > kMaxVocabularySize) {
    return Fail(ErrorCode::kInvalidData, "tokenizer", "{}: expected 1 to {} tokens, got {}", object,
                kMaxVocabularySize, count);
  }
  const bool ordered = std::is_sorted(tables.offsets.begin(), tables.offsets.end());
  if (!ordered || tables.offsets.front() != 0 ||
      tables.offsets.back() != tables.token_bytes.size()) {
    return Fail(ErrorCode::kInvalidData, "tokenizer",
                "{}: expected ascending token offsets from 0 to {}", object,
                tables.token_bytes.size());
  }
  return {};
}

Status CheckSlots(const Tables& tables, std::string_view object) {
  if (!std::has_single_bit(tables.word_slots.size()) ||
      !std::has_single_bit(tables.merge_slots.size())) {
    return Fail(ErrorCode::kInvalidData, "tokenizer",
                "{}: expected hash tables whose size is a power of two", object);
  }
  // One pass over 24 MB decides how fast a tokenizer opens: collect the largest id, ask once.
  uint32_t largest = 0;
  for (const uint32_t id : tables.word_slots) largest = std::max(largest, id == kNoToken ? 0 : id);
  for (const MergeRule& rule : tables.merge_slots) {
    if (rule.left == kNoToken) continue;
    largest = std::max({largest, rule.left, rule.right, rule.result});
  }
  if (largest >= tables.size()) {
    return Fail(ErrorCode::kInvalidData, "tokenizer", "{}: expected ids below {}, got {}", object,
                tables.size(), largest);
  }
  return {};
}

Status CheckSpecials(const Tables& tables, std::string_view object) {
  std::string_view previous;  // the empty string: no special token may be empty either
  for (const uint32_t id : tables.specials) {
    const std::string_view content = tables.Token(id);
    if (content <= previous) {
      return Fail(ErrorCode::kInvalidData, "tokenizer",
                  "{}: special token {}: expected text of its own", object, id);
    }
    previous = content;
  }
  return {};
}

}  // namespace

std::string_view Tables::Token(uint32_t id) const {
  if (id >= size()) return {};
  return token_bytes.substr(offsets[id], offsets[id + 1] - offsets[id]);
}

uint32_t Tables::FindWord(std::string_view bytes) const {
  const uint32_t* slot = Probe(word_slots, HashWord(bytes),
                               [&](uint32_t id) { return id == kNoToken || Token(id) == bytes; });
  return slot == nullptr ? kNoToken : *slot;
}

const MergeRule* Tables::FindMerge(uint32_t left, uint32_t right) const {
  const MergeRule* slot = Probe(merge_slots, HashPair(left, right), [&](const MergeRule& rule) {
    return rule.left == kNoToken || (rule.left == left && rule.right == right);
  });
  return slot == nullptr || slot->left == kNoToken ? nullptr : slot;
}

std::optional<uint32_t> Tables::MatchSpecial(std::string_view text) const {
  // The candidates share the first `length` bytes of `text`; they are narrowed byte by byte.
  auto candidates = specials;
  std::optional<uint32_t> best;
  for (size_t length = 0; !candidates.empty(); ++length) {
    if (Token(candidates.front()).size() == length) {
      if (length > 0) best = candidates.front();
      candidates = candidates.subspan(1);
    }
    if (length == text.size()) break;
    const uint8_t byte = text[length];
    const auto byte_at = [&](uint32_t id) { return static_cast<uint8_t>(Token(id)[length]); };
    const auto first = std::partition_point(candidates.begin(), candidates.end(),
                                            [&](uint32_t id) { return byte_at(id) < byte; });
    const auto last = std::partition_point(first, candidates.end(),
                                           [&](uint32_t id) { return byte_at(id) == byte; });
    candidates = {first, last};
  }
  return best;
}

ByteIds FindByteIds(const Tables& tables) {
  ByteIds ids;
  for (size_t byte = 0; byte < ids.size(); ++byte) {
    const char bytes = static_cast<char>(byte);
    ids[byte] = tables.FindWord({&bytes, 1});
  }
  return ids;
}

size_t SlotCount(size_t count) { return std::bit_ceil(std::max<size_t>(2 * count, 2)); }

Inserted InsertWord(const Tables& tables, uint32_t id, std::span<uint32_t> slots) {
  const std::string_view bytes = tables.Token(id);
  uint32_t* slot = Probe(slots, HashWord(bytes), [&](uint32_t other) {
    return other == kNoToken || tables.Token(other) == bytes;
  });
  if (slot == nullptr) return Inserted::kCrowded;
  if (*slot != kNoToken) return Inserted::kDuplicate;
  *slot = id;
  return Inserted::kNew;
}

Inserted InsertMerge(const MergeRule& rule, std::span<MergeRule> slots) {
  MergeRule* slot = Probe(slots, HashPair(rule.left, rule.right), [&](const MergeRule& other) {
    return other.left == kNoToken || (other.left == rule.left && other.right == rule.right);
  });
  if (slot == nullptr) return Inserted::kCrowded;
  if (slot->left != kNoToken) return Inserted::kDuplicate;
  *slot = rule;
  return Inserted::kNew;
}

Status CheckTables(const Tables& tables, std::string_view object) {
  FAIRLEAD_RETURN_IF_ERROR(CheckOffsets(tables, object));
  FAIRLEAD_RETURN_IF_ERROR(CheckSlots(tables, object));
  FAIRLEAD_RETURN_IF_ERROR(CheckSpecials(tables, object));
  const ByteIds byte_ids = FindByteIds(tables);
  const auto missing = std::ranges::find(byte_ids, kNoToken);
  if (missing != byte_ids.end()) {
    return Fail(ErrorCode::kInvalidData, "tokenizer",
                "{}: expected a token for every byte, got none for 0x{:02x}", object,
                missing - byte_ids.begin());
  }
  return {};
}

}  // namespace fairlead

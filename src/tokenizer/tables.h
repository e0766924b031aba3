// The tables a tokenizer works on, and lookups in them. They are plain arrays, so that the same
// code reads them from vectors (built from tokenizer.json) and from a mapped file (the compact
// form).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace fairlead {

// Ids are below this limit: far above any published vocabulary, and small enough that a broken file
// cannot ask for much memory.
inline constexpr uint32_t kMaxVocabularySize = uint32_t{1} << 20;

// Marks an empty slot of a hash table and an absent result.
inline constexpr uint32_t kNoToken = 0xFFFFFFFF;

// One merge rule: the pair `left`, `right` becomes `result`; lower ranks go first. A slot of a hash
// table that holds no rule has left == kNoToken.
struct MergeRule {
  uint32_t left = kNoToken;
  uint32_t right = kNoToken;
  uint32_t rank = 0;
  uint32_t result = kNoToken;
};

// Views of the arrays; `storage` keeps them alive. The slot arrays are hash tables with linear
// probing: their sizes are powers of two, and no entry is further than kMaxProbes from its place.
struct Tables {
  bool ignore_merges = false;            // a piece that is a token is not merged
  std::string_view split_pattern;        // as tokenizer.json spells it
  std::span<const uint32_t> offsets;     // [vocabulary size + 1] into token_bytes
  std::string_view token_bytes;          // ids in order; an id without a token has no bytes
  std::span<const uint32_t> word_slots;  // ids, found by the hash of their bytes
  std::span<const MergeRule> merge_slots;
  std::span<const uint32_t> specials;  // ids of the special tokens, ascending by their bytes
  std::shared_ptr<const void> storage;

  // Highest id + 1.
  uint32_t size() const { return static_cast<uint32_t>(offsets.size()) - 1; }
  // The bytes of a token; empty where `id` has none or is outside the vocabulary.
  std::string_view Token(uint32_t id) const;
  // The ordinary (not special) token with these bytes, or kNoToken.
  uint32_t FindWord(std::string_view bytes) const;
  // The rule for a pair, or nullptr.
  const MergeRule* FindMerge(uint32_t left, uint32_t right) const;
  // The longest special token that `text` begins with.
  std::optional<uint32_t> MatchSpecial(std::string_view text) const;
};

// The token of each single byte (kNoToken where there is none): what merging starts from.
using ByteIds = std::array<uint32_t, 256>;
ByteIds FindByteIds(const Tables& tables);

// A hash table's size for `count` entries: a power of two, at least twice as large.
size_t SlotCount(size_t count);

// Where an entry went: in a free slot, beside its equal (kept), or nowhere within kMaxProbes, which
// only entries chosen to collide can bring about.
enum class Inserted { kNew, kDuplicate, kCrowded };

// Adds `id` to `slots`; tables.Token(id) must already give its bytes.
Inserted InsertWord(const Tables& tables, uint32_t id, std::span<uint32_t> slots);
Inserted InsertMerge(const MergeRule& rule, std::span<MergeRule> slots);

// Checks that no lookup in `tables` can leave its arrays, that the specials are in order, and that
// every single byte is a token. `object` names the source.
Status CheckTables(const Tables& tables, std::string_view object);

}  // namespace fairlead

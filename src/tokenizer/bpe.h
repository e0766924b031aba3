// Byte pair encoding of one piece of text.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tokenizer/tables.h"

namespace fairlead {

// Turns pieces into ids. Keeps its buffers between pieces; not thread-safe. It refers to
// `tables` and `byte_ids`.
class BpeEncoder {
 public:
  BpeEncoder(const Tables& tables, const ByteIds& byte_ids)
      : tables_(tables), byte_ids_(byte_ids) {}

  // Appends the ids of `piece` to `ids`. Takes O(n log n) steps for n bytes.
  void Append(std::string_view piece, std::vector<int32_t>& ids);

 private:
  // A token so far; merged symbols drop out of the doubly linked list.
  struct Symbol {
    uint32_t id;  // kNoToken once merged into the symbol before
    uint32_t previous;
    uint32_t next;
  };
  // A pair that may merge, the symbol at a position with the one after it: its rule's rank in the
  // upper half and the position in the lower, so that the smallest is to be merged first.
  using Candidate = uint64_t;

  void Merge(std::string_view piece);
  void Consider(uint32_t left, uint32_t right);
  void Apply(Candidate candidate);

  const Tables& tables_;
  const ByteIds& byte_ids_;
  std::vector<Symbol> symbols_;
  std::vector<Candidate> heap_;
};

}  // namespace fairlead

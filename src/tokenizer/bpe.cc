#include "tokenizer/bpe.h"

#include <algorithm>
#include <functional>

namespace fairlead {
namespace {

constexpr uint32_t kEnd = 0xFFFFFFFF;  // no symbol on that side

}  // namespace

void BpeEncoder::Append(std::string_view piece, std::vector<int32_t>& ids) {
  if (tables_.ignore_merges) {
    const uint32_t id = tables_.FindWord(piece);
    if (id != kNoToken) {
      ids.push_back(static_cast<int32_t>(id));
      return;
    }
  }
  Merge(piece);
  for (const Symbol& symbol : symbols_) {
    if (symbol.id != kNoToken) ids.push_back(static_cast<int32_t>(symbol.id));
  }
}

void BpeEncoder::Merge(std::string_view piece) {
  const auto count = static_cast<uint32_t>(piece.size());
  symbols_.clear();
  heap_.clear();
  for (uint32_t i = 0; i < count; ++i) {
    symbols_.push_back({byte_ids_[static_cast<uint8_t>(piece[i])], i == 0 ? kEnd : i - 1,
                        i + 1 == count ? kEnd : i + 1});
  }
  for (uint32_t i = 0; i + 1 < count; ++i) Consider(i, i + 1);
  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    const Candidate candidate = heap_.back();
    heap_.pop_back();
    Apply(candidate);
  }
}

void BpeEncoder::Consider(uint32_t left, uint32_t right) {
  const MergeRule* rule = tables_.FindMerge(symbols_[left].id, symbols_[right].id);
  if (rule == nullptr) return;
  heap_.push_back(uint64_t{rule->rank} << 32 | left);
  std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
}

void BpeEncoder::Apply(Candidate candidate) {
  const auto position = static_cast<uint32_t>(candidate);
  Symbol& left = symbols_[position];
  if (left.id == kNoToken || left.next == kEnd) return;
  Symbol& right = symbols_[left.next];
  // Either side may have grown since the pair was queued; then the pair has another rule or none.
  const MergeRule* rule = tables_.FindMerge(left.id, right.id);
  if (rule == nullptr || rule->rank != candidate >> 32) return;
  left.id = rule->result;
  left.next = right.next;
  right.id = kNoToken;
  if (left.next != kEnd) symbols_[left.next].previous = position;
  if (left.previous != kEnd) Consider(left.previous, position);
  if (left.next != kEnd) Consider(position, left.next);
}

}  // namespace fairlead

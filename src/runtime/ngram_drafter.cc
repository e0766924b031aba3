#include "runtime/ngram_drafter.h"

#include <algorithm>
#include <cstddef>

namespace fairlead {
namespace {

// Positions before `end` where `token` stands, from the last to the first: the next one below
// `end`, or -1.
ptrdiff_t FindBefore(std::span<const int32_t> tokens, ptrdiff_t end, int32_t token) {
  constexpr ptrdiff_t kBlock = 64;
  // A block is compared without branches, which the compiler turns into vector code.
  while (end >= kBlock) {
    int32_t found = 0;
    const int32_t* block = tokens.data() + end - kBlock;
    for (ptrdiff_t i = 0; i < kBlock; ++i) found |= static_cast<int32_t>(block[i] == token);
    if (found != 0) break;
    end -= kBlock;
  }
  while (--end >= 0) {
    if (tokens[static_cast<size_t>(end)] == token) return end;
  }
  return -1;
}

// How many tokens up to and including `position` equal those at the end, at most `limit`.
size_t CommonSuffix(std::span<const int32_t> tokens, ptrdiff_t position, size_t limit) {
  const size_t available = std::min(limit, static_cast<size_t>(position) + 1);
  size_t length = 0;
  while (length < available &&
         tokens[static_cast<size_t>(position) - length] == tokens[tokens.size() - 1 - length]) {
    ++length;
  }
  return length;
}

}  // namespace

NgramDrafter::NgramDrafter(int longest, int shortest)
    : longest_(static_cast<size_t>(std::max({longest, shortest, 1}))),
      shortest_(static_cast<size_t>(std::max(shortest, 1))) {}

std::vector<int32_t> NgramDrafter::Propose(std::span<const int32_t> tokens, int count) const {
  if (count <= 0 || tokens.size() < 2) return {};
  size_t best_length = shortest_ - 1;
  size_t best_next = 0;  // the position after the best occurrence
  const auto last = static_cast<ptrdiff_t>(tokens.size()) - 1;
  for (ptrdiff_t position = FindBefore(tokens, last, tokens.back()); position >= 0;
       position = FindBefore(tokens, position, tokens.back())) {
    const size_t length = CommonSuffix(tokens, position, longest_);
    if (length <= best_length) continue;
    best_length = length;
    best_next = static_cast<size_t>(position) + 1;
    if (length == longest_) break;
  }
  if (best_length < shortest_) return {};
  std::vector<int32_t> draft(static_cast<size_t>(count));
  for (size_t i = 0; i < draft.size(); ++i) {
    const size_t source = best_next + i;
    draft[i] = source < tokens.size() ? tokens[source] : draft[source - tokens.size()];
  }
  return draft;
}

}  // namespace fairlead

// Texts to fill a KvManager with.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "runtime/kv/kv_manager.h"

namespace fairlead::testing {

// `length` tokens; texts of different numbers differ from the first token on, texts of the same
// number begin alike.
inline std::vector<int32_t> Text(uint32_t number, int length) {
  std::mt19937 random(number);
  std::vector<int32_t> tokens(static_cast<size_t>(length), static_cast<int32_t>(number % 50));
  for (size_t i = 1; i < tokens.size(); ++i) tokens[i] = static_cast<int32_t>(random() % 50);
  return tokens;
}

inline std::vector<int32_t> Joined(std::vector<int32_t> first, std::span<const int32_t> second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

inline std::vector<int32_t> First(std::span<const int32_t> tokens, int length) {
  return {tokens.begin(), tokens.begin() + length};
}

// Runs the sequence from `done` tokens to the end of `tokens` in steps of at most `rows`.
inline void Grow(KvManager& kv, int slot, std::span<const int32_t> tokens, int done, int rows) {
  const auto length = static_cast<int>(tokens.size());
  while (done < length) {
    done = std::min(length, done + rows);
    const Status reserved = kv.Reserve(slot, done);
    ASSERT_TRUE(reserved) << reserved.error().message;
    const Status committed = kv.Commit(slot, tokens.first(static_cast<size_t>(done)));
    ASSERT_TRUE(committed) << committed.error().message;
  }
}

// A whole life; returns what was found in the cache.
inline int Live(KvManager& kv, std::span<const int32_t> prompt, std::span<const int32_t> tokens,
                int rows) {
  const Result<Admission> admission = kv.Admit(prompt);
  EXPECT_TRUE(admission) << admission.error().message;
  if (!admission) return -1;
  Grow(kv, admission->slot, tokens, admission->cached, rows);
  EXPECT_TRUE(kv.Release(admission->slot));
  return admission->cached;
}

}  // namespace fairlead::testing

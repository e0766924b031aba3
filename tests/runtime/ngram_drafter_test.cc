// Guesses from the text itself, against a plain search for every length.
#include "runtime/ngram_drafter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/support/random.h"

namespace fairlead {
namespace {

using Tokens = std::vector<int32_t>;

// The longest n first, then the most recent position, one comparison after another.
Tokens PlainPropose(const Tokens& tokens, int count, size_t longest, size_t shortest) {
  for (size_t n = longest; n >= shortest; --n) {
    if (n >= tokens.size()) continue;
    for (size_t begin = tokens.size() - n; begin-- > 0;) {
      if (!std::equal(tokens.end() - static_cast<ptrdiff_t>(n), tokens.end(),
                      tokens.begin() + static_cast<ptrdiff_t>(begin))) {
        continue;
      }
      Tokens all = tokens;
      for (int i = 0; i < count; ++i) all.push_back(all[begin + n + static_cast<size_t>(i)]);
      return {all.begin() + static_cast<ptrdiff_t>(tokens.size()), all.end()};
    }
  }
  return {};
}

TEST(NgramDrafter, ProposesWhatFollowedTheSameTokens) {
  EXPECT_EQ(NgramDrafter().Propose(Tokens{1, 2, 3, 4, 5, 9, 1, 2}, 3), (Tokens{3, 4, 5}));
}

TEST(NgramDrafter, PrefersTheLongestAndThenTheMostRecentOccurrence) {
  // 7 1 2 was followed by 3; 1 2 more recently by 4 and then by 5.
  EXPECT_EQ(NgramDrafter(3, 2).Propose(Tokens{7, 1, 2, 3, 1, 2, 4, 1, 2, 5, 7, 1, 2}, 1),
            (Tokens{3}));
  EXPECT_EQ(NgramDrafter(2, 2).Propose(Tokens{7, 1, 2, 3, 1, 2, 4, 1, 2, 5, 7, 1, 2}, 1),
            (Tokens{5}));
}

TEST(NgramDrafter, ContinuesARepetitionBeyondTheEnd) {
  EXPECT_EQ(NgramDrafter().Propose(Tokens{1, 2, 3, 1, 2, 3}, 7), (Tokens{1, 2, 3, 1, 2, 3, 1}));
  EXPECT_EQ(NgramDrafter(4, 1).Propose(Tokens{5, 5}, 3), (Tokens{5, 5, 5}));
}

TEST(NgramDrafter, ProposesNothingWithoutARepetitionOrARequest) {
  const NgramDrafter drafter;
  EXPECT_EQ(drafter.Propose(Tokens{}, 4), Tokens{});
  EXPECT_EQ(drafter.Propose(Tokens{1}, 4), Tokens{});
  EXPECT_EQ(drafter.Propose(Tokens{1, 2, 3, 2}, 4), Tokens{});  // one equal token is too few
  EXPECT_EQ(drafter.Propose(Tokens{1, 2, 1, 2}, 0), Tokens{});
  EXPECT_EQ(drafter.Propose(Tokens{1, 2, 1, 2}, -1), Tokens{});
}

TEST(NgramDrafter, AgreesWithAPlainSearch) {
  testing::Random random(1);
  size_t proposed = 0;
  for (int i = 0; i < 5000; ++i) {
    // Lengths on both sides of the blocks that are compared at once.
    const Tokens tokens =
        random.Ints(static_cast<size_t>(random.Int(0, 300)), 0, random.Int(1, 60));
    const auto shortest = static_cast<size_t>(random.Int(1, 3));
    const size_t longest = shortest + static_cast<size_t>(random.Int(0, 3));
    const int count = static_cast<int>(random.Int(1, 9));
    const Tokens draft =
        NgramDrafter(static_cast<int>(longest), static_cast<int>(shortest)).Propose(tokens, count);
    ASSERT_EQ(draft, PlainPropose(tokens, count, longest, shortest));
    proposed += draft.empty() ? 0 : 1;
  }
  EXPECT_GT(proposed, 1000);
}

}  // namespace
}  // namespace fairlead

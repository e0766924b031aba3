// What is found again, how much of it, and in which order it is forgotten.
#include <gtest/gtest.h>

#include "runtime/kv/paged_kv.h"
#include "tests/kv/kv_texts.h"
#include "tests/runtime/fake_executor.h"

namespace fairlead {
namespace {

using testing::FakeFacts;
using testing::First;
using testing::Grow;
using testing::Joined;
using testing::Live;
using testing::Text;

// Window 40: a sequence at P needs the sliding pages of the 39 positions before P.
PagedKv SomeKv(std::vector<int> pages, int slots = 4, int rows = 32, bool prefix_cache = true) {
  return {FakeFacts(), {rows, slots, 1024, std::move(pages)}, prefix_cache};
}

KvStatistics::Pages PagesOf(const PagedKv& kv, size_t group) {
  EXPECT_TRUE(kv.CheckInvariants()) << kv.CheckInvariants().error().message;
  return kv.statistics().pages[group];
}

// What is found of a text, without running it.
int Found(PagedKv& kv, const std::vector<int32_t>& text) {
  const Admission admission = kv.Admit(text).value();
  EXPECT_TRUE(kv.Release(admission.slot));
  return admission.cached;
}

TEST(PrefixCache, WholePagesAreFoundAndTheLastTokenIsLeftToRun) {
  PagedKv kv = SomeKv({40, 40});
  const std::vector<int32_t> text = Text(1, 200);
  EXPECT_EQ(Live(kv, text, text, 32), 0);
  EXPECT_EQ(Live(kv, First(text, 1), First(text, 1), 32), 0);
  EXPECT_EQ(Live(kv, First(text, 32), First(text, 32), 32), 0);
  EXPECT_EQ(Live(kv, First(text, 33), First(text, 33), 32), 32);
  EXPECT_EQ(Live(kv, text, text, 32), 192);
  EXPECT_EQ(Live(kv, First(text, 192), First(text, 192), 32), 160);
  EXPECT_EQ(Live(kv, Joined(First(text, 100), Text(2, 50)), Text(2, 0), 32), 96);
  EXPECT_EQ(Live(kv, Text(2, 200), Text(2, 0), 32), 0);
  const KvStatistics statistics = kv.statistics();
  EXPECT_EQ(statistics.admissions, 8);
  EXPECT_EQ(statistics.hits, 4);
  EXPECT_EQ(statistics.looked_up_tokens, 200 + 1 + 32 + 33 + 200 + 192 + 150 + 200);
  EXPECT_EQ(statistics.reused_tokens, 32 + 192 + 160 + 96);
  EXPECT_EQ(statistics.evictions, 0);
}

TEST(PrefixCache, ABlockIsFoundOnlyAfterTheSameBlocks) {
  PagedKv kv = SomeKv({40, 40});
  const std::vector<int32_t> a = Text(1, 32), b = Text(2, 32), c = Text(3, 32);
  const std::vector<int32_t> end = {1};
  Live(kv, Joined(Joined(a, c), end), Joined(a, c), 32);
  Live(kv, b, b, 32);
  // The middle is known, but after another beginning.
  EXPECT_EQ(kv.Admit(Joined(Joined(b, c), end)).value().cached, 32);
  EXPECT_EQ(kv.Admit(Joined(Joined(a, c), end)).value().cached, 64);
  EXPECT_EQ(kv.Admit(Joined(c, end)).value().cached, 0);
  // One token at the end of a page makes another text.
  std::vector<int32_t> other = Joined(Joined(a, c), end);
  other[63] = (other[63] + 1) % 50;
  EXPECT_EQ(kv.Admit(other).value().cached, 32);
}

TEST(PrefixCache, OnlyWhatIsCommittedIsFound) {
  PagedKv kv = SomeKv({40, 40});
  const std::vector<int32_t> text = Text(1, 100);
  ASSERT_TRUE(kv.Admit(text));
  ASSERT_TRUE(kv.Reserve(0, 64));
  EXPECT_EQ(kv.Admit(text).value().cached, 0);
  ASSERT_TRUE(kv.Commit(0, First(text, 63)));
  EXPECT_EQ(kv.Admit(text).value().cached, 32);
  ASSERT_TRUE(kv.Release(0));  // position 63 was reserved but never final
  EXPECT_EQ(kv.Admit(text).value().cached, 32);
  EXPECT_EQ(PagesOf(kv, 0).cached, 0) << "the one found page is held, the other is free";
}

TEST(PrefixCache, LiveSequencesShareFullPages) {
  PagedKv kv = SomeKv({10, 40});
  const std::vector<int32_t> text = Text(1, 260);
  ASSERT_TRUE(kv.Admit(text));
  Grow(kv, 0, text, 0, 32);
  // Nine pages are held; the last one is room enough for three that begin alike.
  EXPECT_EQ(kv.Admit(Text(2, 33)).error().code, ErrorCode::kResourceExhausted);
  const Admission second = kv.Admit(First(text, 256)).value();
  EXPECT_EQ(second.cached, 224);
  EXPECT_EQ(PagesOf(kv, 0).held, 9);
  EXPECT_FALSE(kv.Admit(First(text, 250))) << "the tenth page is set aside for the second";
  Grow(kv, second.slot, First(text, 256), second.cached, 32);
  // Same tokens, same page: the second gave its own one back.
  EXPECT_EQ(PagesOf(kv, 0).held, 9);
  EXPECT_EQ(PagesOf(kv, 0).free, 1);
  ASSERT_TRUE(kv.Release(0));
  EXPECT_EQ(PagesOf(kv, 0).held, 8);
  ASSERT_TRUE(kv.Release(second.slot));
  EXPECT_EQ(PagesOf(kv, 0).cached, 8);
}

TEST(PrefixCache, EqualTextsSideBySideEndUpInTheSamePages) {
  PagedKv kv = SomeKv({20, 40});
  const std::vector<int32_t> text = Text(1, 128);
  ASSERT_TRUE(kv.Admit(text));
  ASSERT_TRUE(kv.Admit(text));
  for (int slot : {0, 1}) Grow(kv, slot, text, 0, 32);
  EXPECT_EQ(PagesOf(kv, 0).held, 4);
  for (int slot : {0, 1}) ASSERT_TRUE(kv.Release(slot));
  EXPECT_EQ(PagesOf(kv, 0).cached, 4);
  EXPECT_EQ(PagesOf(kv, 1).cached, 4);
}

TEST(PrefixCache, SwitchedOffItFindsNothingAndKeepsNothing) {
  PagedKv kv = SomeKv({40, 40}, 4, 32, false);
  const std::vector<int32_t> text = Text(1, 100);
  EXPECT_EQ(Live(kv, text, text, 32), 0);
  EXPECT_EQ(Live(kv, text, text, 32), 0);
  EXPECT_EQ(PagesOf(kv, 0).free, 40);
  EXPECT_EQ(PagesOf(kv, 1).free, 40);
}

TEST(PrefixCache, TheEndOfATextIsForgottenFirst) {
  PagedKv kv = SomeKv({8, 40});
  const std::vector<int32_t> text = Text(1, 256);
  Live(kv, text, text, 32);
  // Others take three pages: those that hold the last 96 tokens.
  Live(kv, Text(2, 96), Text(2, 96), 32);
  EXPECT_EQ(kv.statistics().evictions, 3);
  EXPECT_EQ(kv.Admit(text).value().cached, 160);
}

TEST(PrefixCache, TheTextThatWasUsedLeastRecentlyIsForgottenFirst) {
  PagedKv kv = SomeKv({8, 40});
  for (uint32_t text : {1u, 2u}) Live(kv, Text(text, 128), Text(text, 128), 32);
  // The first is looked at again, and so outlives the second.
  EXPECT_EQ(Live(kv, Text(1, 128), Text(1, 128), 32), 96);
  Live(kv, Text(3, 128), Text(3, 128), 32);
  EXPECT_EQ(Live(kv, Text(1, 128), Text(1, 128), 32), 96);
  EXPECT_EQ(Live(kv, Text(2, 128), Text(2, 128), 32), 0);
}

TEST(PrefixCache, WhereTheWindowIsGoneAnEarlierEndIsUsed) {
  PagedKv kv = SomeKv({60, 9});
  const std::vector<int32_t> text = Text(1, 320);
  Live(kv, text, text, 32);
  EXPECT_EQ(PagesOf(kv, 1).cached, 9);
  // Of ten sliding pages the first had to go. Anchors are pages 7 to 9; the others are in the order
  // in which the window left them: two more admissions evict pages 1 to 4.
  Live(kv, Text(2, 32), Text(2, 32), 32);
  Live(kv, Text(3, 96), Text(3, 96), 32);
  EXPECT_EQ(kv.statistics().evictions, 5);
  // At 256 a sequence sees 217 and later, so pages 6 and 7. At 192 it would need 4 and 5.
  EXPECT_EQ(Found(kv, First(text, 200)), 0);
  EXPECT_EQ(Found(kv, First(text, 257)), 256);
  EXPECT_EQ(Found(kv, text), 288);
}

TEST(PrefixCache, PagesAtTheEndOfAPromptOutliveAllOthers) {
  PagedKv kv = SomeKv({200, 12}, 1);
  const std::vector<int32_t> prompt = Text(1, 320);
  Live(kv, prompt, Joined(prompt, Text(9, 300)), 32);
  // A long text without a prompt's end to speak of takes all other sliding pages.
  Live(kv, First(Text(2, 700), 1), Text(2, 700), 32);
  EXPECT_EQ(kv.Admit(Joined(prompt, Text(8, 300))).value().cached, 320);
}

TEST(PrefixCache, SoDoPagesAtTheEndOfATextThatEnded) {
  PagedKv kv = SomeKv({200, 12}, 1);
  const std::vector<int32_t> text = Text(1, 320);
  Live(kv, First(text, 1), text, 32);
  Live(kv, First(Text(2, 700), 1), Text(2, 700), 32);
  EXPECT_EQ(Found(kv, Joined(text, Text(8, 30))), 320);
}

TEST(PrefixCache, AnchorsAreForgottenInTheOrderOfTheirUse) {
  PagedKv kv = SomeKv({200, 12}, 1);
  for (uint32_t text : {1u, 2u}) Live(kv, Text(text, 320), Text(text, 320), 32);
  EXPECT_EQ(Live(kv, Text(1, 320), Text(1, 320), 32), 288);
  for (uint32_t text : {3u, 4u, 5u}) Live(kv, Text(text, 320), Text(text, 320), 32);
  EXPECT_EQ(Found(kv, Text(1, 320)), 288);
  EXPECT_EQ(Found(kv, Text(2, 320)), 0);
}

TEST(PrefixCache, WithAFullPageGoesTheSlidingPageOfTheSameText) {
  PagedKv kv = SomeKv({8, 40});
  Live(kv, Text(1, 256), Text(1, 256), 32);
  EXPECT_EQ(PagesOf(kv, 1).cached, 8);
  Live(kv, Text(2, 96), Text(2, 96), 32);
  EXPECT_EQ(PagesOf(kv, 1).cached, 5 + 3) << "those of the first text's last three pages are free";
}

TEST(PrefixCache, TwoWindowsThatShareHaveRoomToPartFromEachOther) {
  // 40 + 32 neighbours touch at most 4 pages.
  const std::vector<int32_t> text = Text(1, 300);
  PagedKv kv = SomeKv({60, 8});
  ASSERT_TRUE(kv.Admit(text));
  Grow(kv, 0, text, 0, 32);
  ASSERT_EQ(kv.Admit(First(text, 290)).error().code, ErrorCode::kResourceExhausted)
      << "the shared pages stay with one of the two when the other moves on";
  PagedKv wide = SomeKv({60, 11});
  ASSERT_TRUE(wide.Admit(text));
  Grow(wide, 0, text, 0, 32);
  const Admission second = wide.Admit(First(text, 290)).value();
  EXPECT_EQ(second.cached, 288);
  Grow(wide, second.slot, Joined(First(text, 289), Text(2, 200)), 288, 32);
  Grow(wide, 0, Joined(text, Text(3, 200)), 300, 32);
  EXPECT_TRUE(wide.CheckInvariants());
}

TEST(PrefixCache, AForkSharesWholePagesAndPartsFromItsParent) {
  for (bool cache : {true, false}) {
    PagedKv kv = SomeKv({12, 40}, 4, 32, cache);
    const std::vector<int32_t> text = Text(1, 230);
    ASSERT_TRUE(kv.Admit(text));
    Grow(kv, 0, text, 0, 32);
    const Admission fork = kv.Fork(0, 230).value();
    EXPECT_EQ(fork.cached, 224);
    EXPECT_EQ(PagesOf(kv, 0).held, 8);
    Grow(kv, fork.slot, Joined(text, Text(2, 40)), 224, 32);
    EXPECT_EQ(PagesOf(kv, 0).held, 10);
    ASSERT_TRUE(kv.Release(0));
    EXPECT_EQ(PagesOf(kv, 0).held, 9);
    EXPECT_EQ(kv.statistics().forks, 1);
    EXPECT_EQ(kv.statistics().admissions, 1);
  }
}

TEST(PrefixCache, AForkOfAnEarlierLengthNeedsItsWindow) {
  PagedKv kv = SomeKv({40, 40});
  const std::vector<int32_t> text = Text(1, 250);
  ASSERT_TRUE(kv.Admit(text));
  Grow(kv, 0, text, 0, 32);
  EXPECT_EQ(kv.Fork(0, 128).value().cached, 96) << "the cache has what the window has left";
  PagedKv without = SomeKv({40, 40}, 4, 32, false);
  ASSERT_TRUE(without.Admit(text));
  Grow(without, 0, text, 0, 32);
  EXPECT_EQ(without.Fork(0, 128).value().cached, 0);
}

TEST(PrefixCache, AForkIsRefusedWhereItsRoomIsNotThere) {
  PagedKv kv = SomeKv({8, 40}, 2);
  ASSERT_TRUE(kv.Admit(Text(1, 250)));
  Grow(kv, 0, Text(1, 250), 0, 32);
  EXPECT_EQ(kv.Fork(0, 250).error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(kv.Fork(0, 1).error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(kv.statistics().forks, 0);
}

TEST(PrefixCache, AfterTruncateWithinAPageItsOldTextIsNotFound) {
  PagedKv kv(FakeFacts(128), {32, 4, 1024, {40, 40}});
  const std::vector<int32_t> text = Text(1, 100);
  ASSERT_TRUE(kv.Admit(text));
  Grow(kv, 0, text, 0, 100);
  ASSERT_TRUE(kv.Truncate(0, 70));
  EXPECT_EQ(kv.Admit(text).value().cached, 64);
  const std::vector<int32_t> other = Joined(First(text, 70), Text(2, 30));
  Grow(kv, 0, other, 70, 32);
  EXPECT_EQ(kv.Admit(other).value().cached, 96);
}

TEST(PrefixCache, TruncateAtTheEndOfAPageLeavesTheRestToBeFound) {
  PagedKv kv(FakeFacts(128), {32, 4, 1024, {40, 40}});
  const std::vector<int32_t> text = Text(1, 100);
  ASSERT_TRUE(kv.Admit(text));
  Grow(kv, 0, text, 0, 100);
  ASSERT_TRUE(kv.Truncate(0, 64));
  EXPECT_EQ(PagesOf(kv, 0).cached, 1);
  EXPECT_EQ(PagesOf(kv, 1).cached, 1);
  EXPECT_EQ(kv.Admit(text).value().cached, 96);
}

TEST(PrefixCache, TruncateDoesNotWriteIntoAPageThatAnotherHolds) {
  PagedKv kv(FakeFacts(128), {32, 4, 1024, {40, 40}});
  const std::vector<int32_t> text = Text(1, 100);
  ASSERT_TRUE(kv.Admit(text));
  Grow(kv, 0, text, 0, 100);
  ASSERT_TRUE(kv.Admit(text));
  const Status within = kv.Truncate(0, 70);
  ASSERT_FALSE(within);
  EXPECT_EQ(within.error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(kv.Truncate(0, 64));
  EXPECT_TRUE(kv.CheckInvariants());
}

// A conversation as chat formats render it: an answer's reasoning is not part of the next prompt.
class Conversation : public ::testing::TestWithParam<int> {
 protected:
  static constexpr int kRows = 512;

  // Room for many conversations, or for hardly more than one.
  PagedKv MakeKv() const {
    return {FakeFacts(128), {kRows, 2, 131072, {GetParam(), GetParam() / 2 + 42}}};
  }
  void OtherConversations(PagedKv& kv) const {
    for (uint32_t i = 0; i < 50; ++i) {
      const std::vector<int32_t> prompt = Text(100 + i, 700);
      Live(kv, prompt, Joined(prompt, Text(200 + i, 200)), kRows);
    }
  }
  bool roomy() const { return GetParam() > 1000; }

  const std::vector<int32_t> prompt_ = Text(1, 4000);
  const std::vector<int32_t> answer_ = Text(2, 300);
  const std::vector<int32_t> next_ = Joined(prompt_, Text(3, 150));
};

TEST_P(Conversation, TheNextTurnReusesTheWholePromptBeforeTheDroppedReasoning) {
  PagedKv kv = MakeKv();
  Live(kv, prompt_, Joined(prompt_, answer_), kRows);
  OtherConversations(kv);
  const int reused = Live(kv, next_, next_, kRows);
  EXPECT_TRUE(kv.CheckInvariants());
  if (roomy()) {
    EXPECT_EQ(reused, 4000);
  } else {
    EXPECT_EQ(reused, 0);
  }
}

TEST_P(Conversation, RegeneratingReusesAllButTheLastPage) {
  PagedKv kv = MakeKv();
  Live(kv, prompt_, Joined(prompt_, answer_), kRows);
  OtherConversations(kv);
  EXPECT_EQ(Live(kv, prompt_, Joined(prompt_, answer_), kRows), roomy() ? 3968 : 0);
}

TEST_P(Conversation, EditingTheLastMessageReusesTheTurnBefore) {
  PagedKv kv = MakeKv();
  Live(kv, prompt_, Joined(prompt_, answer_), kRows);
  Live(kv, next_, Joined(next_, answer_), kRows);
  OtherConversations(kv);
  const std::vector<int32_t> edited = Joined(First(next_, 4020), Text(4, 150));
  EXPECT_EQ(Live(kv, edited, edited, kRows), roomy() ? 4000 : 0);
}

INSTANTIATE_TEST_SUITE_P(PrefixCache, Conversation, ::testing::Values(2000, 160));

}  // namespace
}  // namespace fairlead

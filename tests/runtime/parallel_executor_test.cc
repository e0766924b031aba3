// Ranks that step together look like one executor, and fail like one.
#include "runtime/parallel_executor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "backends/step_plan_wire.h"
#include "distributed/thread_group.h"
#include "tests/runtime/fake_ranks.h"
#include "tests/support/plans.h"

namespace fairlead {
namespace {

using testing::FakeProgram;
using testing::FakeRanks;

constexpr int kPositions = 128;

// Two sequences, in steps of at most 16 rows.
struct Text {
  std::vector<testing::Sequence> sequences;
  testing::SlotPages pages{testing::FakeFacts(), 2, kPositions, 1};
  std::vector<StepPlan> plans;

  Text() {
    for (int s = 0; s < 2; ++s) {
      testing::Sequence sequence{s, {}};
      for (int i = 0; i < 90; ++i) sequence.tokens.push_back((i * i + s) % 50);
      sequences.push_back(std::move(sequence));
    }
    for (const auto& spans : testing::CutIntoSteps(sequences, 16)) {
      plans.push_back(testing::MakePlan(spans, sequences, pages));
    }
  }
  ExecutorOptions Options() const {
    return {.threads = 8,
            .max_rows = 16,
            .max_slots = 2,
            .max_position = kPositions,
            .kv_pages = pages.kv_pages(),
            .group = nullptr};
  }
};

Result<std::unique_ptr<Executor>> Create(const FakeRanks& backend, int ranks, const Text& text) {
  const std::vector<std::shared_ptr<const Program>> programs(static_cast<size_t>(ranks),
                                                             FakeProgram());
  return CreateParallelExecutor(backend, programs, text.Options());
}

void ExpectTextRuns(Executor& executor, const Text& text) {
  for (const StepPlan& plan : text.plans) {
    const Result<StepResult> result = executor.Step(plan);
    ASSERT_TRUE(result) << result.error().message;
    size_t output = 0;
    for (const Span& span : plan.spans) {
      const auto& tokens = text.sequences[static_cast<size_t>(span.slot)].tokens;
      for (int i = 0; i < span.token_count; ++i, ++output) {
        const std::vector<float> expected =
            testing::FakeLogits({tokens.begin(), tokens.begin() + span.start_position + i + 1});
        const auto row =
            result->logits.As<float>().subspan(output * expected.size(), expected.size());
        ASSERT_TRUE(std::ranges::equal(row, expected));
      }
    }
  }
}

TEST(ParallelExecutor, OneProgramIsTheBackendsOwnBusiness) {
  FakeRanks backend;
  const Text text;
  Result<std::unique_ptr<Executor>> executor = Create(backend, 1, text);
  ASSERT_TRUE(executor) << executor.error().message;
  EXPECT_EQ(backend.notes(0).threads, 8);
  ExpectTextRuns(**executor, text);
}

TEST(ParallelExecutor, NoProgramIsAnError) {
  const Result<std::unique_ptr<Executor>> executor = Create(FakeRanks(), 0, Text());
  ASSERT_FALSE(executor);
  EXPECT_EQ(executor.error().message, "[executor] programs: expected one a rank, got none");
}

TEST(ParallelExecutor, EveryRankRunsEveryPlanInOrder) {
  const Text text;
  for (const int ranks : {2, 3, 8}) {
    FakeRanks backend;
    {
      Result<std::unique_ptr<Executor>> executor = Create(backend, ranks, text);
      ASSERT_TRUE(executor) << executor.error().message;
      EXPECT_EQ(backend.alive(), ranks);
      ExpectTextRuns(**executor, text);
    }
    EXPECT_EQ(backend.alive(), 0);
    for (int rank = 0; rank < ranks; ++rank) {
      ASSERT_EQ(backend.notes(rank).plans.size(), text.plans.size());
      for (size_t i = 0; i < text.plans.size(); ++i) {
        EXPECT_EQ(backend.notes(rank).plans[i], SerialisePlan(text.plans[i]));
      }
    }
  }
}

TEST(ParallelExecutor, RanksShareTheThreadsAndLoadInTheirOwn) {
  FakeRanks backend;
  const Text text;
  ASSERT_TRUE(Create(backend, 3, text));
  for (int rank = 0; rank < 3; ++rank) {
    EXPECT_EQ(backend.notes(rank).threads, 2);
    EXPECT_EQ(backend.notes(rank).loaded_by == std::this_thread::get_id(), rank == 0);
  }
  EXPECT_NE(backend.notes(1).loaded_by, backend.notes(2).loaded_by);
  ExecutorOptions options = text.Options();
  options.threads = 2;
  ASSERT_TRUE(CreateParallelExecutor(backend, {8, FakeProgram()}, options));
  for (int rank = 0; rank < 8; ++rank) EXPECT_EQ(backend.notes(rank).threads, 1);
}

TEST(ParallelExecutor, ABadPlanDisturbsNobody) {
  FakeRanks backend;
  const Text text;
  Result<std::unique_ptr<Executor>> executor = Create(backend, 3, text);
  ASSERT_TRUE(executor);
  StepPlan bad = text.plans[0];
  bad.token_ids[0] = 50;
  for (int i = 0; i < 3; ++i) {
    const Result<StepResult> result = (*executor)->Step(bad);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message, "[step] token id: expected 0 to 49, got 50");
  }
  ExpectTextRuns(**executor, text);
  executor->reset();
  EXPECT_EQ(backend.notes(1).plans.size(), text.plans.size());
}

// Before the ranks meet, rank 0 waits for the one that failed; after, it hears of it in this step
// or in the next one.
TEST(ParallelExecutor, AnyRanksFailureEndsAllStepsForGood) {
  const Text text;
  for (const bool before : {false, true}) {
    for (int failing = 0; failing < 3; ++failing) {
      FakeRanks backend;
      backend.notes(failing).fails_in_step = 2;
      backend.notes(failing).fails_before_meeting = before;
      Result<std::unique_ptr<Executor>> executor = Create(backend, 3, text);
      ASSERT_TRUE(executor);
      for (size_t step = 0; step < 6; ++step) {
        const Result<StepResult> result = (*executor)->Step(text.plans[step]);
        const bool now = before || failing == 0;
        if (step < 2 || (step == 2 && !now && result)) {
          ASSERT_TRUE(result) << "step " << step << ": " << result.error().message;
        } else {
          ASSERT_FALSE(result) << "step " << step << " rank " << failing;
          EXPECT_EQ(result.error().message,
                    fmt::format("rank {}: [fake] step: expected luck, got none", failing));
          EXPECT_EQ(result.error().code, ErrorCode::kIo);
        }
      }
      executor->reset();
      EXPECT_EQ(backend.alive(), 0);
      for (int rank = 0; rank < 3; ++rank) EXPECT_LE(backend.notes(rank).plans.size(), 3u);
    }
  }
}

TEST(ParallelExecutor, AnyRanksFailureToLoadIsReturned) {
  const Text text;
  for (int failing = 0; failing < 3; ++failing) {
    FakeRanks backend;
    backend.notes(failing).fails_to_load = true;
    const Result<std::unique_ptr<Executor>> executor = Create(backend, 3, text);
    ASSERT_FALSE(executor);
    EXPECT_EQ(executor.error().message,
              fmt::format("rank {}: [fake] load: expected luck, got none", failing));
    EXPECT_EQ(backend.alive(), 0);
  }
}

TEST(ParallelExecutor, EndsPromptlyAtAnyTime) {
  const Text text;
  const auto start = std::chrono::steady_clock::now();
  for (int round = 0; round < 50; ++round) {
    FakeRanks backend;
    Result<std::unique_ptr<Executor>> executor = Create(backend, 4, text);
    ASSERT_TRUE(executor);
    for (int step = 0; step < round % 3; ++step) {
      ASSERT_TRUE((*executor)->Step(text.plans[static_cast<size_t>(step)]));
    }
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

// What a rank of another process sees: bytes.
TEST(Follow, RefusesOrdersItDoesNotKnow) {
  const std::string order = "rank 1: [follow] order: expected a step or stop, got ";
  struct Case {
    std::vector<std::byte> message;
    std::string error;
  };
  for (const Case& bad :
       std::vector<Case>{{{}, order + "255"},
                         {{std::byte{17}}, order + "17"},
                         {{std::byte{1}}, "rank 1: [step plan] a number: expected 4 bytes, got 0"},
                         {{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}, std::byte{5}},
                          "rank 1: [step plan] begin: expected 0x314c5046, got 0x5040302"}}) {
    const std::vector<std::shared_ptr<Group>> groups = ThreadGroups(2);
    std::thread follower([&] {
      testing::FakeExecutor executor({});
      const Status status = Follow(executor, *groups[1], nullptr);
      ASSERT_FALSE(status);
      EXPECT_EQ(status.error().message, bad.error);
      EXPECT_TRUE(executor.plans().empty());
    });
    EXPECT_TRUE(groups[0]->Send(bad.message));
    follower.join();
    const Status next = groups[0]->Barrier();
    ASSERT_FALSE(next);
    EXPECT_EQ(next.error().message, bad.error);
  }
}

}  // namespace
}  // namespace fairlead

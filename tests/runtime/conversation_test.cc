// Later turns of a conversation: what was computed once is not computed again, and the logits are
// those of a cold run, bit for bit.
#include <gtest/gtest.h>

#include <random>

#include "runtime/engine.h"
#include "tests/parity/golden.h"
#include "tests/runtime/collected.h"

namespace fairlead::testing {
namespace {

using Tokens = std::vector<int32_t>;

constexpr int kTurnOne = 3600;  // tokens of the first prompt
constexpr int kDropped = 300;   // reasoning at the beginning of an answer
constexpr int kFinal = 100;     // what stays of it
constexpr int kQuestion = 50;   // what the user says next

// Passes steps on and keeps the logits.
class Recorder : public Executor {
 public:
  explicit Recorder(std::unique_ptr<Executor> executor) : executor_(std::move(executor)) {}

  const Capabilities& capabilities() const override { return executor_->capabilities(); }
  Result<StepResult> Step(const StepPlan& plan) override {
    Result<StepResult> result = executor_->Step(plan);
    if (result) {
      const std::vector<std::byte>& bytes = result->logits.bytes;
      logits.insert(logits.end(), bytes.begin(), bytes.end());
    }
    return result;
  }
  void SetTap(ValueTap* tap) override { executor_->SetTap(tap); }

  std::vector<std::byte> logits;  // of all output rows since it was cleared

 private:
  std::unique_ptr<Executor> executor_;
};

struct Turn {
  Tokens answer;
  std::vector<std::byte> logits;
  int64_t computed = 0;  // tokens of the prompt that ran
};

// An engine on a golden model whose window and context are those of the published ones.
class Host {
 public:
  // `pages` of each KV group; 0: what one conversation needs while it runs.
  explicit Host(int pages) {
    auto golden = LoadGolden("mxfp4_published").value();
    Json config = golden.checkpoint->config();
    config["max_position_embeddings"] = 8192;
    config["sliding_window"] = 128;
    const Variant variant = AllVariants().back();
    program_ = MakeProgram(config, *golden.checkpoint, *variant.backend).value();
    ExecutorOptions options;
    options.max_rows = 256;
    options.max_position = 8192;
    if (pages > 0) options.kv_pages = {pages, pages};
    executor_ = std::make_unique<Recorder>(variant.backend->Load(program_, options).value());
    engine_ = Engine::Create(*executor_, program_->facts, {}).value();
  }

  Turn Say(const Tokens& prompt, int answer) {
    executor_->logits.clear();
    const int64_t before = engine_->statistics().prompt_tokens;
    Collector collector;
    const RequestId id =
        collector.Submit(*engine_, {.prompt = prompt, .max_tokens = answer, .ignore_eos = true});
    Drain(*engine_);
    return {collector.of(id).tokens, executor_->logits,
            engine_->statistics().prompt_tokens - before};
  }
  int64_t evictions() const { return engine_->statistics().kv.evictions; }
  int64_t vocabulary() const { return program_->facts.vocabulary_size; }

 private:
  std::shared_ptr<Program> program_;
  std::unique_ptr<Recorder> executor_;
  std::unique_ptr<Engine> engine_;
};

Tokens Random(uint32_t seed, int count, int64_t vocabulary) {
  std::mt19937 random(seed);
  Tokens tokens;
  for (int i = 0; i < count; ++i) {
    tokens.push_back(static_cast<int32_t>(random() % static_cast<uint64_t>(vocabulary)));
  }
  return tokens;
}

Tokens operator+(Tokens a, const Tokens& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// A conversation on `host`, each of its turns compared with a cold run. `reused`: nothing but what
// is new, and a page, is computed.
void Converse(Host& host, int others_between, bool reused) {
  const auto check = [&](const Tokens& prompt, int new_tokens, const Turn& turn,
                         std::string_view what) {
    const Turn cold = Host(0).Say(prompt, 20);
    EXPECT_EQ(cold.computed, static_cast<int64_t>(prompt.size()));
    EXPECT_EQ(turn.answer, cold.answer) << what;
    EXPECT_TRUE(turn.logits == cold.logits) << what;
    EXPECT_EQ(turn.logits.size(), 20 * host.vocabulary() * sizeof(float));
    if (reused) {
      EXPECT_LE(turn.computed, new_tokens + kPageTokens) << what;
      EXPECT_GE(turn.computed, new_tokens) << what;
    }
  };
  const auto talk_to_others = [&](uint32_t seed) {
    for (int i = 0; i < others_between; ++i) {
      host.Say(Random(seed + static_cast<uint32_t>(i), 400, host.vocabulary()), 40);
    }
  };
  const Tokens first = Random(1, kTurnOne, host.vocabulary());
  const Tokens answer = host.Say(first, kDropped + kFinal).answer;
  const Tokens kept(answer.begin() + kDropped, answer.end());
  talk_to_others(1000);

  const Tokens second = first + kept + Random(2, kQuestion, host.vocabulary());
  check(second, kFinal + kQuestion, host.Say(second, 20), "second turn");
  talk_to_others(2000);
  check(second, 0, host.Say(second, 20), "regenerated");
  talk_to_others(3000);
  const Tokens edited = first + kept + Random(3, kQuestion, host.vocabulary());
  check(edited, kQuestion, host.Say(edited, 20), "edited question");
  talk_to_others(4000);
  const Tokens early =
      Tokens(first.begin(), first.begin() + 2000) + Random(4, 200, host.vocabulary());
  check(early, 200, host.Say(early, 20), "edited in the middle of the first turn");
}

TEST(Conversation, LaterTurnsComputeOnlyWhatIsNew) {
  Host host(400);
  Converse(host, 0, true);
}

TEST(Conversation, FiftyOthersInBetweenChangeNothingWhileMemoryLasts) {
  Host host(5000);
  Converse(host, 50, true);
  EXPECT_EQ(host.evictions(), 0);
}

TEST(Conversation, WithoutTheMemoryItIsOnlySlower) {
  Host host(140);  // one conversation of 4,400 tokens
  Converse(host, 5, false);
  EXPECT_GT(host.evictions(), 100);
}

}  // namespace
}  // namespace fairlead::testing

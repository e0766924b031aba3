// The law under load: whatever else runs, is cancelled, or has to make room, a request yields what
// it yields alone, bit for bit, and nothing is lost. FAIRLEAD_STRESS_SECONDS sets how long (5).
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <random>
#include <thread>

#include "runtime/engine.h"
#include "runtime/ngram_drafter.h"
#include "tests/parity/golden.h"
#include "tests/runtime/collected.h"
#include "tests/runtime/random_requests.h"
#include "tests/tokenizer/vocabularies.h"

namespace fairlead::testing {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kRequests = 256;
constexpr int kLongest = 240;
constexpr int kClients = 4;
constexpr int kOpenEach = 64;  // requests a client keeps open
// What a run of so long must have been through, or it has shown nothing; shorter ones less.
constexpr double kEnough = 1000;
constexpr double kFullSeconds = 600;

double StressSeconds() {
  const char* const text = std::getenv("FAIRLEAD_STRESS_SECONDS");
  return text == nullptr ? 5 : std::atof(text);
}

// All answers to one request.
using Answers = std::vector<Collected>;

void ExpectEqual(const Answers& alone, const Answers& found, bool cancelled, size_t request) {
  for (size_t i = 0; i < alone.size(); ++i) {
    if (cancelled && found[i].finish_reason == FinishReason::kCancelled) {
      const size_t count = found[i].tokens.size();
      ASSERT_LE(count, alone[i].tokens.size());
      EXPECT_TRUE(
          std::equal(found[i].tokens.begin(), found[i].tokens.end(), alone[i].tokens.begin()))
          << "request " << request << " answer " << i << " before it was cancelled";
      EXPECT_TRUE(std::equal(found[i].logprobs.begin(), found[i].logprobs.end(),
                             alone[i].logprobs.begin()));
      continue;
    }
    EXPECT_EQ(found[i].tokens, alone[i].tokens) << "request " << request << " answer " << i;
    EXPECT_EQ(found[i].logprobs, alone[i].logprobs) << "request " << request << " answer " << i;
    EXPECT_EQ(found[i].text, alone[i].text) << "request " << request << " answer " << i;
    EXPECT_EQ(found[i].finish_reason, alone[i].finish_reason) << "request " << request;
    EXPECT_EQ(found[i].stop_string, alone[i].stop_string) << "request " << request;
    EXPECT_EQ(found[i].error, alone[i].error) << "request " << request;
    ASSERT_EQ(found[i].top_logprobs.size(), alone[i].top_logprobs.size());
    for (size_t k = 0; k < alone[i].top_logprobs.size(); ++k) {
      EXPECT_EQ(found[i].top_logprobs[k].token, alone[i].top_logprobs[k].token);
      EXPECT_EQ(found[i].top_logprobs[k].logprob, alone[i].top_logprobs[k].logprob);
    }
  }
}

// A request on its way through the engine, as its client sees it.
class Flight {
 public:
  Flight(size_t request, int answers) : request_(request), answers_(answers), open_(answers) {}

  void Take(const Event& event) {
    const std::lock_guard lock(mutex_);
    Collected& answer = answers_[static_cast<size_t>(event.index)];
    EXPECT_FALSE(answer.finish_reason) << "an event after the last one";
    AddEvent(event, answer);
    if (event.finish_reason && --open_ == 0) done_.store(true);
  }
  bool done() const { return done_.load(); }
  size_t request() const { return request_; }
  const Answers& answers() const { return answers_; }  // once done

  RequestId id = 0;
  bool cancelled = false;
  int cancel_in = -1;  // looks at it until it is cancelled; -1: never

 private:
  size_t request_;
  std::mutex mutex_;
  Answers answers_;
  int open_;
  std::atomic<bool> done_ = false;
};

class EngineStress : public ::testing::Test {
 protected:
  void SetUp() override {
    auto golden = LoadGolden("mxfp4_published");
    ASSERT_TRUE(golden) << golden.error().message;
    const Variant variant = AllVariants().back();
    program_ =
        MakeProgram(golden->checkpoint->config(), *golden->checkpoint, *variant.backend).value();
    backend_ = variant.backend;
    tokenizer_ = Tokenizer::FromJsonText(SmallTokenizer().dump(), "small").value();
    requests_ = RandomRequests(1, kRequests, program_->facts.vocabulary_size, kLongest, tokenizer_);
  }

  std::unique_ptr<Executor> Load(int rows, int slots, std::vector<int> pages) const {
    ExecutorOptions options;
    options.threads = 2;
    options.max_rows = rows;
    options.max_slots = slots;
    options.max_position = kLongest;
    options.kv_pages = std::move(pages);
    return backend_->Load(program_, options).value();
  }

  EngineOptions Options() const {
    EngineOptions options;
    options.mixed_prompt_rows = 24;
    options.tokenizer = tokenizer_;
    options.drafter = std::make_shared<NgramDrafter>();
    return options;
  }

  // What every request yields with nothing beside it, before it or drafted.
  std::vector<Answers> RunAlone() const {
    const std::unique_ptr<Executor> executor = Load(kLongest, 1, {});
    std::vector<Answers> all;
    for (const Request& request : requests_) {
      EngineOptions options = Options();
      options.prefix_cache = false;
      Answers answers;
      for (int i = 0; i < request.n; ++i) {
        Collector collector;
        const auto engine = Engine::Create(*executor, program_->facts, options).value();
        Request one = request;
        one.n = 1;
        one.sampling.seed += static_cast<uint64_t>(i);
        one.draft_tokens = 0;
        const RequestId id = collector.Submit(*engine, one);
        Drain(*engine);
        answers.push_back(collector.of(id));
      }
      all.push_back(std::move(answers));
    }
    return all;
  }

  // Keeps requests open until `end`, cancels some, checks all.
  void RunClient(Engine& engine, const std::vector<Answers>& alone, uint32_t seed,
                 Clock::time_point end);

  std::shared_ptr<const Program> program_;
  const Backend* backend_ = nullptr;
  Tokenizer::Pointer tokenizer_;
  std::vector<Request> requests_;
  std::atomic<int64_t> checked_ = 0;
};

void EngineStress::RunClient(Engine& engine, const std::vector<Answers>& alone, uint32_t seed,
                             Clock::time_point end) {
  std::mt19937 random(seed);
  std::vector<std::shared_ptr<Flight>> open;
  const Clock::time_point latest = end + std::chrono::minutes(3);
  while (Clock::now() < end || !open.empty()) {
    if (Clock::now() > latest) {
      ADD_FAILURE() << open.size() << " requests never ended";
      for (const auto& flight : open) engine.Cancel(flight->id);
      return;
    }
    while (open.size() < kOpenEach && Clock::now() < end) {
      const size_t which = random() % requests_.size();
      const auto flight = std::make_shared<Flight>(which, requests_[which].n);
      const Result<RequestId> id =
          engine.Submit(requests_[which], [flight](const Event& event) { flight->Take(event); });
      ASSERT_TRUE(id) << id.error().message;
      flight->id = *id;
      if (random() % 3 == 0) flight->cancel_in = static_cast<int>(random() % 200);
      open.push_back(flight);
    }
    for (const auto& flight : open) {
      if (flight->cancel_in-- == 0) flight->cancelled = engine.Cancel(flight->id);
    }
    EXPECT_LE(engine.statistics().live, 16);
    std::erase_if(open, [&](const std::shared_ptr<Flight>& flight) {
      if (!flight->done()) return false;
      ExpectEqual(alone[flight->request()], flight->answers(), flight->cancelled,
                  flight->request());
      ++checked_;
      return true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

TEST_F(EngineStress, EveryRequestYieldsWhatItYieldsAlone) {
  const double seconds = StressSeconds();
  const std::vector<Answers> alone = RunAlone();
  // Room for about three of the longest, slots for sixteen.
  const std::unique_ptr<Executor> executor = Load(48, 16, {24, 24});
  const auto engine = Engine::Create(*executor, program_->facts, Options()).value();
  const Clock::time_point end =
      Clock::now() + std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
  {
    std::jthread stepping([&engine](const std::stop_token& stop) {
      const Status ran = engine->Run(stop);
      EXPECT_TRUE(ran) << ran.error().message;
    });
    std::vector<std::jthread> clients;
    for (uint32_t i = 0; i < kClients; ++i) {
      clients.emplace_back([&, i] { RunClient(*engine, alone, 100 + i, end); });
    }
  }
  const Status sound = engine->CheckInvariants();
  EXPECT_TRUE(sound) << sound.error().message;
  const EngineStatistics statistics = engine->statistics();
  EXPECT_EQ(statistics.live, 0);
  EXPECT_EQ(statistics.waiting, 0);
  for (const KvStatistics::Pages& pages : statistics.kv.pages) EXPECT_EQ(pages.held, 0);
  fmt::print(
      "{} requests checked in {:.0f} s: {} steps, {} finished, {} cancelled, {} preemptions, {} "
      "prefix hits, {} tokens reused, {} forks, {} evictions, {} of {} drafted tokens right, {} "
      "tokens recomputed\n",
      checked_.load(), seconds, statistics.steps, statistics.finished, statistics.cancelled,
      statistics.preemptions, statistics.kv.hits, statistics.kv.reused_tokens, statistics.kv.forks,
      statistics.kv.evictions, statistics.accepted_tokens, statistics.drafted_tokens,
      statistics.recomputed_tokens);
  EXPECT_EQ(statistics.failed, 0);
  EXPECT_GT(checked_.load(), 0);
  const auto enough = static_cast<int64_t>(kEnough * std::min(1.0, seconds / kFullSeconds));
  EXPECT_GE(statistics.preemptions, enough);
  EXPECT_GE(statistics.cancelled, enough);
  EXPECT_GE(statistics.kv.hits, enough);
}

}  // namespace
}  // namespace fairlead::testing

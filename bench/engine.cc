// Times the engine on an exported model: any number of streams side by side, a long prompt beside
// running streams, and what the engine itself costs. Prints tables, or JSON lines with --json.
//   bench_engine MODEL streams          tokens a second of 1, 2, 4, 8, 16 streams
//   bench_engine MODEL stall            gaps of 8 streams while a prompt of 4,000 tokens runs
//   bench_engine MODEL overhead         scheduling, sampling and masks, against the model's time
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <set>

#include "artifact/artifact.h"
#include "backends/cpu/cpu_backend.h"
#include "base/json.h"
#include "base/thread_pool.h"
#include "runtime/constraint/automaton_constraint.h"
#include "runtime/constraint/vocabulary_trie.h"
#include "runtime/engine.h"
#include "tokenizer/tokenizer.h"

namespace fairlead {
namespace {

using Clock = std::chrono::steady_clock;

double Seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

struct Settings {
  std::string model;
  std::string tokenizer;
  int threads = 0;
  int tokens = 48;  // of each stream
  int prompt = 32;
  bool json = false;
};

struct Bench {
  Settings settings;
  std::shared_ptr<const Artifact> artifact;

  const ModelFacts& facts() const { return artifact->facts(); }

  Result<std::unique_ptr<Executor>> Load(int slots, int64_t positions) const {
    ExecutorOptions options;
    options.threads = settings.threads > 0 ? settings.threads : AvailableCpus();
    options.max_slots = slots;
    options.max_position = positions;
    return CpuBackend().Load(artifact->ranks.front(), options);
  }

  // A prompt of its own for every stream.
  std::vector<int32_t> Prompt(int stream, int tokens) const {
    std::vector<int32_t> prompt;
    for (int64_t i = 0; i < tokens; ++i) {
      const int64_t mixed = (i * 7919 + stream * int64_t{104729} + i * i * 31) % 1000003;
      prompt.push_back(static_cast<int32_t>(mixed % facts().vocabulary_size));
    }
    return prompt;
  }

  Request Stream(int stream, int tokens) const {
    Request request;
    request.prompt = Prompt(stream, settings.prompt);
    request.sampling.seed = static_cast<uint64_t>(stream);
    request.max_tokens = tokens;
    request.ignore_eos = true;
    return request;
  }
};

// Counts the experts that a step's tokens are sent to, layer by layer.
class ExpertCounter : public ValueTap {
 public:
  bool Wants(std::string_view name) const override { return name.ends_with("router.indices"); }
  Status Visit(std::string_view, DType, const Shape&, std::span<std::byte> bytes) override {
    std::vector<int32_t> experts(bytes.size() / sizeof(int32_t));
    std::memcpy(experts.data(), bytes.data(), bytes.size());
    distinct_ += std::set<int32_t>(experts.begin(), experts.end()).size();
    ++layers_;
    return {};
  }
  double mean() const { return static_cast<double>(distinct_) / static_cast<double>(layers_); }

 private:
  size_t distinct_ = 0;
  size_t layers_ = 0;
};

Status Drain(Engine& engine) {
  while (true) {
    FAIRLEAD_ASSIGN_OR_RETURN(const bool stepped, engine.Step());
    if (!stepped) return {};
  }
}

// Steps until all prompts have run: from then on every step decodes.
Status RunPrompts(Engine& engine, int64_t tokens) {
  while (engine.statistics().prompt_tokens < tokens) {
    FAIRLEAD_RETURN_IF_ERROR(engine.Step());
  }
  return {};
}

Status MeasureStreams(const Bench& bench) {
  if (!bench.settings.json) {
    fmt::print("streams  tokens/s  each  step ms  experts a layer\n");
  }
  for (int streams : {1, 2, 4, 8, 16}) {
    FAIRLEAD_ASSIGN_OR_RETURN(const auto executor, bench.Load(streams, 1024));
    FAIRLEAD_ASSIGN_OR_RETURN(const auto engine, Engine::Create(*executor, bench.facts(), {}));
    for (int i = 0; i < streams; ++i) {
      FAIRLEAD_RETURN_IF_ERROR(
          engine->Submit(bench.Stream(i, bench.settings.tokens), [](const Event&) {}));
    }
    FAIRLEAD_RETURN_IF_ERROR(RunPrompts(*engine, int64_t{streams} * bench.settings.prompt));
    const EngineStatistics before = engine->statistics();
    const Clock::time_point start = Clock::now();
    const int counted = bench.settings.tokens / 2;  // all streams still run
    for (int step = 0; step < counted; ++step) FAIRLEAD_RETURN_IF_ERROR(engine->Step());
    const double seconds = Seconds(Clock::now() - start);
    const auto tokens =
        static_cast<double>(engine->statistics().generated_tokens - before.generated_tokens);
    ExpertCounter experts;
    executor->SetTap(&experts);
    for (int step = 0; step < 8; ++step) FAIRLEAD_RETURN_IF_ERROR(engine->Step());
    executor->SetTap(nullptr);
    if (bench.settings.json) {
      fmt::print("{}\n", Json{{"streams", streams},
                              {"tokens_per_second", tokens / seconds},
                              {"step_seconds", seconds / counted},
                              {"experts_per_layer", experts.mean()}}
                             .dump());
    } else {
      fmt::print("{:7}  {:8.1f}  {:4.1f}  {:7.1f}  {:15.1f}\n", streams, tokens / seconds,
                 tokens / seconds / streams, 1e3 * seconds / counted, experts.mean());
    }
    std::fflush(stdout);
  }
  return {};
}

// When each of the streams' tokens came, in seconds.
using Arrivals = std::vector<std::vector<double>>;

std::vector<double> Gaps(const std::vector<double>& arrivals, double from, double to) {
  std::vector<double> gaps;
  for (size_t i = 1; i < arrivals.size(); ++i) {
    if (arrivals[i - 1] >= from && arrivals[i] <= to) {
      gaps.push_back(arrivals[i] - arrivals[i - 1]);
    }
  }
  return gaps;
}

Status MeasureStall(const Bench& bench) {
  constexpr int kStreams = 8;
  constexpr int kPrompt = 4000;
  FAIRLEAD_ASSIGN_OR_RETURN(const auto executor, bench.Load(kStreams + 1, 8192));
  const EngineOptions options;
  FAIRLEAD_ASSIGN_OR_RETURN(const auto engine, Engine::Create(*executor, bench.facts(), options));
  const Clock::time_point start = Clock::now();
  Arrivals arrivals(kStreams);
  std::vector<RequestId> ids;
  for (int i = 0; i < kStreams; ++i) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        const RequestId id,
        engine->Submit(bench.Stream(i, 4000), [&arrivals, i, start](const Event& event) {
          if (event.token)
            arrivals[static_cast<size_t>(i)].push_back(Seconds(Clock::now() - start));
        }));
    ids.push_back(id);
  }
  FAIRLEAD_RETURN_IF_ERROR(RunPrompts(*engine, int64_t{kStreams} * bench.settings.prompt));
  for (int step = 0; step < 24; ++step) FAIRLEAD_RETURN_IF_ERROR(engine->Step());
  const double submitted = Seconds(Clock::now() - start);
  Request prompt;
  prompt.prompt = bench.Prompt(kStreams, kPrompt);
  prompt.max_tokens = 1;
  bool prompt_done = false;
  FAIRLEAD_RETURN_IF_ERROR(
      engine->Submit(prompt, [&prompt_done](const Event&) { prompt_done = true; }));
  while (!prompt_done) FAIRLEAD_RETURN_IF_ERROR(engine->Step());
  const double answered = Seconds(Clock::now() - start);
  for (int step = 0; step < 16; ++step) FAIRLEAD_RETURN_IF_ERROR(engine->Step());
  const double end = Seconds(Clock::now() - start);
  for (RequestId id : ids) engine->Cancel(id);
  FAIRLEAD_RETURN_IF_ERROR(Drain(*engine));

  // A chunk alone: as many rows of a prompt as a mixed step takes, with nothing beside it.
  const auto chunk_start = Clock::now();
  Request chunk;
  chunk.prompt = bench.Prompt(kStreams + 1, options.mixed_prompt_rows);
  chunk.max_tokens = 1;
  FAIRLEAD_RETURN_IF_ERROR(engine->Submit(chunk, [](const Event&) {}));
  FAIRLEAD_RETURN_IF_ERROR(Drain(*engine));
  const double chunk_seconds = Seconds(Clock::now() - chunk_start);

  std::vector<double> calm;
  std::vector<double> disturbed;
  for (const std::vector<double>& stream : arrivals) {
    for (double gap : Gaps(stream, 0, submitted)) calm.push_back(gap);
    for (double gap : Gaps(stream, arrivals[0][0], end)) disturbed.push_back(gap);
  }
  const double median = Median(calm);
  const double longest = *std::max_element(disturbed.begin(), disturbed.end());
  const double limit = 3 * median + chunk_seconds;
  if (bench.settings.json) {
    fmt::print("{}\n", Json{{"median_gap", median},
                            {"longest_gap", longest},
                            {"chunk_seconds", chunk_seconds},
                            {"limit", limit},
                            {"submitted", submitted},
                            {"answered", answered},
                            {"arrivals", arrivals}}
                           .dump());
  } else {
    fmt::print(
        "undisturbed median gap {:.1f} ms; one chunk of {} rows {:.1f} ms; the prompt of {} tokens "
        "was answered after {:.1f} s\nlongest gap of any stream {:.1f} ms; limit {:.1f} ms: {}\n",
        1e3 * median, options.mixed_prompt_rows, 1e3 * chunk_seconds, kPrompt, answered - submitted,
        1e3 * longest, 1e3 * limit, longest <= limit ? "kept" : "BROKEN");
  }
  return {};
}

struct Load {
  const char* name;
  std::function<void(Request&)> change;
};

Status MeasureOverhead(const Bench& bench) {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto tokenizer, Tokenizer::Open(bench.settings.tokenizer));
  const auto trie = VocabularyTrie::Build(tokenizer);
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::shared_ptr<const TokenConstraint> constraint,
      CompileRegexConstraint("[a-zA-Z ,.]+", trie, bench.facts().vocabulary_size));
  const std::vector<Load> loads = {
      {"greedy", [](Request& request) { request.sampling.temperature = 0; }},
      {"temperature 1", [](Request&) {}},
      {"top_p 0.9, penalties, logprobs",
       [](Request& request) {
         request.sampling.top_p = 0.9f;
         request.sampling.repetition_penalty = 1.1f;
         request.sampling.frequency_penalty = 0.2f;
         request.logprobs = true;
         request.top_logprobs = 5;
       }},
      {"temperature 1, a regular expression",
       [&constraint](Request& request) { request.constraint = constraint; }}};
  if (!bench.settings.json) {
    fmt::print("{:<36} streams  step ms  engine ms  engine %\n", "");
  }
  for (const Load& load : loads) {
    for (int streams : {1, 8, 16}) {
      FAIRLEAD_ASSIGN_OR_RETURN(const auto executor, bench.Load(streams, 1024));
      EngineOptions options;
      options.tokenizer = tokenizer;
      FAIRLEAD_ASSIGN_OR_RETURN(const auto engine,
                                Engine::Create(*executor, bench.facts(), options));
      for (int i = 0; i < streams; ++i) {
        Request request = bench.Stream(i, 40);
        load.change(request);
        FAIRLEAD_RETURN_IF_ERROR(engine->Submit(request, [](const Event&) {}));
      }
      FAIRLEAD_RETURN_IF_ERROR(RunPrompts(*engine, int64_t{streams} * bench.settings.prompt));
      FAIRLEAD_RETURN_IF_ERROR(engine->Step());
      const EngineStatistics before = engine->statistics();
      for (int step = 0; step < 24; ++step) FAIRLEAD_RETURN_IF_ERROR(engine->Step());
      const EngineStatistics after = engine->statistics();
      const double model = (after.executor_seconds - before.executor_seconds) / 24;
      const double all = (after.generation_seconds - before.generation_seconds) / 24;
      if (bench.settings.json) {
        fmt::print("{}\n", Json{{"load", load.name},
                                {"streams", streams},
                                {"step_seconds", all},
                                {"engine_seconds", all - model}}
                               .dump());
      } else {
        fmt::print("{:<36} {:7}  {:7.1f}  {:9.3f}  {:8.2f}\n", load.name, streams, 1e3 * all,
                   1e3 * (all - model), 100 * (all - model) / all);
      }
      std::fflush(stdout);
    }
  }
  return {};
}

Status Run(const Settings& settings, const std::string& what) {
  Bench bench{settings, nullptr};
  FAIRLEAD_ASSIGN_OR_RETURN(bench.artifact, LoadArtifact(settings.model));
  if (what == "streams") return MeasureStreams(bench);
  if (what == "stall") return MeasureStall(bench);
  return MeasureOverhead(bench);
}

}  // namespace
}  // namespace fairlead

int main(int argc, char** argv) {
  fairlead::Settings settings;
  std::string what;
  CLI::App app("Times the engine on an exported model.");
  app.add_option("MODEL", settings.model, "Artifact folder, one rank")->required();
  app.add_option("WHAT", what, "streams, stall or overhead")
      ->required()
      ->check(CLI::IsMember({"streams", "stall", "overhead"}));
  app.add_option("--tokenizer", settings.tokenizer, "Folder of a tokenizer, for overhead");
  app.add_option("--threads", settings.threads, "0: all CPUs");
  app.add_option("--tokens", settings.tokens, "Tokens of each stream")->check(CLI::Range(24, 900));
  app.add_flag("--json", settings.json, "JSON lines");
  CLI11_PARSE(app, argc, argv);
  const auto status = fairlead::Run(settings, what);
  if (!status) fmt::print(stderr, "{}\n", status.error().message);
  return status ? 0 : 1;
}

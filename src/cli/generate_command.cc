#include <chrono>
#include <iostream>
#include <limits>
#include <map>
#include <memory>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/format.h"
#include "cli/session.h"
#include "runtime/engine.h"
#include "tokenizer/tokenizer.h"

namespace fairlead {
namespace {

using Clock = std::chrono::steady_clock;

struct GenerateOptions {
  RunOptions run;
  std::string prompts;
  int64_t length = 128;
  SamplingParams sampling;
  bool ignore_eos = false;
  bool stats = false;
  bool json = false;
};

// One prompt and what came of it.
struct Generation {
  std::string prompt;
  std::vector<int32_t> prompt_ids;
  std::vector<int32_t> ids;
  std::string text;
  std::string finish_reason;
  std::string error;
};

std::vector<std::string> SplitPrompts(const std::string& text) {
  std::vector<std::string> prompts;
  size_t begin = 0;
  while (true) {
    const size_t bar = text.find('|', begin);
    prompts.push_back(text.substr(begin, bar - begin));
    if (bar == std::string::npos) return prompts;
    begin = bar + 1;
  }
}

// Collects the engine's events; a single prompt's text is also written as it comes.
class Collector {
 public:
  Collector(Tokenizer::Pointer tokenizer, bool stream)
      : tokenizer_(std::move(tokenizer)), stream_(stream) {}

  void Add(RequestId id, Generation generation) {
    if (stream_) std::cout << generation.prompt << std::flush;
    order_.push_back(id);
    entries_.emplace(id, Entry{std::move(generation), StreamDecoder(tokenizer_)});
  }

  Status Take(const Event& event) {
    Entry& entry = entries_.at(event.request);
    // The end token ends the answer and is not part of its text.
    const bool end_token = event.finish_reason == FinishReason::kStop;
    if (event.token) {
      if (!first_token_) first_token_ = Clock::now();
      entry.generation.ids.push_back(*event.token);
      if (!end_token) {
        FAIRLEAD_ASSIGN_OR_RETURN(const std::string text, TextOf(entry, *event.token));
        Emit(entry, text);
      }
    }
    if (event.finish_reason) Finish(entry, event);
    return {};
  }

  std::vector<const Generation*> generations() const {
    std::vector<const Generation*> all;
    for (RequestId id : order_) all.push_back(&entries_.at(id).generation);
    return all;
  }
  std::optional<Clock::time_point> first_token() const { return first_token_; }

 private:
  struct Entry {
    Generation generation;
    StreamDecoder decoder;
  };

  // The text that a token completes. A model's vocabulary may be larger than its tokenizer's: what
  // has no text is shown as U+FFFD, and the answer goes on.
  Result<std::string> TextOf(Entry& entry, int32_t token) {
    if (tokenizer_->TokenBytes(token)) return entry.decoder.Push(token);
    return entry.decoder.Flush() + "\uFFFD";
  }
  void Emit(Entry& entry, const std::string& text) {
    entry.generation.text += text;
    if (stream_) std::cout << text << std::flush;
  }
  void Finish(Entry& entry, const Event& event) {
    Emit(entry, entry.decoder.Flush());
    switch (*event.finish_reason) {
      case FinishReason::kStop:
        entry.generation.finish_reason = "stop";
        break;
      case FinishReason::kLength:
        entry.generation.finish_reason = "length";
        break;
      case FinishReason::kError:
        entry.generation.finish_reason = "error";
        entry.generation.error = event.error;
        break;
    }
    if (stream_) std::cout << '\n';
  }

  Tokenizer::Pointer tokenizer_;
  bool stream_;
  std::vector<RequestId> order_;
  std::map<RequestId, Entry> entries_;
  std::optional<Clock::time_point> first_token_;
};

void PrintJson(const std::vector<const Generation*>& generations) {
  for (const Generation* generation : generations) {
    Json line = {{"prompt", generation->prompt},
                 {"text", generation->text},
                 {"prompt_tokens", generation->prompt_ids.size()},
                 {"ids", generation->ids},
                 {"finish_reason", generation->finish_reason}};
    if (!generation->error.empty()) line["error"] = generation->error;
    std::cout << line.dump() << '\n';
  }
}

void PrintTexts(const std::vector<const Generation*>& generations) {
  for (size_t i = 0; i < generations.size(); ++i) {
    std::cout << fmt::format("{}[{}] {}{}\n", i > 0 ? "\n" : "", i + 1, generations[i]->prompt,
                             generations[i]->text);
  }
}

double Rate(int64_t tokens, double seconds) {
  return seconds > 0 ? static_cast<double>(tokens) / seconds : 0.0;
}

void PrintStatistics(const EngineStatistics& engine, double first_token_seconds) {
  const ProcessMemory memory = ReadProcessMemory();
  std::cerr << fmt::format(
      "prompt: {} tokens, {:.1f} tokens/s\n"
      "generation: {} tokens, {:.1f} tokens/s\n"
      "time to first token: {:.3f} s\n"
      "memory: {} private (RssAnon), {} file-mapped (RssFile)\n",
      engine.prompt_tokens, Rate(engine.prompt_tokens, engine.prompt_seconds),
      engine.generated_tokens, Rate(engine.generated_tokens, engine.generation_seconds),
      first_token_seconds, HumanBytes(memory.anonymous_bytes),
      HumanBytes(memory.file_mapped_bytes));
}

// An export may hold prompts shorter than its sequences.
Status CheckContext(const ExportOptions& exported, const std::string& prompt, int64_t tokens) {
  const int64_t longest = exported.max_context_length;
  if (tokens <= longest || longest == exported.sequence_length) return {};
  return Fail(ErrorCode::kInvalidArgument, "generate",
              "{}: expected at most {} tokens (max_context_length), got {}",
              Quoted(prompt.substr(0, 40)), longest, tokens);
}

Status Run(const GenerateOptions& options) {
  FAIRLEAD_RETURN_IF_ERROR(ValidateSampling(options.sampling));
  FAIRLEAD_ASSIGN_OR_RETURN(const auto artifact, OpenForRun(options.run, options.run.backend));
  FAIRLEAD_ASSIGN_OR_RETURN(const Tokenizer::Pointer tokenizer, Tokenizer::Open(artifact->dir));
  std::vector<Generation> wanted;
  int64_t longest = 0;
  for (const std::string& prompt : SplitPrompts(options.prompts)) {
    Generation generation;
    generation.prompt = prompt;
    FAIRLEAD_ASSIGN_OR_RETURN(generation.prompt_ids,
                              tokenizer->Encode(prompt, /*parse_special=*/false));
    const auto tokens = static_cast<int64_t>(generation.prompt_ids.size());
    FAIRLEAD_RETURN_IF_ERROR(CheckContext(artifact->manifest.options, prompt, tokens));
    longest = std::max(longest, tokens);
    wanted.push_back(std::move(generation));
  }
  const ModelFacts& facts = artifact->facts();
  FAIRLEAD_ASSIGN_OR_RETURN(
      const auto executor,
      CreateExecutor(*artifact, options.run, options.run.backend, static_cast<int>(wanted.size()),
                     longest + options.length));
  FAIRLEAD_ASSIGN_OR_RETURN(const auto engine, Engine::Create(*executor, facts, {}));

  const Clock::time_point start = Clock::now();
  Collector collector(tokenizer, wanted.size() == 1 && !options.json);
  for (Generation& generation : wanted) {
    Request request;
    request.prompt = generation.prompt_ids;
    request.sampling = options.sampling;
    request.max_tokens = options.length;
    request.ignore_eos = options.ignore_eos;
    FAIRLEAD_ASSIGN_OR_RETURN(const RequestId id, engine->Submit(std::move(request)));
    collector.Add(id, std::move(generation));
  }
  while (!engine->idle() && std::cout) {  // nobody reads on a closed pipe
    FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<Event> events, engine->Step());
    for (const Event& event : events) FAIRLEAD_RETURN_IF_ERROR(collector.Take(event));
  }
  const auto generations = collector.generations();
  if (options.json) {
    PrintJson(generations);
  } else if (generations.size() > 1) {
    PrintTexts(generations);
  }
  if (options.stats) {
    const auto first = collector.first_token().value_or(start);
    PrintStatistics(engine->statistics(), std::chrono::duration<double>(first - start).count());
  }
  for (const Generation* generation : generations) {
    if (!generation->error.empty()) {
      return Fail(ErrorCode::kInvalidData, "generate", "\"{}\": {}", generation->prompt,
                  generation->error);
    }
  }
  return {};
}

}  // namespace

void AddGenerateCommand(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("generate", "Continue one or several prompts");
  auto options = std::make_shared<GenerateOptions>();
  SamplingParams& sampling = options->sampling;
  AddRunOptions(*command, options->run);
  command
      ->add_option("--prompts", options->prompts,
                   "Text to continue; several separated by | run as one batch")
      ->required();
  command->add_option("--length", options->length, "Tokens to generate at most, for each prompt")
      ->check(NumberFrom<int64_t>(1, int64_t{1} << 30))
      ->capture_default_str();
  command
      ->add_option("--temperature", sampling.temperature,
                   "Divides the logits; 0 always takes the most likely token")
      ->check(NumberFrom(0.0, std::numeric_limits<double>::max()))
      ->capture_default_str();
  command->add_option("--top_k", sampling.top_k, "Keep the k most likely tokens; 0 keeps all")
      ->check(NumberFrom<int64_t>(0, std::numeric_limits<int>::max()))
      ->capture_default_str();
  command
      ->add_option("--top_p", sampling.top_p,
                   "Keep the fewest most likely tokens that reach this probability")
      ->check(NumberFrom(0.0, 1.0))
      ->capture_default_str();
  command
      ->add_option("--min_p", sampling.min_p,
                   "Keep tokens at least this fraction as likely as the most likely one")
      ->check(NumberFrom(0.0, 1.0))
      ->capture_default_str();
  command->add_option("--seed", sampling.seed, "Same seed, same prompt, same text")
      ->check(NumberFrom<uint64_t>(0, std::numeric_limits<uint64_t>::max()))
      ->capture_default_str();
  command->add_flag("--ignore_eos", options->ignore_eos, "Go on after the end token");
  command->add_flag("--stats", options->stats, "Print speed and memory to stderr at the end");
  command->add_flag("--json", options->json, "Print one JSON object per prompt");
  command->footer(R"(
One prompt streams its text; several are printed when all are done, in order.

  fairlead generate models/tiny-gpt-oss --prompts "The ship" --temperature 0
  fairlead generate openai/gpt-oss-20b --prompts "The sea|The sky" --length 64 --seed 7 --stats)");
  command->callback([options, &action] { action = [options] { return Run(*options); }; });
}

}  // namespace fairlead

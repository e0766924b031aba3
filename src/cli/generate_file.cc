// `fairlead generate --prompts_file`.
#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <iterator>
#include <map>

#include "artifact/checksum.h"
#include "artifact/manifest.h"
#include "cli/answer_file.h"
#include "cli/engine_progress.h"
#include "cli/generate.h"
#include "cli/generation.h"
#include "cli/generator.h"
#include "cli/interrupt.h"

namespace fairlead {
namespace {

// Everything that the answers depend on beside the prompt. How many run side by side, in how much
// memory, on how many threads and with which guesses is not among it.
std::string AnswerSource(const Artifact& artifact, const GenerateOptions& options) {
  const ExportOptions& exported = artifact.manifest.options;
  Json json = {{"fairlead", FairleadVersion()},
               {"checkpoint", artifact.manifest.checkpoint_hash},
               {"torch_dtype", TorchDtypeName(exported.torch_dtype)},
               {"sequence_length", exported.sequence_length},
               {"max_context_length", exported.max_context_length},
               {"tp_degree", exported.tp_degree},
               {"ep_degree", exported.ep_degree},
               {"backend", options.run.backend},
               {"profile", options.run.profile},
               {"settings", SettingsToJson(options.settings)}};
  for (const StoredFile& file : artifact.manifest.files) json["files"][file.name] = file.xxh3;
  return DumpJson(json);
}

Status CheckOutput(const GenerateOptions& options) {
  std::error_code ignored;
  if (std::filesystem::is_directory(options.output, ignored)) {
    return Fail(ErrorCode::kInvalidArgument, "generate",
                "--output {}: expected a file, got a folder", options.output);
  }
  if (std::filesystem::equivalent(options.prompts_file, options.output, ignored)) {
    return Fail(ErrorCode::kInvalidArgument, "generate",
                "--output {}: expected another file than --prompts_file, got the same",
                options.output);
  }
  return {};
}

// Prompts on their way from one file to the other.
class Pipeline {
 public:
  Pipeline(const PromptFile& prompts, const GenerateOptions& options, int64_t vocabulary_size,
           Generator& generator, AnswerFile& answers)
      : prompts_(prompts),
        options_(options),
        vocabulary_size_(vocabulary_size),
        generator_(generator),
        answers_(answers),
        next_(answers.lines()) {}

  // Whether all is written that will be.
  bool done() const { return answers_.lines() == prompts_.size() || (!refusal_ && open_.empty()); }
  // Why a prompt was not submitted, and none after it.
  const Status& refusal() const { return refusal_; }

  // Submits prompts as long as there is use for them.
  Status Submit() {
    while (refusal_ && next_ < prompts_.size() && running_ < kWaitingBatches * options_.max_batch &&
           next_ - answers_.lines() < kMostHeld) {
      FAIRLEAD_ASSIGN_OR_RETURN(Prompt prompt,
                                prompts_.Parse(next_, options_.settings, vocabulary_size_));
      const Status encoded = generator_.Encode(prompt);
      Generation& generation = open_.try_emplace(next_++, std::move(prompt)).first->second;
      const Status started = encoded ? Start(generation) : encoded;
      if (!started) Refuse(started.error());
    }
    return {};
  }

  // Writes the answers before which none is missing.
  Status Write() {
    while (!open_.empty() && open_.begin()->first == answers_.lines() &&
           open_.begin()->second.done()) {
      FAIRLEAD_RETURN_IF_ERROR(answers_.Append(open_.begin()->second.ToJson()));
      open_.erase(open_.begin());
    }
    return {};
  }

 private:
  // Enough waiting ones that a full batch never waits for a file.
  static constexpr int kWaitingBatches = 4;
  // Answers that wait for an earlier one.
  static constexpr size_t kMostHeld = 4096;

  Status Start(Generation& generation) {
    const auto id = generator_.Submit(generation.prompt(), [&](const Event& event) {
      generation.Take(event);
      if (event.finish_reason) --running_;
    });
    if (!id) return tl::unexpected(id.error());
    running_ += generation.prompt().settings.request.n;
    return {};
  }

  // The last prompt was not taken. An error of its own is its answer. With any other it stays
  // unanswered, for a later run, and this one ends when those before it are written.
  void Refuse(const Error& error) {
    const auto last = std::prev(open_.end());
    if (error.code == ErrorCode::kInvalidArgument) return last->second.Refuse(error.message);
    std::string message = prompts_.AtLine(last->first, error.message);
    if (error.code == ErrorCode::kResourceExhausted) {
      message += options_.output.empty()
                     ? "; expected more --kv_cache_memory"
                     : "; the same command with more --kv_cache_memory goes on from there";
    }
    open_.erase(last);
    refusal_ = Fail(error.code, "generate", "{}", message);
  }

  const PromptFile& prompts_;
  const GenerateOptions& options_;
  int64_t vocabulary_size_;
  Generator& generator_;
  AnswerFile& answers_;
  size_t next_;                        // line to submit
  int running_ = 0;                    // answers
  std::map<size_t, Generation> open_;  // submitted and not written, by line
  Status refusal_;
};

// Errors of the engine end the run; what was written stays.
Status Run(Pipeline& pipeline, Generator& generator, const GenerateOptions& options,
           const AnswerFile& answers, size_t prompts) {
  const InterruptWatch watch;
  // Unless the answers themselves run through the terminal.
  const bool visible = !options.output.empty() || ::isatty(STDOUT_FILENO) == 0;
  EngineProgress progress("generating", "prompts", generator.engine());
  while (!pipeline.done()) {
    if (InterruptWatch::requested()) {
      return Fail(ErrorCode::kInterrupted, "generate", "interrupted after {} of {} prompts; {}",
                  answers.lines(), prompts,
                  options.output.empty() ? "with --output FILE the same command can go on later"
                                         : "the same command goes on from there");
    }
    FAIRLEAD_RETURN_IF_ERROR(pipeline.Submit());
    FAIRLEAD_RETURN_IF_ERROR(generator.engine().Step());
    FAIRLEAD_RETURN_IF_ERROR(pipeline.Write());
    if (visible) progress.Update(answers.lines(), prompts);
  }
  return pipeline.refusal();
}

}  // namespace

Status GenerateFile(const GenerateOptions& options) {
  FAIRLEAD_RETURN_IF_ERROR(CheckOutput(options));
  FAIRLEAD_ASSIGN_OR_RETURN(const PromptFile prompts, PromptFile::Read(options.prompts_file));
  constexpr int64_t kAnyId = int64_t{1} << 31;  // which ids there are, only the model knows
  FAIRLEAD_ASSIGN_OR_RETURN(const int64_t wanted, prompts.Check(options.settings, kAnyId));
  FAIRLEAD_ASSIGN_OR_RETURN(const auto artifact, OpenForRun(options.run, options.run.backend));
  const int64_t vocabulary_size = artifact->facts().vocabulary_size;
  FAIRLEAD_RETURN_IF_ERROR(prompts.Check(options.settings, vocabulary_size));
  FAIRLEAD_ASSIGN_OR_RETURN(const Tokenizer::Pointer tokenizer, Tokenizer::Open(artifact->dir));

  const std::string source = AnswerSource(*artifact, options);
  const auto fingerprint = [&prompts, &source](size_t index) {
    Checksum checksum;
    checksum.Add(source);
    checksum.Add(prompts.line(index));
    return checksum.Digest();
  };
  FAIRLEAD_ASSIGN_OR_RETURN(AnswerFile answers, AnswerFile::Open(options.output, prompts.size(),
                                                                 options.force, fingerprint));
  if (answers.lines() > 0) {
    std::cerr << fmt::format("{}: {} of {} prompts are already answered\n", answers.name(),
                             answers.lines(), prompts.size());
  }
  if (answers.lines() < prompts.size()) {
    FAIRLEAD_ASSIGN_OR_RETURN(const auto generator,
                              Generator::Create(artifact, tokenizer, options, wanted, 0));
    std::cerr << Describe(generator->kv_memory()) << '\n';
    Pipeline pipeline(prompts, options, vocabulary_size, *generator, answers);
    const Status ran = Run(pipeline, *generator, options, answers, prompts.size());
    if (options.stats) PrintStatistics(generator->statistics(), options.json);
    FAIRLEAD_RETURN_IF_ERROR(ran);
  }
  if (answers.failed() == 0) return {};
  return Fail(ErrorCode::kInvalidData, "generate", "{} of {} prompts failed; see {}",
              answers.failed(), prompts.size(), answers.name());
}

}  // namespace fairlead

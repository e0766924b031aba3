// `fairlead generate --prompts`.
#include <iostream>
#include <vector>

#include "cli/generate.h"
#include "cli/generation.h"
#include "cli/generator.h"
#include "cli/interrupt.h"

namespace fairlead {
namespace {

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

std::string_view TextOf(const Generation& generation) { return *generation.prompt().text; }

// One object for each answer; `answer` tells apart those to the same prompt.
void PrintJson(const std::vector<Generation>& generations) {
  for (const Generation& generation : generations) {
    const size_t answers = generation.answers().size();
    for (size_t i = 0; i < answers; ++i) {
      Json line = {{"prompt", TextOf(generation)}};
      if (answers > 1) line["answer"] = i;
      line["text"] = "";
      line["prompt_tokens"] = generation.prompt().ids.size();
      line.update(generation.AnswerJson(i));
      std::cout << DumpJson(line) << '\n';
    }
  }
}

// "[2] " before the second prompt or answer, "[2.1] " where there are several of both.
void PrintTexts(const std::vector<Generation>& generations) {
  const char* gap = "";
  for (size_t i = 0; i < generations.size(); ++i) {
    const auto& answers = generations[i].answers();
    for (size_t k = 0; k < answers.size(); ++k) {
      std::string label = std::to_string(generations.size() > 1 ? i + 1 : k + 1);
      if (generations.size() > 1 && answers.size() > 1) label += fmt::format(".{}", k + 1);
      std::cout << fmt::format("{}[{}] {}{}\n", gap, label, TextOf(generations[i]),
                               answers[k].text);
      gap = "\n";
    }
  }
}

// The prompts with their ids. Those too long for the export are errors.
Result<std::vector<Generation>> Encode(const GenerateOptions& options, const Artifact& artifact,
                                       const Tokenizer& tokenizer) {
  const ExportOptions& exported = artifact.manifest.options;
  const auto longest = static_cast<size_t>(exported.max_context_length);
  std::vector<Generation> generations;
  for (const std::string& text : SplitPrompts(options.prompts)) {
    Prompt prompt;
    prompt.text = text;
    prompt.settings = options.settings;
    FAIRLEAD_ASSIGN_OR_RETURN(prompt.ids, tokenizer.Encode(text, /*parse_special=*/false));
    if (prompt.ids.size() > longest && longest < static_cast<size_t>(exported.sequence_length)) {
      return Fail(ErrorCode::kInvalidArgument, "generate",
                  "{}: expected at most {} tokens (max_context_length), got {}",
                  Quoted(text.substr(0, 40)), longest, prompt.ids.size());
    }
    generations.emplace_back(std::move(prompt));
  }
  return generations;
}

// Runs the engine until all is done, nobody reads any more, or the user has enough.
Status Run(Engine& engine, const std::vector<RequestId>& requests) {
  const InterruptWatch watch;
  bool cancelled = false;
  while (std::cout) {
    if (InterruptWatch::requested() && !cancelled) {
      for (RequestId id : requests) engine.Cancel(id);
      cancelled = true;
    }
    FAIRLEAD_ASSIGN_OR_RETURN(const bool stepped, engine.Step());
    if (!stepped) break;
  }
  if (cancelled) return Fail(ErrorCode::kInterrupted, "generate", "interrupted");
  return {};
}

Status FirstError(const std::vector<Generation>& generations) {
  for (const Generation& generation : generations) {
    for (const GeneratedAnswer& answer : generation.answers()) {
      if (answer.error.empty()) continue;
      return Fail(ErrorCode::kInvalidData, "generate", "\"{}\": {}", TextOf(generation),
                  answer.error);
    }
  }
  return {};
}

}  // namespace

Status GeneratePrompts(const GenerateOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto artifact, OpenForRun(options.run, options.run.backend));
  FAIRLEAD_RETURN_IF_ERROR(CheckSettings(options.settings, artifact->facts().vocabulary_size));
  FAIRLEAD_ASSIGN_OR_RETURN(const Tokenizer::Pointer tokenizer, Tokenizer::Open(artifact->dir));
  FAIRLEAD_ASSIGN_OR_RETURN(std::vector<Generation> generations,
                            Encode(options, *artifact, *tokenizer));
  size_t longest = 0;
  for (const Generation& generation : generations) {
    longest = std::max(longest, generation.prompt().ids.size());
  }
  const int answers = options.settings.request.n;
  FAIRLEAD_ASSIGN_OR_RETURN(
      const auto generator,
      Generator::Create(artifact, tokenizer, options,
                        static_cast<int64_t>(generations.size()) * answers,
                        static_cast<int64_t>(longest) + options.settings.request.max_tokens));

  const bool stream = generations.size() == 1 && answers == 1 && !options.json;
  std::vector<RequestId> requests;
  for (Generation& generation : generations) {
    const auto sink = [&generation, stream](const Event& event) {
      generation.Take(event);
      if (!stream) return;
      std::cout << event.text << std::flush;
      if (event.finish_reason) std::cout << '\n';
    };
    FAIRLEAD_ASSIGN_OR_RETURN(const RequestId id, generator->Submit(generation.prompt(), sink));
    requests.push_back(id);
  }
  if (stream) std::cout << TextOf(generations[0]) << std::flush;
  Status ran = Run(generator->engine(), requests);
  if (!ran && ran.error().code != ErrorCode::kInterrupted) return ran;

  if (options.json) {
    PrintJson(generations);
  } else if (!stream) {
    PrintTexts(generations);
  }
  if (options.stats) PrintStatistics(generator->statistics(), options.json);
  return ran ? FirstError(generations) : ran;
}

}  // namespace fairlead

#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

#include "checkpoint/resolve.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/eval/eval_options.h"
#include "cli/eval/eval_report.h"
#include "cli/eval/eval_run.h"
#include "cli/eval/suite_file.h"
#include "cli/replace_file.h"

namespace fairlead {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxTokens = 512;

Result<fs::path> SuitesFolder(const EvalOptions& options) {
  if (!options.suites_folder.empty()) return fs::path(options.suites_folder);
  FAIRLEAD_ASSIGN_OR_RETURN(const ResolvedModel model, ResolveModel(options.generate.run.model));
  if (model.kind != ModelKind::kArtifact) return model.dir / "eval";
  return Fail(ErrorCode::kInvalidArgument, "eval",
              "--suites: expected a folder, as an exported model has no suites of its own, got "
              "nothing");
}

// The files that are to be written, found before the work begins.
struct Outputs {
  std::optional<FileTarget> scores, answers;
};

Result<std::optional<FileTarget>> FindOutput(const std::string& path) {
  if (path.empty()) return std::nullopt;
  FAIRLEAD_ASSIGN_OR_RETURN(FileTarget target, FindFileTarget("eval", path));
  return target;
}

Result<Outputs> FindOutputs(const EvalOptions& options) {
  Outputs outputs;
  FAIRLEAD_ASSIGN_OR_RETURN(outputs.scores, FindOutput(options.output));
  FAIRLEAD_ASSIGN_OR_RETURN(outputs.answers, FindOutput(options.answers));
  if (outputs.scores && outputs.answers && outputs.scores->path == outputs.answers->path) {
    return Fail(ErrorCode::kInvalidArgument, "eval",
                "--answers {}: expected another file than --output, got the same", options.answers);
  }
  return outputs;
}

Status WriteOutput(const std::optional<FileTarget>& target, const std::string& text) {
  constexpr mode_t kMode = 0666;
  return target ? ReplaceFile("eval", *target, text, kMode) : Status();
}

Status Run(const EvalOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(const Outputs outputs, FindOutputs(options));
  FAIRLEAD_ASSIGN_OR_RETURN(const fs::path folder, SuitesFolder(options));
  FAIRLEAD_ASSIGN_OR_RETURN(std::vector<EvalSuite> suites, ReadEvalSuites(folder, options.suites));
  for (EvalSuite& suite : suites) {
    if (options.limit > 0 && suite.items.size() > options.limit) suite.items.resize(options.limit);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<SuiteResult> results, RunSuites(suites, options));
  const std::string scores = ScoresJson(results, options).dump(2) + "\n";
  FAIRLEAD_RETURN_IF_ERROR(WriteOutput(outputs.answers, AnswerLines(results)));
  FAIRLEAD_RETURN_IF_ERROR(WriteOutput(outputs.scores, scores));
  std::cout << WrongAnswers(results, options.show_wrong);
  std::cout << (options.json ? scores : ScoresTable(results));
  return {};
}

constexpr const char* kFooter = R"(
A suite is a file NAME.jsonl of questions with their right answers; the model's folder has some in
its subfolder eval. Every item is a conversation, which the model answers with its most likely
tokens:
  {"id": "sums/17", "request": {"messages": [{"role": "user", "content": "What is 17+25?"}],
   "reasoning_effort": "low"}, "expect": [{"final": "42"}]}
docs/eval.md tells what else there can be: tools, JSON answers, dates.

An item is right when all of it is. Answers that --max_tokens or the context cuts off are wrong.
The mean is that of the suites. The exit code does not depend on the scores.

  fairlead eval models/tiny-gpt-oss
  fairlead eval models/tiny-gpt-oss --suite arithmetic --limit 50 --show_wrong 5
  fairlead eval gpt-oss-20b/ --suites models/tiny-gpt-oss/eval --output scores.json)";

void AddSuiteOptions(CLI::App& command, EvalOptions& options) {
  const std::string group = "Suites";
  command
      .add_option("--suite", options.suites,
                  "Ask the items of this suite; may be given several times; default: all suites")
      ->allow_extra_args(false)
      ->type_name("NAME")
      ->group(group);
  command
      .add_option("--suites", options.suites_folder,
                  "Where the suites are, instead of in the model's folder")
      ->type_name("DIR")
      ->group(group);
  command.add_option("--limit", options.limit, "Ask the first N items of each suite")
      ->check(NumberFrom<int64_t>(1, int64_t{1} << 30))
      ->type_name("N")
      ->group(group);
}

void AddReportOptions(CLI::App& command, EvalOptions& options) {
  const std::string group = "Report";
  command.add_option("--output", options.output, "Write the scores to this file as JSON, too")
      ->type_name("FILE")
      ->group(group);
  command
      .add_option("--answers", options.answers,
                  "Write every item's prompts and answers to this file, as JSON lines of token ids")
      ->type_name("FILE")
      ->group(group);
  CLI::Option* wrong =
      command.add_option("--show_wrong", options.show_wrong, "Print the first N wrong answers")
          ->check(NumberFrom<int64_t>(1, int64_t{1} << 30))
          ->type_name("N")
          ->group(group);
  command.add_flag("--json", options.json, "Print the scores as JSON instead of as a table")
      ->excludes(wrong)
      ->group(group);
  command
      .add_flag_function(
          "--no_header_constraint",
          [&options](int64_t count) { options.header_constraint = count == 0; },
          "Let the model write message headers as it likes; they are repaired")
      ->group(group);
}

}  // namespace

void AddEvalCommand(CLI::App& app, Action& action) {
  CLI::App* command =
      app.add_subcommand("eval", "Ask a model questions and count its right answers");
  auto options = std::make_shared<EvalOptions>();
  Request& request = options->generate.settings.request;
  request.max_tokens = kMaxTokens;
  request.sampling.temperature = 0;
  AddRunOptions(*command, options->generate.run);
  AddSuiteOptions(*command, *options);
  AddReportOptions(*command, *options);
  AddSettingOptions(*command, options->generate.settings, std::vector<std::string>{"max_tokens"});
  AddEngineOptions(*command, options->generate);
  command->footer(kFooter);
  command->callback([options, &action] { action = [options] { return Run(*options); }; });
}

}  // namespace fairlead

#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>

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

// Where a target will be, however its folder was spelled.
fs::path Place(const FileTarget& target) {
  std::error_code error;
  const fs::path folder =
      fs::canonical(target.path.has_parent_path() ? target.path.parent_path() : ".", error);
  return folder / target.path.filename();
}

Result<Outputs> FindOutputs(const EvalOptions& options) {
  Outputs outputs;
  FAIRLEAD_ASSIGN_OR_RETURN(outputs.scores, FindOutput(options.output));
  FAIRLEAD_ASSIGN_OR_RETURN(outputs.answers, FindOutput(options.answers));
  if (outputs.scores && outputs.answers && Place(*outputs.scores) == Place(*outputs.answers)) {
    return Fail(ErrorCode::kInvalidArgument, "eval",
                "--answers {}: expected another file than --output, got the same", options.answers);
  }
  return outputs;
}

// Whether a file at `place` is a suite of the folder, or would be one.
bool IsSuite(const fs::path& place, const fs::path& folder) {
  std::error_code error;
  const bool inside = place.parent_path() == fs::canonical(folder, error);
  if (inside && place.extension() == ".jsonl") return true;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (fs::equivalent(place, entry->path(), ignored)) return true;
  }
  return false;
}

Status CheckOutputs(const Outputs& outputs, const fs::path& folder) {
  for (const auto& [option, target] :
       {std::pair("--output", &outputs.scores), std::pair("--answers", &outputs.answers)}) {
    if (!*target || !IsSuite(Place(**target), folder)) continue;
    return Fail(ErrorCode::kInvalidArgument, "eval", "{} {}: expected a file that is no suite",
                option, (*target)->path.string());
  }
  return {};
}

Status WriteOutput(const std::optional<FileTarget>& target, const std::string& text) {
  constexpr mode_t kMode = 0666;
  return target ? ReplaceFile("eval", *target, text, kMode) : Status();
}

Status Run(const EvalOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(const Outputs outputs, FindOutputs(options));
  FAIRLEAD_ASSIGN_OR_RETURN(const fs::path folder, SuitesFolder(options));
  FAIRLEAD_RETURN_IF_ERROR(CheckOutputs(outputs, folder));
  FAIRLEAD_ASSIGN_OR_RETURN(std::vector<EvalSuite> suites, ReadEvalSuites(folder, options.suites));
  for (EvalSuite& suite : suites) {
    if (options.limit > 0 && suite.items.size() > options.limit) suite.items.resize(options.limit);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<SuiteResult> results, RunSuites(suites, options));
  const std::string scores = DumpJson(ScoresJson(results, options), 2) + "\n";
  std::cout << WrongAnswers(results, options.show_wrong);
  std::cout << (options.json ? scores : ScoresTable(results)) << std::flush;
  // That one cannot be written is no reason to lose the other.
  const Status answers = WriteOutput(outputs.answers, EvalAnswerLines(results));
  const Status written = WriteOutput(outputs.scores, scores);
  return answers ? written : answers;
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

// An empty name would be taken for none.
CLI::Validator NotEmpty() {
  return {
      [](const std::string& text) { return text.empty() ? "expected a name, got nothing" : ""; },
      ""};
}

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
      ->check(NotEmpty())
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
      ->check(NotEmpty())
      ->type_name("FILE")
      ->group(group);
  command
      .add_option("--answers", options.answers,
                  "Write every item's prompts and answers to this file, as JSON lines of token ids")
      ->check(NotEmpty())
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

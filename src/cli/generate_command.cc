#include <iostream>
#include <memory>

#include "artifact/byte_size.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/generate.h"

namespace fairlead {
namespace {

Status Run(const GenerateOptions& options) {
  const Request& request = options.settings.request;
  const bool logprobs = request.logprobs || request.top_logprobs > 0;
  if (logprobs && !options.json && options.prompts_file.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "generate",
                "--logprobs: expected --json or --prompts_file to show them, got neither");
  }
  constexpr int64_t kAnyId = int64_t{1} << 31;  // which ids there are, only the model knows
  FAIRLEAD_RETURN_IF_ERROR(CheckSettings(options.settings, kAnyId));
  return options.prompts_file.empty() ? GeneratePrompts(options) : GenerateFile(options);
}

constexpr const char* kFooter = R"(
One prompt streams its text; several are printed when all are done, in order.

  fairlead generate models/tiny-gpt-oss --prompts "The ship" --temperature 0
  fairlead generate openai/gpt-oss-20b --prompts "The sea|The sky" --length 64 --seed 7 --stats
  fairlead generate gpt-oss-20b/ --prompts "A date: " --regex "\d{4}-\d\d-\d\d" --n 3

--prompts_file takes many prompts, one JSON object a line:
  {"prompt": "The sea"}
  {"id": "b", "prompt_ids": [279, 358], "max_tokens": 20, "temperature": 0, "stop": ["\n"]}
"id" comes back with the answers. Every option above from --max_tokens to --priority is also a key;
"logit_bias" is an object, {"50": -100}. The whole file is checked before anything runs. For every
line one comes out, in the same order:
  {"index": 0, "fingerprint": "...", "id": "b", "prompt": "The sea", "prompt_tokens": 2,
   "answers": [{"text": "...", "ids": [...], "finish_reason": "stop"}]}
finish_reason is stop, length or error. A prompt that fails, say because it is longer than the
model's context, has an "error" among its answers; the others go on, and the exit code is 1. One for
which --kv_cache_memory is too small ends the run with an error; more memory goes on from there.

Prompts are taken from the file in its order, four times --max_batch answers ahead: "priority" acts
among these, not in the whole file.

With --output FILE an interrupted run (Ctrl-C, or anything else) goes on where it ended when the
same command is given again; the result is the same as without the interruption. The fingerprint
tells whether a line belongs to the same model, options and prompt: other files are refused.

  fairlead generate gpt-oss-20b/ --prompts_file prompts.jsonl --output answers.jsonl --max_batch 16
  jq -r '.answers[0].text' answers.jsonl)";

}  // namespace

void AddEngineOptions(CLI::App& command, GenerateOptions& options) {
  const std::string group = "Speed and memory";
  command.add_option("--max_batch", options.max_batch, "Sequences that run side by side at most")
      ->check(NumberFrom<int64_t>(1, 1024))
      ->capture_default_str()
      ->group(group);
  const auto read_size = [&options](const std::string& text) {
    const auto bytes = ParseByteSize(text);
    if (!bytes || *bytes == 0) {
      throw CLI::ValidationError(
          "--kv_cache_memory",
          fmt::format("expected a size such as 2GB or 512MiB, got {}", Quoted(text)));
    }
    options.kv_cache_memory = *bytes;
  };
  command
      .add_option_function<std::string>(
          "--kv_cache_memory", read_size,
          "Memory for keys and values, such as 2GB; without it what is of use and free; "
          "--stats tells its size")
      ->type_name("SIZE")
      ->group(group);
  command
      .add_option("--speculate", options.speculate,
                  "Guess K tokens ahead from what the text repeats; the answers stay the same")
      ->check(NumberFrom<int64_t>(0, 64))
      ->capture_default_str()
      ->group(group);
  command
      .add_flag("--stats", options.stats,
                "Print speed, memory and cache to stderr at the end; with --json as one object")
      ->group(group);
}

void AddGenerateCommand(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("generate", "Continue one, several or very many prompts");
  auto options = std::make_shared<GenerateOptions>();
  AddRunOptions(*command, options->run);
  CLI::Option* prompts = command->add_option(
      "--prompts", options->prompts, "Text to continue; several separated by | run as one batch");
  CLI::Option* file = command->add_option("--prompts_file", options->prompts_file,
                                          "Prompts as JSON lines; - for stdin (see below)");
  command
      ->add_option("--output", options->output,
                   "Where the answers to --prompts_file go; default, and -, stdout")
      ->needs(file);
  command->add_flag("--force", options->force, "Start over when the file of --output exists")
      ->needs(file);
  command->add_flag("--json", options->json, "Print one JSON object per answer");
  AddSettingOptions(*command, options->settings);
  AddEngineOptions(*command, *options);
  prompts->excludes(file);
  command->footer(kFooter);
  command->callback([options, prompts, file, &action] {
    if (prompts->count() + file->count() == 0) {
      throw CLI::RequiredError("one of --prompts and --prompts_file");
    }
    if (options->output == "-") options->output.clear();
    action = [options] { return Run(*options); };
  });
}

}  // namespace fairlead

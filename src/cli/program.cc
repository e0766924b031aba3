#include <algorithm>
#include <csignal>
#include <exception>
#include <iostream>
#include <optional>
#include <utility>

#include "base/log.h"
#include "base/nearest.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/format.h"

namespace fairlead {
namespace {

constexpr int kFailure = 1;
constexpr int kUsage = 2;
constexpr int kInterrupted = 130;  // what a shell makes of SIGINT

constexpr const char* kFooter = R"(
MODEL is a folder (a Hugging Face checkpoint or an exported artifact) or an id such as
openai/gpt-oss-20b, looked up in the Hugging Face cache. A checkpoint is exported into Fairlead's
own cache the first time it is used: $FAIRLEAD_CACHE, or ~/.cache/fairlead, of which
`fairlead cache` takes care. FAIRLEAD_FORCE_ISA (scalar, avx2 or avx512) chooses the instruction set
of the cpu backend.

Options may be written with underscores or dashes: --batch_size, --batch-size.
Results go to stdout, messages to stderr. Exit codes: 0 success, 1 failure, 2 usage,
130 interrupted.

  fairlead chat openai/gpt-oss-20b
  fairlead generate models/tiny-gpt-oss --prompts "The ship"
  fairlead export --model openai/gpt-oss-20b out/
  fairlead COMMAND --help)";

constexpr const char* kGeneralOptions = R"(

With every command: --log_level debug, info, warning, error or off.)";

// The one line on stderr that a run that fails ends with.
void Complain(std::string_view message) { std::cerr << "fairlead: " << OneLine(message) << '\n'; }

std::vector<std::string> OptionNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::vector<std::string> CommandNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

std::string SeeHelp(const CLI::App& command) {
  std::string words;
  for (const CLI::App* part = &command; part->get_parent() != nullptr; part = part->get_parent()) {
    words.insert(0, part->get_name() + " ");
  }
  return fmt::format("(see fairlead {}--help)", words);
}

// The subcommand that the arguments name first, or its own subcommand ("cache list"), or the
// program itself.
const CLI::App& ChosenCommand(const CLI::App& app, const std::vector<std::string>& arguments) {
  const CLI::App* chosen = &app;
  for (const std::string& argument : arguments) {
    const auto commands = chosen->get_subcommands(
        [&](const CLI::App* command) { return command->get_name() == argument; });
    if (!commands.empty()) chosen = commands.front();
  }
  return *chosen;
}

// The option of that name, of the command or of the program; nullptr for none.
const CLI::Option* FindOption(const CLI::App& app, const CLI::App& command,
                              const std::string& name) {
  const CLI::Option* option = command.get_option_no_throw(name);
  return option != nullptr ? option : app.get_option_no_throw(name);
}

struct PreparedArguments {
  std::vector<std::string> words;
  std::optional<std::string> unknown_option;
};

// What the user typed as the parser needs it: one spelling, and a value that begins with a dash
// tied to its option, which the parser would take for an option. An unknown option is found here,
// as a parser that misses `--prompts` would say so and hide that `--promts` was there.
PreparedArguments Prepare(const CLI::App& app, const std::vector<std::string>& arguments) {
  const CLI::App& command = ChosenCommand(app, arguments);
  PreparedArguments prepared;
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string word = NormalizeOption(arguments[i]);
    if (word.starts_with("--") && word != "--") {
      const std::string name = word.substr(0, word.find('='));
      const CLI::Option* option = FindOption(app, command, name);
      if (option == nullptr) {
        prepared.unknown_option = name;
        return prepared;
      }
      const bool takes_next = option->get_items_expected_max() > 0 && name == word;
      if (takes_next && i + 1 < arguments.size()) {
        const std::string& value = arguments[++i];
        if (value.starts_with('-')) {
          word += "=" + value;
        } else {
          prepared.words.push_back(std::exchange(word, value));
        }
      }
    }
    prepared.words.push_back(std::move(word));
  }
  return prepared;
}

void ReportUnknownOption(const CLI::App& app, const CLI::App& command, const std::string& name) {
  std::vector<std::string> candidates = OptionNames(command);
  for (const std::string& general : OptionNames(app)) candidates.push_back(general);
  Complain(fmt::format("unknown option \"{}\"{} {}", name, DidYouMean(name, candidates),
                       SeeHelp(command)));
}

// A word that is no option: a command that does not exist, or one argument too many.
void ReportUnexpected(const CLI::App& app, const CLI::App& command) {
  const std::vector<std::string> unexpected = app.remaining(/*recurse=*/true);
  const std::string word = unexpected.empty() ? "" : unexpected.front();
  const bool no_command = !command.get_subcommands({}).empty();
  const char* const kind = word.starts_with('-') ? "unknown option"
                           : no_command          ? "unknown command"
                                                 : "unexpected argument";
  Complain(fmt::format("{} \"{}\"{} {}", kind, word,
                       no_command ? DidYouMean(word, CommandNames(command)) : "",
                       SeeHelp(command)));
}

int ReportParseError(const CLI::App& app, const CLI::App& command, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) {  // --help, --version
    app.exit(error);
    return 0;
  }
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    ReportUnexpected(app, command);
  } else {
    Complain(fmt::format("{} {}", error.what(), SeeHelp(command)));
  }
  return kUsage;
}

int ReportFailure(const Error& error) {
  Complain(error.message);
  if (error.code == ErrorCode::kInterrupted) return kInterrupted;
  return error.code == kUsageError ? kUsage : kFailure;
}

// To the help of every command below `app`.
void AppendGeneralOptions(CLI::App& app) {
  for (CLI::App* command : app.get_subcommands({})) {
    command->footer(command->get_footer() + kGeneralOptions);
    AppendGeneralOptions(*command);
  }
}

int ParseAndRun(int argc, const char* const* argv) {
  CLI::App app("Runs gpt-oss models: chat, generate, export a checkpoint, load it.", "fairlead");
  app.footer(kFooter);
  app.require_subcommand(0, 1);
  app.set_version_flag("--version", FAIRLEAD_VERSION);
  std::string log_level = "info";
  app.add_option("--log_level", log_level, "debug, info, warning, error or off")
      ->capture_default_str();
  app.fallthrough();  // general options may follow the command
  app.allow_extras(false);
  Action action;
  AddChatCommand(app, action);
  AddGenerateCommand(app, action);
  AddEvalCommand(app, action);
  AddExportCommand(app, action);
  AddLoadCommand(app, action);
  AddInspectCommand(app, action);
  AddTokenizeCommand(app, action);
  AddHarmonyCommand(app, action);
  AddLogitsCommand(app, action);
  AddCompareCommand(app, action);
  AddCacheCommand(app, action);
  AppendGeneralOptions(app);

  const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  const CLI::App& command = ChosenCommand(app, arguments);
  PreparedArguments prepared = Prepare(app, arguments);
  if (prepared.unknown_option) {
    ReportUnknownOption(app, command, *prepared.unknown_option);
    return kUsage;
  }
  std::reverse(prepared.words.begin(), prepared.words.end());  // CLI11 takes them last first
  try {
    app.parse(prepared.words);
  } catch (const CLI::ParseError& error) {
    return ReportParseError(app, command, error);
  }
  if (const Status status = SetLogLevel(log_level); !status) return ReportFailure(status.error());
  if (!action) {
    std::cerr << app.help();
    return kUsage;
  }
  const Status status = action();
  if (!status) return ReportFailure(status.error());
  if (!std::cout.flush()) {
    Complain("cannot write to stdout");
    return kFailure;
  }
  return 0;
}

}  // namespace

int RunProgram(int argc, const char* const* argv) {
  // A closed pipe and a file over the limit are errors to report, not silent deaths.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    return ParseAndRun(argc, argv);
  } catch (const std::bad_alloc&) {
    Complain("out of memory");
  } catch (const std::exception& error) {
    Complain(fmt::format("internal error: {}", error.what()));
  }
  return kFailure;
}

}  // namespace fairlead

// A command of the program: where its options are declared, and what runs once they are parsed.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "base/error.h"

namespace fairlead {

// What the command line asked for; set by the chosen command's parser.
using Action = std::function<Status()>;

// Each adds its subcommand to `app` and sets `action` when it is chosen. One file per command.
void AddChatCommand(CLI::App& app, Action& action);
void AddGenerateCommand(CLI::App& app, Action& action);
void AddEvalCommand(CLI::App& app, Action& action);
void AddExportCommand(CLI::App& app, Action& action);
void AddLoadCommand(CLI::App& app, Action& action);
void AddInspectCommand(CLI::App& app, Action& action);
void AddTokenizeCommand(CLI::App& app, Action& action);
void AddHarmonyCommand(CLI::App& app, Action& action);
void AddLogitsCommand(CLI::App& app, Action& action);
void AddCompareCommand(CLI::App& app, Action& action);
void AddCacheCommand(CLI::App& app, Action& action);

// A request that cannot be carried out as asked: the program exits with 2, as for an unknown
// option. Status values with this code that a command returns count as usage errors too.
inline constexpr ErrorCode kUsageError = ErrorCode::kInvalidArgument;

// Runs the program: parses, acts, prints errors to stderr. Returns the exit code: 0 success,
// 1 failure, 2 usage, 130 interrupted.
int RunProgram(int argc, const char* const* argv);

}  // namespace fairlead

// What can be asked of a chat beside the conversation: lines that begin with a slash.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cli/chat/chat_options.h"

namespace fairlead {

enum class ChatCommand {
  kHelp,
  kNew,
  kRetry,
  kEdit,
  kEffort,
  kSystem,
  kDeveloper,
  kThink,
  kTools,
  kSet,
  kSave,
  kLoad,
  kStats,
  kExit,
};

struct CommandLine {
  ChatCommand command;
  std::string argument;  // without spaces around it
};

// Whether a line is for the program and not for the model.
bool IsCommand(std::string_view line);
// kInvalidArgument for a command that there is not, with the one that was meant; for an argument
// that is missing or not expected.
Result<CommandLine> ParseCommand(std::string_view line);

// What /help says: lines of at most 79 columns, and paragraphs below them.
std::string CommandHelp();

// "show", "fold" or "hide"; nullopt for anything else.
std::optional<ThinkMode> ThinkModeFromName(std::string_view name);

}  // namespace fairlead

#include "cli/chat/commands.h"

#include <algorithm>

#include "base/nearest.h"
#include "base/trim.h"

namespace fairlead {
namespace {

enum class Takes { kNothing, kMaybe, kSomething };

struct Entry {
  std::string_view name;
  ChatCommand command;
  Takes takes;
  std::string_view argument;
  std::string_view help;
};

constexpr Entry kCommands[] = {
    {"/help", ChatCommand::kHelp, Takes::kMaybe, "", "this text"},
    {"/new", ChatCommand::kNew, Takes::kNothing, "", "begin a new conversation"},
    {"/retry", ChatCommand::kRetry, Takes::kNothing, "", "another answer to the last message"},
    {"/edit", ChatCommand::kEdit, Takes::kNothing, "", "change the last message and send it again"},
    {"/effort", ChatCommand::kEffort, Takes::kMaybe, "low|medium|high",
     "how long the model thinks"},
    {"/system", ChatCommand::kSystem, Takes::kMaybe, "TEXT|off", "tell the model who it is"},
    {"/developer", ChatCommand::kDeveloper, Takes::kMaybe, "TEXT|off",
     "instructions for all answers"},
    {"/think", ChatCommand::kThink, Takes::kMaybe, "show|fold|hide",
     "what you see of the thinking; alone: the last one"},
    {"/tools", ChatCommand::kTools, Takes::kMaybe, "FILE|off",
     "commands that the model may ask for"},
    {"/set", ChatCommand::kSet, Takes::kMaybe, "NAME VALUE", "such as /set temperature 0.7"},
    {"/save", ChatCommand::kSave, Takes::kSomething, "FILE", "write the conversation to a file"},
    {"/load", ChatCommand::kLoad, Takes::kSomething, "FILE", "go on with a saved one"},
    {"/stats", ChatCommand::kStats, Takes::kNothing, "", "speed, cache and context"},
    {"/exit", ChatCommand::kExit, Takes::kNothing, "", "leave; so does Ctrl-D"},
};

// Paragraphs: the screen wraps them.
constexpr std::string_view kKeys =
    R"(
Enter sends. For a message of several lines: Alt-Enter, a \ at the end of a line, or """ )"
    R"(before and after. Text that you paste is one message. Up and Ctrl-R bring back earlier )"
    R"(messages; one that begins with a space is not kept.
Ctrl-C stops an answer; what was said so far stays. Ctrl-O shows the thinking.
A message that begins with / needs a space before it.)";

}  // namespace

bool IsCommand(std::string_view line) { return line.starts_with('/'); }

Result<CommandLine> ParseCommand(std::string_view line) {
  const size_t end = std::min(line.find_first_of(" \t\n"), line.size());
  std::string_view name = line.substr(0, end);
  const std::string_view argument = Trimmed(line.substr(end));
  if (name == "/quit") name = "/exit";
  std::vector<std::string> names;
  for (const Entry& entry : kCommands) {
    names.emplace_back(entry.name);
    if (entry.name != name) continue;
    if (entry.takes == Takes::kSomething && argument.empty()) {
      return Fail(ErrorCode::kInvalidArgument, "chat", "{}: expected {} behind it", name,
                  entry.argument);
    }
    if (entry.takes == Takes::kNothing && !argument.empty()) {
      return Fail(ErrorCode::kInvalidArgument, "chat", "{}: expected nothing behind it, got {}",
                  name, Quoted(argument));
    }
    return CommandLine{entry.command, std::string(argument)};
  }
  return Fail(ErrorCode::kInvalidArgument, "chat",
              "no command {}{} (/help lists them; begin with a space to send it as a message)",
              Quoted(name), DidYouMean(name, names));
}

std::string CommandHelp() {
  std::string text;
  for (const Entry& entry : kCommands) {
    text += fmt::format("{:<27}{}\n", fmt::format("{} {}", entry.name, entry.argument), entry.help);
  }
  return text + std::string(kKeys);
}

std::optional<ThinkMode> ThinkModeFromName(std::string_view name) {
  if (name == "show") return ThinkMode::kShow;
  if (name == "fold") return ThinkMode::kFold;
  if (name == "hide") return ThinkMode::kHide;
  return std::nullopt;
}

}  // namespace fairlead

// `fairlead chat`: what it was asked for, and its two ways of working.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "chat/chat_format.h"
#include "cli/generate.h"

namespace fairlead {

enum class ThinkMode { kShow, kFold, kHide };

struct ChatOptions {
  GenerateOptions generate;  // of which run, settings, speculate and memory count
  ReasoningEffort effort = ReasoningEffort::kMedium;
  std::optional<std::string> system, developer, date;
  std::string tools_file;  // empty: none
  AnswerRules::ToolChoice tool_choice = AnswerRules::ToolChoice::kAuto;
  bool yes_to_tools = false;
  bool header_constraint = true;
  ThinkMode think = ThinkMode::kFold;
  std::string color = "auto";         // or always, never
  std::vector<std::string> messages;  // none: from the terminal or stdin
  std::string load_file;              // a conversation to go on with; empty: a new one
  bool json = false;
};

// The settings of `fairlead generate` that make sense here.
std::vector<std::string> ChatSettingNames();

// Opens a conversation in the terminal.
Status ChatInTerminal(const ChatOptions& options);

// Answers the messages of the command line, or all of stdin as one, and ends.
Status ChatScripted(const ChatOptions& options);

}  // namespace fairlead

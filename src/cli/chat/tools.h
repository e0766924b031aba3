// Commands of this machine that a model may ask for.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "chat/conversation.h"

namespace fairlead {

struct CommandTool {
  Tool tool;
  std::vector<std::string> command;  // run as it is, without a shell
  std::chrono::milliseconds limit{30'000};
};

// [{"name": "now", "description": "...", "parameters": {...}, "command": ["date", "-u"],
//   "timeout_seconds": 10}, ...]. A program "./x" or "../x" is that of the file's folder, as an
// absolute path. Errors name file, tool and member.
Result<std::vector<CommandTool>> ReadToolFile(const std::filesystem::path& path);

// What is answered to the model, whether or not the command did what it should.
struct ToolOutput {
  std::string text;
  bool failed = false;
  bool interrupted = false;
};

// Runs the tool's command with `arguments` and a line break on its stdin. What it prints is the
// answer, up to 32 KiB as UTF-8; stderr as well if it fails. It is ended, with everything that it
// started in its process group, when its time is up or `interrupted`, asked about 20 times a
// second, says so.
ToolOutput RunCommandTool(const CommandTool& tool, const std::string& arguments,
                          const std::function<bool()>& interrupted);

// At most the first `bytes` of an output, whole characters, and a line that counts what is missing:
// all of what the command printed, even where RunCommandTool left some of it out.
std::string CutOutput(std::string_view output, size_t bytes);

}  // namespace fairlead

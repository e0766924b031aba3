// `fairlead chat` in a terminal: how its tests start it, and what it saved.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tests/e2e/chat_model.h"
#include "tests/e2e/program.h"
#include "tests/e2e/terminal_program.h"

namespace fairlead::e2e {

namespace fs = std::filesystem;

inline constexpr std::string_view kInterrupt = "\x03";
inline constexpr std::string_view kEndOfInput = "\x04";
inline constexpr std::string_view kUp = "\x1b[A";

class ChatTerminal : public ProgramTest {
 protected:
  TerminalOptions Options(const std::vector<std::string>& more = {"--max_tokens", "24"}) const {
    std::vector<std::string> arguments = {"chat", TinyModel().string(), "--date", "none"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return {.arguments = std::move(arguments), .home = dir()};
  }
  // An answer that goes on until it is stopped or the context is full, and not too fast.
  TerminalOptions Endless() const {
    std::vector<std::string> more = EndlessAnswer();
    more.insert(more.end(), {"--backend", "reference"});
    return Options(more);
  }
  fs::path WriteTools(const std::string& command, const std::string& more = "") {
    return Write("tools.json", DateTool(command, more));
  }
  // Calls the only tool in the first answer.
  TerminalOptions Calling(const fs::path& tools) const {
    std::vector<std::string> more = DateCall();
    more.insert(more.end(), {"--tools", tools.string(), "--tool_choice", "required"});
    return Options(more);
  }
  static Json Load(const fs::path& path) { return Json::parse(ReadText(path)); }
  // The texts of a saved conversation's messages of that role.
  static std::vector<std::string> Texts(const Json& chat, const std::string& role) {
    std::vector<std::string> texts;
    for (const Json& message : chat["messages"]) {
      if (message["role"] != role) continue;
      const Json& content = message["content"];
      texts.push_back(content.is_string() ? content.get<std::string>()
                                          : content[0]["text"].get<std::string>());
    }
    return texts;
  }
  // Says /save and reads what was saved.
  Json Saved(TerminalProgram& chat) const {
    const fs::path path = dir() / "saved.json";
    chat.Say("/save " + path.string());
    return Load(path);
  }
};

using Strings = std::vector<std::string>;

}  // namespace fairlead::e2e

// The program in a terminal, with somebody at the keyboard.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/chat/cli/vt_screen.h"

namespace fairlead::e2e {

struct TerminalOptions {
  std::vector<std::string> arguments;
  std::filesystem::path home;  // where everything is kept
  int columns = 80;
  int rows = 24;
  std::string type = "xterm-256color";
  std::map<std::string, std::string> environment = {};
};

class TerminalProgram {
 public:
  explicit TerminalProgram(const TerminalOptions& options);
  ~TerminalProgram();  // ends it
  TerminalProgram(const TerminalProgram&) = delete;
  TerminalProgram& operator=(const TerminalProgram&) = delete;

  void Send(std::string_view keys);
  // Types a line, sees it, and presses Enter.
  void Enter(const std::string& line);
  // The same, and waits for the next prompt.
  void Say(const std::string& line);
  // As a terminal sends what is pasted.
  void Paste(std::string_view text);
  void Resize(int columns, int rows);
  void Signal(int signal) const;
  // As when its window is closed.
  void Close();

  // True as soon as it holds for what is shown; a failure after 30 seconds.
  bool WaitUntil(const std::string& what, const std::function<bool()>& holds);
  bool WaitFor(const std::string& text);  // anywhere on the screen or above
  bool WaitForPrompt();
  // The exit code, once the program has ended; -1 if it does not, or by a signal.
  int Exit();

  const VtScreen& screen() const { return screen_; }
  const std::string& sent() const { return sent_; }
  // How often it is on the screen or above.
  int Count(const std::string& text) const;
  // Whether the terminal shows what is typed, and in lines: as it was.
  bool IsAsBefore() const;

 private:
  void Listen(std::chrono::milliseconds limit);

  pid_t pid_ = -1;
  int terminal_ = -1;
  VtScreen screen_;
  std::string sent_;  // all bytes that came
};

}  // namespace fairlead::e2e

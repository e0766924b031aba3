#include "tests/e2e/terminal_program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "cli/chat/display_text.h"

namespace fairlead::e2e {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{30};

winsize Size(int columns, int rows) {
  winsize size{};
  size.ws_col = static_cast<unsigned short>(columns);
  size.ws_row = static_cast<unsigned short>(rows);
  return size;
}

}  // namespace

TerminalProgram::TerminalProgram(const TerminalOptions& options)
    : screen_(options.columns, options.rows) {
  UseUtf8Characters();
  std::vector<std::string> words = {"fairlead"};
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  std::vector<std::string> variables = {"TERM=" + options.type, "HOME=" + options.home.string(),
                                        "LANG=C", "PATH=/usr/bin:/bin",
                                        "FAIRLEAD_CACHE=" + (options.home / "cache").string()};
  for (const auto& [name, value] : options.environment) variables.push_back(name + "=" + value);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::vector<char*> environment;
  for (std::string& variable : variables) environment.push_back(variable.data());
  environment.push_back(nullptr);
  const winsize size = Size(options.columns, options.rows);
  pid_ = ::forkpty(&terminal_, nullptr, nullptr, &size);
  if (pid_ == 0) {
    ::execve(FAIRLEAD_PROGRAM, arguments.data(), environment.data());
    ::_exit(127);
  }
  EXPECT_GT(pid_, 0);
  ::fcntl(terminal_, F_SETFD, FD_CLOEXEC);
}

TerminalProgram::~TerminalProgram() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Close();
}

void TerminalProgram::Close() {
  if (terminal_ >= 0) ::close(terminal_);
  terminal_ = -1;
}

void TerminalProgram::Listen(std::chrono::milliseconds limit) {
  pollfd waiting = {terminal_, POLLIN, 0};
  if (::poll(&waiting, 1, static_cast<int>(limit.count())) <= 0) return;
  std::array<char, 65536> buffer{};
  const ssize_t count = ::read(terminal_, buffer.data(), buffer.size());
  if (count <= 0) {
    ::usleep(10'000);  // it is gone; whoever waits finds that out in time
    return;
  }
  const std::string_view text(buffer.data(), static_cast<size_t>(count));
  sent_ += text;
  screen_.Feed(text);
}

void TerminalProgram::Send(std::string_view keys) {
  // In pieces: the driver holds 4 KiB for one who is slow to read.
  while (!keys.empty()) {
    const std::string_view piece = keys.substr(0, 512);
    EXPECT_EQ(::write(terminal_, piece.data(), piece.size()), static_cast<ssize_t>(piece.size()));
    keys.remove_prefix(piece.size());
    if (!keys.empty()) Listen(std::chrono::milliseconds(20));
  }
}

void TerminalProgram::Enter(const std::string& line) {
  Send(line);
  const std::string end = line.substr(line.find_last_of(' ') + 1);
  WaitUntil("the typed line: " + line, [&] { return screen_.CursorLine().ends_with(end); });
  const std::string typed = screen_.CursorLine();
  Send("\r");
  WaitUntil("what follows: " + line, [&] { return screen_.CursorLine() != typed; });
}

void TerminalProgram::Say(const std::string& line) {
  Enter(line);
  WaitForPrompt();
}

void TerminalProgram::Paste(std::string_view text) {
  Send("\x1b[200~");
  Send(text);
  Send("\x1b[201~");
}

void TerminalProgram::Resize(int columns, int rows) {
  const winsize size = Size(columns, rows);
  screen_.Resize(columns, rows);
  EXPECT_EQ(::ioctl(terminal_, TIOCSWINSZ, &size), 0);  // sends SIGWINCH
}

void TerminalProgram::Signal(int signal) const { ::kill(pid_, signal); }

bool TerminalProgram::WaitUntil(const std::string& what, const std::function<bool()>& holds) {
  const Clock::time_point deadline = Clock::now() + kPatience;
  while (!holds()) {
    if (Clock::now() > deadline) {
      ADD_FAILURE() << "waited in vain for " << what << "; the screen:\n" << screen_.Text();
      return false;
    }
    Listen(std::chrono::milliseconds(100));
  }
  return true;
}

bool TerminalProgram::WaitFor(const std::string& text) {
  return WaitUntil(text, [&] { return screen_.Text().find(text) != std::string::npos; });
}

bool TerminalProgram::WaitForPrompt() {
  return WaitUntil("a prompt", [&] { return screen_.CursorLine() == ">"; });
}

int TerminalProgram::Exit() {
  const Clock::time_point deadline = Clock::now() + kPatience;
  int status = 0;
  while (::waitpid(pid_, &status, WNOHANG) == 0) {
    if (Clock::now() > deadline) return -1;
    Listen(std::chrono::milliseconds(20));
  }
  pid_ = -1;
  while (true) {
    const size_t before = sent_.size();
    Listen(std::chrono::milliseconds(0));
    if (sent_.size() == before) break;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int TerminalProgram::Count(const std::string& text) const {
  const std::string shown = screen_.Text();
  int count = 0;
  for (size_t at = shown.find(text); at != std::string::npos; at = shown.find(text, at + 1)) {
    ++count;
  }
  return count;
}

bool TerminalProgram::IsAsBefore() const {
  termios modes{};
  if (::tcgetattr(terminal_, &modes) != 0) return false;
  return (modes.c_lflag & ECHO) != 0 && (modes.c_lflag & ICANON) != 0;
}

}  // namespace fairlead::e2e

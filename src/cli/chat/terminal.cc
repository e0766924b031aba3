#include "cli/chat/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace fairlead {
namespace {

// A signal handler reaches nothing but globals. The pipe wakes a poll that was about to begin.
volatile std::sig_atomic_t interrupted = 0;
volatile std::sig_atomic_t resized = 0;
volatile std::sig_atomic_t continued = 0;
volatile std::sig_atomic_t terminated = 0;  // by that signal
std::array<int, 2> wake_pipe{-1, -1};

void Handle(int signal) {
  const int error = errno;
  if (signal == SIGINT) interrupted = 1;
  if (signal == SIGWINCH) resized = 1;
  if (signal == SIGCONT) continued = 1;
  if (signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT) terminated = signal;
  [[maybe_unused]] const ssize_t written = ::write(wake_pipe[1], "", 1);
  errno = error;
}

void Catch(int signal, int flags, struct sigaction& before) {
  struct sigaction action {};
  action.sa_handler = Handle;
  action.sa_flags = flags;
  ::sigaction(signal, &action, &before);
}

bool TakeFlag(volatile std::sig_atomic_t& flag) {
  const bool was_set = flag != 0;
  flag = 0;
  return was_set;
}

// Around what is pasted, so that it can be told from what is typed.
constexpr std::string_view kMarkPastes = "\x1b[?2004h";
constexpr std::string_view kMarkNoPastes = "\x1b[?2004l";

}  // namespace

Result<std::unique_ptr<Terminal>> Terminal::Open() {
  std::unique_ptr<Terminal> terminal(new Terminal);
  if (::tcgetattr(STDIN_FILENO, &terminal->before_) != 0 || ::isatty(STDOUT_FILENO) == 0) {
    return Fail(ErrorCode::kIo, "chat", "stdin and stdout: expected a terminal, got {}",
                std::strerror(errno));
  }
  if (wake_pipe[0] < 0 && ::pipe2(wake_pipe.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    return Fail(ErrorCode::kIo, "chat", "pipe: {}", std::strerror(errno));
  }
  terminal->capable_ = HasCapableTerminal();
  interrupted = 0;
  resized = 0;
  continued = 0;
  terminated = 0;
  Catch(SIGINT, SA_RESTART, terminal->old_interrupt_);
  Catch(SIGWINCH, SA_RESTART, terminal->old_resize_);
  Catch(SIGCONT, SA_RESTART, terminal->old_continue_);
  // These end a write that waits, as it does after Ctrl-S.
  Catch(SIGTERM, 0, terminal->old_terminate_);
  Catch(SIGHUP, 0, terminal->old_hangup_);
  Catch(SIGQUIT, 0, terminal->old_quit_);
  if (terminal->capable_) terminal->Write(kMarkPastes);
  return terminal;
}

Terminal::~Terminal() {
  if (capable_) Write(kMarkNoPastes);
  ReadLines();
  ::sigaction(SIGINT, &old_interrupt_, nullptr);
  ::sigaction(SIGWINCH, &old_resize_, nullptr);
  ::sigaction(SIGCONT, &old_continue_, nullptr);
  ::sigaction(SIGTERM, &old_terminate_, nullptr);
  ::sigaction(SIGHUP, &old_hangup_, nullptr);
  ::sigaction(SIGQUIT, &old_quit_, nullptr);
}

bool HasCapableTerminal() {
  const char* const type = std::getenv("TERM");
  return type != nullptr && *type != '\0' && std::string_view(type) != "dumb";
}

int Terminal::ended_by() { return terminated; }

Terminal::Size Terminal::size() const {
  winsize found{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &found) != 0 || found.ws_col == 0) return {};
  return {found.ws_col, found.ws_row > 0 ? found.ws_row : 24};
}

// Waits until something can be written; false if the program is to end and nothing can.
bool Terminal::AwaitRoom() {
  pollfd waiting = {STDOUT_FILENO, POLLOUT, 0};
  while (::poll(&waiting, 1, terminated != 0 ? 0 : 100) <= 0) {
    if (terminated != 0) return false;
  }
  return true;
}

void Terminal::Write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written =
        AwaitRoom() ? ::write(STDOUT_FILENO, text.data(), text.size()) : ssize_t{0};
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (written <= 0) {
      ended_ = true;  // nobody sees anything any more
      return;
    }
    text.remove_prefix(static_cast<size_t>(written));
  }
}

void Terminal::Read() {
  std::array<char, 4096> buffer{};
  const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
  if (count > 0) {
    input_.insert(input_.end(), buffer.begin(), buffer.begin() + count);
  } else if (count == 0 || (errno != EINTR && errno != EAGAIN)) {
    ended_ = true;
  }
}

Terminal::Happening Terminal::Wait(std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (true) {
    if (TakeFlag(interrupted)) return Happening::kInterrupt;
    if (terminated != 0) return Happening::kEnd;
    if (TakeFlag(continued)) {
      if (capable_) Write(kMarkPastes);  // shells turn it off
      return Happening::kContinue;
    }
    if (TakeFlag(resized)) return Happening::kResize;
    if (!input_.empty()) return Happening::kInput;
    if (ended_) return Happening::kEnd;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const bool for_ever = limit.count() < 0;
    const int timeout = for_ever ? -1 : static_cast<int>(std::max<int64_t>(left.count(), 0));
    std::array<pollfd, 2> waiting = {{{STDIN_FILENO, POLLIN, 0}, {wake_pipe[0], POLLIN, 0}}};
    const int ready = ::poll(waiting.data(), waiting.size(), timeout);
    if (ready == 0) return Happening::kNothing;
    std::array<char, 64> marks{};
    if (waiting[1].revents != 0) {
      while (::read(wake_pipe[0], marks.data(), marks.size()) > 0) continue;
    }
    if (ready > 0 && waiting[0].revents != 0) Read();
  }
}

std::optional<char> Terminal::Take() {
  if (input_.empty()) return std::nullopt;
  const char byte = input_.front();
  input_.pop_front();
  return byte;
}

void Terminal::Unread(std::string_view text) {
  input_.insert(input_.begin(), text.begin(), text.end());
}

std::string Terminal::TakeAll() {
  std::string all(input_.begin(), input_.end());
  input_.clear();
  return all;
}

void Terminal::ReadKeys() {
  termios keys = before_;
  keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  // Ctrl-C must not lose the end of a paste.
  keys.c_lflag |= NOFLSH;
  keys.c_cc[VMIN] = 1;
  keys.c_cc[VTIME] = 0;
  Set(keys);
}

void Terminal::ReadLines() { Set(before_); }

void Terminal::Set(const termios& mode) {
  // What was written comes first, if there is time for that.
  if (terminated == 0 && ::tcsetattr(STDIN_FILENO, TCSADRAIN, &mode) == 0) return;
  ::tcsetattr(STDIN_FILENO, TCSANOW, &mode);
}

}  // namespace fairlead

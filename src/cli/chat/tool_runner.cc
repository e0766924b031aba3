#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <optional>
#include <utility>

#include "cli/chat/tools.h"
#include "tokenizer/utf8.h"

namespace fairlead {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMostOutput = size_t{32} << 10;
// More than a pipe holds, so that all that is left is read once a command has ended.
constexpr size_t kMostAtOnce = size_t{2} << 20;
constexpr int kTickMilliseconds = 50;

// Two ends of a pipe, closed in every program that is started.
class Pipe {
 public:
  Pipe() { ok_ = ::pipe2(ends_.data(), O_CLOEXEC) == 0; }
  ~Pipe() {
    Close(0);
    Close(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  bool ok() const { return ok_; }
  int read_end() const { return ends_[0]; }
  int write_end() const { return ends_[1]; }
  void Close(size_t end) {
    if (ends_[end] >= 0) ::close(ends_[end]);
    ends_[end] = -1;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
  bool ok_ = false;
};

constexpr std::string_view kLeftOutBegin = "\n[";
constexpr std::string_view kLeftOutEnd = " more bytes left out]";

std::string LeftOut(size_t bytes) {
  return fmt::format("{}{}{}", kLeftOutBegin, bytes, kLeftOutEnd);
}

// What a program printed, as far as it is kept.
class Output {
 public:
  explicit Output(int fd) : fd_(fd) { ::fcntl(fd_, F_SETFL, O_NONBLOCK); }

  int fd() const { return fd_; }  // -1: nothing more comes
  // Reads what is there. One that never stops printing does not keep us here.
  void Read() {
    std::array<char, 4096> buffer{};
    for (size_t read = 0; fd_ >= 0 && read < kMostAtOnce;) {
      const ssize_t count = ::read(fd_, buffer.data(), buffer.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) return;
      if (count <= 0) {
        fd_ = -1;
        return;
      }
      const auto size = static_cast<size_t>(count);
      read += size;
      const size_t kept = std::min(size, kMostOutput - bytes_.size());
      bytes_.append(buffer.data(), kept);
      left_out_ += size - kept;
    }
  }
  std::string Text() const {
    std::string text;
    AppendUtf8Lossy(bytes_, /*final=*/left_out_ == 0, text);
    if (left_out_ > 0) text += LeftOut(left_out_);
    return text;
  }

 private:
  int fd_;
  std::string bytes_;
  size_t left_out_ = 0;
};

// A program that runs, at the head of a process group of its own.
class Child {
 public:
  // 0, or the error of the system.
  int Start(const std::vector<std::string>& command, int in, int out, int err);
  ~Child() { End(); }
  Child() = default;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  bool Ended() {
    if (!status_ && pid_ > 0) {
      int status = 0;
      if (::waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
    }
    return status_.has_value();
  }
  // Ends whatever of the group still runs.
  void End() {
    if (pid_ <= 0) return;
    ::kill(-pid_, SIGKILL);
    int status = 0;
    pid_t ended = status_ ? pid_ : -1;
    while (ended != pid_ && (ended = ::waitpid(pid_, &status, 0)) < 0 && errno == EINTR) continue;
    if (!status_ && ended == pid_) status_ = status;
    pid_ = -1;
  }
  int status() const { return status_.value_or(0); }

 private:
  pid_t pid_ = -1;
  std::optional<int> status_;
};

int Child::Start(const std::vector<std::string>& command, int in, int out, int err) {
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&files, err, STDERR_FILENO);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  sigset_t usual;
  ::sigemptyset(&usual);
  for (const int signal : {SIGINT, SIGPIPE, SIGXFSZ, SIGQUIT}) ::sigaddset(&usual, signal);
  ::posix_spawnattr_setsigdefault(&attributes, &usual);
  std::vector<std::string> words = command;
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const int error =
      ::posix_spawnp(&pid_, pointers[0], &files, &attributes, pointers.data(), environ);
  if (error != 0) pid_ = -1;
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&files);
  return error;
}

// What is not yet written of the arguments.
class Input {
 public:
  Input(Pipe& pipe, std::string text) : pipe_(pipe), text_(std::move(text)) {
    ::fcntl(pipe_.write_end(), F_SETFL, O_NONBLOCK);
  }
  int fd() const { return pipe_.write_end(); }
  void Write() {
    const ssize_t written = ::write(fd(), text_.data() + at_, text_.size() - at_);
    if (written > 0) at_ += static_cast<size_t>(written);
    const bool refused = written < 0 && errno != EAGAIN && errno != EINTR;
    // A program need not read what it is told.
    if (refused || at_ == text_.size()) pipe_.Close(1);
  }

 private:
  Pipe& pipe_;
  std::string text_;
  size_t at_ = 0;
};

std::string DescribeEnd(int status) {
  if (WIFSIGNALED(status)) return fmt::format("ended by signal {}", WTERMSIG(status));
  return fmt::format("exit code {}", WEXITSTATUS(status));
}

ToolOutput Failure(const std::string& reason, const Output& out, const Output& err) {
  std::string text = "error: " + reason;
  for (const Output* output : {&out, &err}) {
    if (const std::string printed = output->Text(); !printed.empty()) text += "\n" + printed;
  }
  return {std::move(text), /*failed=*/true, false};
}

}  // namespace

ToolOutput RunCommandTool(const CommandTool& tool, const std::string& arguments,
                          const std::function<bool()>& interrupted) {
  Pipe in, out, err;
  if (!in.ok() || !out.ok() || !err.ok()) {
    return {fmt::format("error: no pipe: {}", std::strerror(errno)), true, false};
  }
  Child child;
  if (const int error =
          child.Start(tool.command, in.read_end(), out.write_end(), err.write_end())) {
    return {fmt::format("error: cannot run {}: {}", tool.command[0], std::strerror(error)), true,
            false};
  }
  in.Close(0);
  out.Close(1);
  err.Close(1);
  Input input(in, arguments + "\n");
  Output printed(out.read_end());
  Output complained(err.read_end());
  const Clock::time_point deadline = Clock::now() + tool.limit;
  while (true) {
    const bool ended = child.Ended();  // before reading: what it printed is then all there
    std::array<pollfd, 3> waiting = {
        {{printed.fd(), POLLIN, 0}, {complained.fd(), POLLIN, 0}, {input.fd(), POLLOUT, 0}}};
    if (!ended) ::poll(waiting.data(), waiting.size(), kTickMilliseconds);
    printed.Read();
    complained.Read();
    if (ended) break;
    if (waiting[2].revents != 0) input.Write();
    if (interrupted()) {
      child.End();
      return {"error: the user stopped it", true, /*interrupted=*/true};
    }
    if (Clock::now() >= deadline) {
      child.End();
      return Failure(fmt::format("stopped after {:g} seconds",
                                 std::chrono::duration<double>(tool.limit).count()),
                     printed, complained);
    }
  }
  const int status = child.status();
  child.End();
  if (status != 0) return Failure(DescribeEnd(status), printed, complained);
  return {printed.Text(), false, false};
}

std::string CutOutput(std::string_view output, size_t bytes) {
  uint32_t left_out = 0;
  if (const size_t note = output.rfind(kLeftOutBegin);
      note != std::string_view::npos && output.ends_with(kLeftOutEnd)) {
    const char* const end = output.data() + output.size() - kLeftOutEnd.size();
    const char* const number = output.data() + note + kLeftOutBegin.size();
    const auto read = std::from_chars(number, end, left_out);
    if (read.ec == std::errc() && read.ptr == end) output = output.substr(0, note);
  }
  bytes = std::min(bytes, output.size());
  const auto continues = [&](size_t at) {
    return at < output.size() && (static_cast<unsigned char>(output[at]) & 0xC0U) == 0x80;
  };
  while (bytes > 0 && continues(bytes)) --bytes;
  const size_t missing = left_out + output.size() - bytes;
  return fmt::format("{}{}", output.substr(0, bytes), missing > 0 ? LeftOut(missing) : "");
}

}  // namespace fairlead

#include "tests/e2e/program.h"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>

namespace fairlead::e2e {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr size_t kPacketBytes = 1 << 18;

// A way out of the program, through a socket that keeps the borders between writes.
class Channel {
 public:
  Channel() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends_.data()), 0); }
  ~Channel() {
    ::close(ends_[0]);
    CloseTheirs();
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  int ours() const { return ends_[0]; }
  int theirs() const { return ends_[1]; }
  void CloseTheirs() {
    if (ends_[1] >= 0) ::close(ends_[1]);
    ends_[1] = -1;
  }
  // Lets the program write to a file instead.
  void Replace(const fs::path& path) {
    CloseTheirs();
    ends_[1] = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    EXPECT_GE(ends_[1], 0) << path;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

// A file in memory that holds `text`, to be read from its start.
int FileWith(const std::string& text) {
  const int fd = ::memfd_create("stdin", MFD_CLOEXEC);
  EXPECT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  ::lseek(fd, 0, SEEK_SET);
  return fd;
}

// Whether a variable of this process could change what the program does.
bool IsOurs(std::string_view variable) {
  return variable.starts_with("FAIRLEAD_") || variable.starts_with("HF_") ||
         variable.starts_with("XDG_") || variable.starts_with("HOME=");
}

std::vector<std::string> Environment(const std::map<std::string, std::string>& additions) {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!IsOurs(*variable)) variables.emplace_back(*variable);
  }
  for (const auto& [name, value] : additions) variables.push_back(name + "=" + value);
  return variables;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& string : strings) pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Limits the files of this process, and of those it starts, for as long as it lives.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(uint64_t bytes) {
    EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &before_), 0);
    rlimit limited = before_;
    if (bytes > 0) limited.rlim_cur = bytes;
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &limited), 0);
  }
  ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
};

pid_t Spawn(const Invocation& invocation, int in, int out, int err) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  std::vector<std::string> words = {"fairlead"};
  words.insert(words.end(), invocation.arguments.begin(), invocation.arguments.end());
  std::vector<std::string> environment = Environment(invocation.environment);
  const FileSizeLimit limit(invocation.largest_file);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, FAIRLEAD_PROGRAM, &actions, nullptr, Pointers(words).data(),
                                  Pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  EXPECT_EQ(error, 0) << FAIRLEAD_PROGRAM << ": " << std::strerror(error);
  return pid;
}

// Reads both outputs until the program has closed them or the time is up.
void Listen(int out, int err, Clock::time_point deadline, Outcome& outcome) {
  std::string buffer(kPacketBytes, '\0');
  std::array<pollfd, 2> waiting = {{{out, POLLIN, 0}, {err, POLLIN, 0}}};
  while (waiting[0].fd >= 0 || waiting[1].fd >= 0) {
    const auto left = std::chrono::nanoseconds(deadline - Clock::now()).count();
    const timespec timeout = {left / 1'000'000'000, left % 1'000'000'000};
    if (left <= 0 || ::ppoll(waiting.data(), waiting.size(), &timeout, nullptr) <= 0) return;
    for (size_t i = 0; i < waiting.size(); ++i) {
      if (waiting[i].fd < 0 || waiting[i].revents == 0) continue;
      const ssize_t count = ::recv(waiting[i].fd, buffer.data(), buffer.size(), 0);
      if (count <= 0) {
        waiting[i].fd = -1;
        continue;
      }
      const std::string text = buffer.substr(0, static_cast<size_t>(count));
      if (i == 0) outcome.writes.push_back(text);
      (i == 0 ? outcome.out : outcome.err) += text;
    }
  }
}

}  // namespace

std::vector<std::string> Outcome::ErrorLines() const { return Lines(err); }

Outcome RunFairlead(const Invocation& invocation) {
  Channel out, err;
  const int in = FileWith(invocation.input);
  if (!invocation.output.empty()) out.Replace(invocation.output);
  Outcome outcome;
  const Clock::time_point start = Clock::now();
  const pid_t pid = Spawn(invocation, in, out.theirs(), err.theirs());
  ::close(in);
  out.CloseTheirs();
  err.CloseTheirs();
  if (pid <= 0) return outcome;
  const bool to_be_killed = invocation.kill_after.count() > 0;
  const std::chrono::microseconds limit = to_be_killed ? invocation.kill_after : invocation.limit;
  Listen(out.ours(), err.ours(), start + limit, outcome);
  if (Clock::now() - start >= limit) {
    if (!to_be_killed) ADD_FAILURE() << "no end after " << invocation.limit.count() << " s";
    ::kill(pid, to_be_killed ? invocation.kill_signal : SIGKILL);
    Listen(out.ours(), err.ours(), start + limit + invocation.limit, outcome);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  outcome.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  if (WIFEXITED(status)) outcome.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
  return outcome;
}

std::ostream& operator<<(std::ostream& stream, const Outcome& outcome) {
  return stream << "exit code " << outcome.exit_code << ", signal " << outcome.signal
                << ", stdout:\n"
                << outcome.out << "stderr:\n"
                << outcome.err;
}

fs::path GoldenDir(const std::string& name) {
  return fs::path(FAIRLEAD_TEST_DATA) / "goldens" / name;
}

std::vector<std::string> GoldenNames() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(GoldenDir(""))) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

fs::path TinyModel() { return fs::path(FAIRLEAD_MODELS) / "tiny-gpt-oss"; }

Json TinyConfig() { return Json::parse(ReadText(TinyModel() / "config.json")); }

std::string ReadText(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string JoinIds(const std::vector<int32_t>& ids) {
  return fmt::format("{}", fmt::join(ids, ","));
}

Outcome ProgramTest::Fairlead(Invocation invocation) const {
  invocation.environment.try_emplace("HOME", (dir() / "home").string());
  invocation.environment.try_emplace("FAIRLEAD_CACHE", cache().string());
  return RunFairlead(invocation);
}

std::string ProgramTest::Succeed(Invocation invocation) const {
  const Outcome outcome = Fairlead(std::move(invocation));
  EXPECT_EQ(outcome.exit_code, 0) << outcome;
  return outcome.out;
}

std::vector<int32_t> ProgramTest::TinyIds(const std::string& text) const {
  return Json::parse(
      fmt::format("[{}]", Succeed({"tokenize", TinyModel(), "--text", text, "--parse_special"})));
}

}  // namespace fairlead::e2e

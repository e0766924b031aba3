#include "cli/answer_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <utility>

namespace fairlead {
namespace {

tl::unexpected<Error> IoError(const std::string& name, const char* action) {
  return Fail(ErrorCode::kIo, "generate", "{}: cannot {}: {}", name, action, std::strerror(errno));
}

}  // namespace

Result<AnswerFile> AnswerFile::Open(const std::string& path, size_t prompts, bool force,
                                    Fingerprints fingerprints) {
  if (path.empty()) return AnswerFile("stdout", -1, std::move(fingerprints));
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return IoError(path, "open");
  AnswerFile file(path, fd, std::move(fingerprints));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return Fail(ErrorCode::kInvalidArgument, "generate", "{}: another run is writing it", path);
  }
  struct stat status {};
  if (::fstat(fd, &status) != 0) return IoError(path, "look at");
  if (!S_ISREG(status.st_mode)) return file;  // a device or a pipe has nothing to go on with
  if (force) {
    if (::ftruncate(fd, 0) != 0) return IoError(path, "empty");
    return file;
  }
  FAIRLEAD_RETURN_IF_ERROR(file.GoOn(prompts));
  return file;
}

AnswerFile::AnswerFile(AnswerFile&& other) noexcept
    : name_(std::move(other.name_)),
      fd_(std::exchange(other.fd_, -1)),
      fingerprints_(std::move(other.fingerprints_)),
      lines_(other.lines_),
      failed_(other.failed_) {}

AnswerFile::~AnswerFile() {
  if (fd_ >= 0) ::close(fd_);
}

std::string AnswerFile::Head() const {
  return fmt::format("{{\"index\":{},\"fingerprint\":\"{}\"", lines_, fingerprints_(lines_));
}

tl::unexpected<Error> AnswerFile::Refuse(const char* found) const {
  return Fail(ErrorCode::kInvalidArgument, "generate",
              "{}:{}: expected the answers of this model to line {} of the prompts with the same "
              "options, got {}; --force starts over",
              name_, lines_ + 1, lines_ + 1, found);
}

Status AnswerFile::CheckLine(const std::string& line, size_t prompts) {
  const auto json = ParseJson(line, "generate", name_);
  const bool answers = json && json->is_object() && json->contains("fingerprint");
  if (!answers) return Refuse("something else");
  if (lines_ == prompts) return Refuse("more lines than prompts");
  if (!line.starts_with(Head() + ",")) return Refuse("those of another run");
  if (HasFailed(*json)) ++failed_;
  ++lines_;
  return {};
}

Status AnswerFile::GoOn(size_t prompts) {
  std::string text, chunk(size_t{1} << 20, '\0');
  off_t end = 0;  // behind the last complete line
  for (off_t read = 0;;) {
    const ssize_t count = ::pread(fd_, chunk.data(), chunk.size(), read);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return IoError(name_, "read");
    if (count == 0) break;
    read += count;
    text.append(chunk, 0, static_cast<size_t>(count));
    size_t begin = 0;
    for (size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', begin)) {
      FAIRLEAD_RETURN_IF_ERROR(CheckLine(text.substr(begin, at - begin), prompts));
      end += static_cast<off_t>(at + 1 - begin);
      begin = at + 1;
    }
    text.erase(0, begin);
  }
  if (text.empty()) return {};
  // Only what a run has begun to write is thrown away.
  const std::string head = lines_ < prompts ? Head() : "";
  const size_t common = std::min(head.size(), text.size());
  if (common == 0 || text.compare(0, common, head, 0, common) != 0) return Refuse("something else");
  if (::ftruncate(fd_, end) != 0) return IoError(name_, "shorten");
  return {};
}

Status AnswerFile::Append(const Json& members) {
  // Members of an object in order, without its opening brace.
  const std::string rest = DumpJson(members).substr(1);
  FAIRLEAD_RETURN_IF_ERROR(Write(Head() + "," + rest + "\n"));
  ++lines_;
  if (HasFailed(members)) ++failed_;
  return {};
}

Status AnswerFile::Write(const std::string& line) {
  if (fd_ < 0) {
    if (std::cout << line << std::flush) return {};
    return tl::unexpected(Error{ErrorCode::kIo, "cannot write to stdout"});
  }
  for (size_t done = 0; done < line.size();) {
    const ssize_t count = ::write(fd_, line.data() + done, line.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return IoError(name_, "write");
    done += static_cast<size_t>(count);
  }
  return {};
}

bool HasFailed(const Json& members) {
  const auto answers = members.find("answers");
  return answers != members.end() && answers->is_array() &&
         std::any_of(answers->begin(), answers->end(), [](const Json& answer) {
           return answer.is_object() && answer.contains("error");
         });
}

}  // namespace fairlead

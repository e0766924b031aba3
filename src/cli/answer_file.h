// The answers to a file of prompts: JSON lines in the order of the prompts, which a later run can
// go on writing.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "base/error.h"
#include "base/json.h"

namespace fairlead {

// What an answer depends on, as a few characters, for the prompt of each line.
using Fingerprints = std::function<std::string(size_t index)>;

class AnswerFile {
 public:
  // `path` empty: stdout. A file that is there already is gone on with, or emptied with `force`:
  // every complete line must be that of its prompt, and what was cut off behind the last line break
  // is dropped. Refuses a file in which anything else is, and one that another run is writing.
  static Result<AnswerFile> Open(const std::string& path, size_t prompts, bool force,
                                 Fingerprints fingerprints);
  AnswerFile(AnswerFile&& other) noexcept;
  AnswerFile& operator=(AnswerFile&&) = delete;
  ~AnswerFile();

  const std::string& name() const { return name_; }
  size_t lines() const { return lines_; }    // that are complete
  size_t failed() const { return failed_; }  // of these, with an answer that is an error

  // The next line: `members` behind its index and fingerprint. The line is out when this returns.
  Status Append(const Json& members);

 private:
  AnswerFile(std::string name, int fd, Fingerprints fingerprints)
      : name_(std::move(name)), fd_(fd), fingerprints_(std::move(fingerprints)) {}
  Status GoOn(size_t prompts);
  tl::unexpected<Error> Refuse(const char* found) const;
  Status CheckLine(const std::string& line, size_t prompts);
  std::string Head() const;
  Status Write(const std::string& line);

  std::string name_;
  int fd_;  // -1 for stdout
  Fingerprints fingerprints_;
  size_t lines_ = 0;
  size_t failed_ = 0;
};

// Whether one of the "answers" of a line is an error.
bool HasFailed(const Json& members);

}  // namespace fairlead

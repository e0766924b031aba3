// A file of prompts: JSON lines, each a prompt with settings of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "cli/generate_settings.h"

namespace fairlead {

// What one line asks for: `text` or, without it, `ids`.
struct Prompt {
  std::optional<Json> id = std::nullopt;  // a string or a number
  std::optional<std::string> text = std::nullopt;
  std::vector<int32_t> ids = {};
  GenerateSettings settings = {};
};

// Held in memory: what was checked is what runs, whatever happens to the file.
class PromptFile {
 public:
  // `path` may be "-" for stdin. Blank lines at the end are dropped; a file without others is an
  // error.
  static Result<PromptFile> Read(const std::string& path);

  const std::string& name() const { return name_; }
  size_t size() const { return begins_.size(); }
  // Without its line break.
  std::string_view line(size_t index) const;
  // `message` behind file and line number instead of its component.
  std::string AtLine(size_t index, const std::string& message) const;

  // The line's settings over `defaults`. kInvalidArgument, with file and line, for anything that a
  // model of so many token ids cannot take.
  Result<Prompt> Parse(size_t index, const GenerateSettings& defaults,
                       int64_t vocabulary_size) const;
  // Parses all lines and tells how many answers they ask for together.
  Result<int64_t> Check(const GenerateSettings& defaults, int64_t vocabulary_size) const;

 private:
  std::string name_;
  std::string text_;  // ends with a line break
  std::vector<size_t> begins_;
};

}  // namespace fairlead

// A file of prompts: JSON lines, each a prompt with settings of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "cli/generate_settings.h"
#include "cli/line_file.h"

namespace fairlead {

// What one line asks for: `text` or, without it, `ids`.
struct Prompt {
  std::optional<Json> id = std::nullopt;  // a string or a number
  std::optional<std::string> text = std::nullopt;
  std::vector<int32_t> ids = {};
  GenerateSettings settings = {};
};

class PromptFile {
 public:
  // As LineFile reads it.
  static Result<PromptFile> Read(const std::string& path);

  size_t size() const { return lines_.size(); }
  std::string_view line(size_t index) const { return lines_.line(index); }
  std::string AtLine(size_t index, const std::string& message) const {
    return lines_.AtLine(index, message);
  }

  // The line's settings over `defaults`. kInvalidArgument, with file and line, for anything that a
  // model of so many token ids cannot take.
  Result<Prompt> Parse(size_t index, const GenerateSettings& defaults,
                       int64_t vocabulary_size) const;
  // Parses all lines and tells how many answers they ask for together.
  Result<int64_t> Check(const GenerateSettings& defaults, int64_t vocabulary_size) const;

 private:
  explicit PromptFile(LineFile lines) : lines_(std::move(lines)) {}

  LineFile lines_;
};

}  // namespace fairlead

// A file of JSON lines to work through, for errors that say where.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace fairlead {

// "text: expected ..." of "[tokenizer] text: expected ...": what an error says behind a place.
std::string WithoutComponent(const std::string& message);

// What errors call things.
struct LineFileWords {
  std::string_view command;  // "generate"
  std::string_view label;    // in front of a file that cannot be opened: "--prompts_file "
  std::string_view line;     // what a line is: "prompt"
};

// Held in memory: what was checked is what runs, whatever happens to the file.
class LineFile {
 public:
  // `path` may be "-" for stdin. Blank lines at the end are dropped; a file without others is an
  // error. kInvalidArgument, kNotFound, kIo.
  static Result<LineFile> Read(const std::string& path, const LineFileWords& words);

  // Lines that were read elsewhere, from what errors call `name`. kInvalidArgument: none.
  static Result<LineFile> FromText(std::string name, std::string text, const LineFileWords& words);

  const std::string& name() const { return name_; }
  size_t size() const { return begins_.size(); }
  // Without its line break.
  std::string_view line(size_t index) const;
  // The line as JSON. kInvalidArgument, with file and line.
  Result<Json> Parse(size_t index) const;
  // `message` behind file and line number instead of its component.
  std::string AtLine(size_t index, const std::string& message) const;

 private:
  LineFile(std::string name, LineFileWords words) : name_(std::move(name)), words_(words) {}

  std::string name_;
  LineFileWords words_;
  std::string text_;  // ends with a line break
  std::vector<size_t> begins_;
};

}  // namespace fairlead

// What was asked in earlier chats, for the line editor.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"

namespace fairlead {

// A file of lines, readable by nobody else. Without a place for it nothing is kept.
class HistoryFile {
 public:
  // $XDG_STATE_HOME/fairlead/history, or ~/.local/state/fairlead/history.
  static HistoryFile Default();
  explicit HistoryFile(std::filesystem::path path) : path_(std::move(path)) {}

  // The latest lines, oldest first. A file that cannot be read is an empty one.
  std::vector<std::string> Read() const;
  // Adds a line at once, so that nothing is lost with the terminal. Lines that are too long to be
  // of use again are left out.
  Status Append(const std::string& line) const;

 private:
  std::filesystem::path path_;
};

}  // namespace fairlead

// One line from the user, edited in place.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/chat/pastes.h"
#include "cli/chat/terminal.h"

namespace fairlead {

struct EditedLine {
  enum class End {
    kLine,       // Enter
    kInterrupt,  // Ctrl-C; `text` is what was there
    kEnd,        // Ctrl-D on an empty line, or the terminal is gone
  };
  End end = End::kLine;
  std::string text;  // as it was shown: see Pastes
};

struct LineKeys {
  // Ctrl-O, which may write to the terminal; the line is shown again below.
  std::function<void()> toggle;
  // The terminal has another size.
  std::function<void()> resized;
};

class LineEditor {
 public:
  virtual ~LineEditor() = default;

  // Shows `prompt` and reads a line; `initial` is what is in it at first: see
  // Pastes::Collapse.
  virtual EditedLine Read(const std::string& prompt, const std::string& initial) = 0;
  // For the arrow keys.
  virtual void Remember(const std::string& line) = 0;
};

// With history, search and pastes, by libedit; on a terminal that can do nothing, lines as the
// system lets them be edited. All arguments must outlive it.
Result<std::unique_ptr<LineEditor>> CreateLineEditor(Terminal& terminal, Pastes& pastes,
                                                     LineKeys keys, bool color);

}  // namespace fairlead

// Whether a tool may run: a question that is answered with a line.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead {

enum class Consent { kNo, kYes, kAlways };

// What a line says: y, yes, n, no, a or always; nullopt for anything else.
std::optional<Consent> ConsentFrom(std::string_view line);

// Program and arguments as a shell would be told them.
std::string ShownCommand(const std::vector<std::string>& words);

// A short line that is typed key by key. What is pasted is no part of it, nor are arrow keys and
// other escape sequences.
class TypedLine {
 public:
  // Takes a byte that was typed; true for Enter.
  bool Add(char key);
  // UTF-8 without control characters, and short.
  const std::string& text() const { return text_; }
  void Clear() { text_.clear(); }
  // A paste has begun and not ended.
  bool in_paste() const { return state_ == State::kPaste; }

 private:
  enum class State { kText, kEscape, kSequence, kPaste };

  void AddText(char key);

  State state_ = State::kText;
  std::string sequence_;  // since the last escape
  std::string text_;
};

}  // namespace fairlead

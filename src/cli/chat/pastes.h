// What was pasted, and how it looks in the one line that is being edited.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace fairlead {

// A line break inside of the line that is being edited.
inline constexpr std::string_view kLineMark = "⏎";

class Pastes {
 public:
  // What to show for a pasted text: a short one as it is, with marks for line breaks; a long one as
  // "[pasted 120 lines, 10,000 characters]", and so one that would be more than text in its place,
  // such as lines that begin with a slash.
  std::string Show(std::string_view pasted);
  // The text that an edited line stands for.
  std::string Expand(std::string_view line) const;
  // A text with marks for its line breaks.
  static std::string InOneLine(std::string_view text);
  // A line without control characters that stands for exactly this text, with what was pasted short
  // again.
  std::string Collapse(std::string_view text);

 private:
  // Keeps the text under a name, which is returned.
  std::string Name(std::string text);

  std::map<std::string, std::string, std::less<>> texts_;  // by what is shown for them
};

}  // namespace fairlead

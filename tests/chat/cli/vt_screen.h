// What a terminal shows for the bytes that it is sent: enough of a VT100 for tests. Lines that
// scroll off stay. Without reflow: a narrower terminal cuts its lines.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fairlead {

class VtScreen {
 public:
  VtScreen(int columns, int rows) : columns_(columns), rows_(rows) { lines_.emplace_back(); }

  // Bytes in pieces of any size. \n begins a line, as after the terminal driver.
  void Feed(std::string_view bytes);
  void Resize(int columns, int rows);

  // All lines, those that scrolled off first, without spaces at their ends.
  std::vector<std::string> Lines() const;
  // The same, joined.
  std::string Text() const;
  // The line of the cursor, up to the cursor.
  std::string CursorLine() const;
  // Escape sequences that it does not know, and control characters that it was sent.
  const std::vector<std::string>& unknown() const { return unknown_; }

 private:
  struct Cell {
    std::string text = " ";
    int width = 1;  // 0: the right half of a wide character
  };
  using Line = std::vector<Cell>;

  void Put(std::string_view character);
  void Control(char byte);
  void Escape(std::string_view sequence);
  void LineFeed();
  size_t top() const;  // the line that is the first on the screen
  static std::string TextOf(const Line& line, size_t end);

  int columns_, rows_;
  std::vector<Line> lines_;
  size_t row_ = 0;  // in lines_
  int column_ = 0;  // columns_: after the last one
  std::string pending_;
  std::vector<std::string> unknown_;
};

}  // namespace fairlead

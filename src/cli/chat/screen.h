// What a chat shows, as a stream of text that only ever grows, and one block below it that is drawn
// over. It may be a terminal of any width, one that cannot do anything, or a file.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead {

enum class Style {
  kPlain,     // the answer
  kThinking,  // the model's reasoning
  kNote,      // what the program says
  kTool,      // what the model wants to be done
  kError,
  kUser,  // what was asked
};

struct ScreenOptions {
  bool raw = false;  // answers go out as they are: to a file or a program
  bool color = false;
  bool moves = false;  // the cursor can be moved: not on a dumb terminal and not in a file
  int columns = 0;     // 0: lines are not wrapped
  int rows = 24;
};

class Screen {
 public:
  using Sink = std::function<void(std::string_view)>;

  Screen(ScreenOptions options, Sink sink) : options_(options), sink_(std::move(sink)) {}

  // Adds text where the last one of this style ended, else on a line of its own. Pieces of text may
  // be of any size, but hold whole characters.
  void Write(std::string_view text, Style style);
  // The next text begins a line.
  void EndLine();
  // A text on lines of its own.
  void Line(std::string_view text, Style style);
  void BlankLine();

  // Shows rows below everything else until the next call of anything that writes: the last
  // `most_rows` of `text`. Nothing where the cursor cannot be moved.
  void ShowLive(std::string_view text, Style style, size_t most_rows);
  void HideLive();
  // The same rows once more, where the screen no longer holds what it did.
  void ShowLiveAgain();

  void Resize(int columns, int rows);
  int columns() const { return options_.columns; }
  int rows() const { return options_.rows; }
  bool color() const { return options_.color; }
  // Columns for text of that style.
  int TextColumns(Style style) const;

 private:
  std::string Styled(std::string_view text, Style style) const;
  std::string EraseLive();
  std::string LiveRows() const;

  ScreenOptions options_;
  Sink sink_;
  bool open_ = false;  // a line of text that may be added to
  std::string row_;    // its last row, without the margin
  Style style_ = Style::kPlain;
  bool carriage_return_ = false;   // at the end of it, not shown: it may belong to a line break
  std::vector<std::string> live_;  // the rows that are shown
  Style live_style_ = Style::kPlain;
};

}  // namespace fairlead

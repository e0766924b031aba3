// Text as a terminal shows it: what may be sent there, how wide it is, and where its lines break.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead {

// Makes the C library's character functions, which the line editor uses too, those of UTF-8. For
// the whole process; before anything else here.
void UseUtf8Characters();

// UTF-8 with everything that would steer a terminal made visible: control characters as ^[ or
// <U+009B>, characters that reorder what is around them as <U+202E>, broken bytes as U+FFFD. Line
// breaks and tabs stay. Doing it twice changes nothing.
std::string VisibleText(std::string_view text);

// The same in one row: line breaks and tabs become spaces, and what is wider than `width` columns
// is cut behind an ellipsis.
std::string VisibleRow(std::string_view text, int width);

// "1 token", "2 tokens".
std::string Counted(int64_t number, std::string_view what);

// Columns that a row of visible text takes.
int DisplayWidth(std::string_view visible);

// Visible text in rows of at most `width` columns, 0 for any. Breaks at spaces, beside wide
// characters, and inside of words that are longer than a row. All rows but the last stay as they
// are when text is added to the last one. Never empty: no text is one empty row.
std::vector<std::string> WrapText(std::string_view visible, int width);

}  // namespace fairlead

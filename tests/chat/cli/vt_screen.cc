#include "tests/chat/cli/vt_screen.h"

#include <algorithm>
#include <charconv>

#include "cli/chat/display_text.h"

namespace fairlead {
namespace {

// Bytes of the sequence or character at the beginning; 0 while it is incomplete.
size_t Length(std::string_view bytes) {
  const auto lead = static_cast<unsigned char>(bytes[0]);
  if (lead == 0x1b) {
    if (bytes.size() < 2) return 0;
    if (bytes[1] == '(' || bytes[1] == ')') return bytes.size() < 3 ? 0 : 3;
    if (bytes[1] != '[') return 2;
    for (size_t i = 2; i < bytes.size(); ++i) {
      if (bytes[i] >= 0x40 && bytes[i] <= 0x7e) return i + 1;
    }
    return 0;
  }
  const size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  return bytes.size() < length ? 0 : length;
}

}  // namespace

void VtScreen::Feed(std::string_view bytes) {
  pending_ += bytes;
  std::string_view rest = pending_;
  while (!rest.empty()) {
    const size_t length = Length(rest);
    if (length == 0) break;
    const std::string_view piece = rest.substr(0, length);
    rest.remove_prefix(length);
    if (piece[0] == '\x1b') {
      Escape(piece.substr(1));
    } else if (static_cast<unsigned char>(piece[0]) < 0x20 || piece[0] == '\x7f') {
      Control(piece[0]);
    } else {
      Put(piece);
    }
  }
  pending_ = std::string(rest);
}

size_t VtScreen::top() const {
  const auto rows = static_cast<size_t>(rows_);
  return lines_.size() > rows ? lines_.size() - rows : 0;
}

void VtScreen::LineFeed() {
  if (++row_ == lines_.size()) lines_.emplace_back();
}

void VtScreen::Put(std::string_view character) {
  const int width = DisplayWidth(character);
  if (width == 0) {
    Line& line = lines_[row_];
    if (column_ > 0 && static_cast<size_t>(column_) <= line.size()) {
      line[static_cast<size_t>(column_) - 1].text += character;
    }
    return;
  }
  if (column_ + width > columns_) {
    LineFeed();
    column_ = 0;
  }
  Line& line = lines_[row_];
  line.resize(std::max(line.size(), static_cast<size_t>(column_ + width)));
  line[static_cast<size_t>(column_)] = {std::string(character), width};
  if (width == 2) line[static_cast<size_t>(column_) + 1] = {"", 0};
  column_ += width;
}

void VtScreen::Control(char byte) {
  if (byte == '\n') {
    LineFeed();
    column_ = 0;
  } else if (byte == '\r') {
    column_ = 0;
  } else if (byte == '\b') {
    column_ = std::max(std::min(column_, columns_) - 1, 0);
  } else if (byte != '\a') {
    unknown_.emplace_back(1, byte);
  }
}

void VtScreen::Escape(std::string_view sequence) {
  if (sequence[0] != '[') {
    if (sequence[0] != '(' && sequence[0] != ')' && sequence[0] != '=' && sequence[0] != '>') {
      unknown_.emplace_back(sequence);
    }
    return;
  }
  const char final = sequence.back();
  int number = -1;
  std::from_chars(sequence.data() + 1, sequence.data() + sequence.size() - 1, number);
  const int count = std::max(number, 1);
  Line& line = lines_[row_];
  const auto column = static_cast<size_t>(std::min(column_, columns_ - 1));
  switch (final) {
    case 'A':
      row_ = std::max(top(), row_ - std::min(row_, static_cast<size_t>(count)));
      break;
    case 'B':
      row_ = std::min(lines_.size() - 1, row_ + static_cast<size_t>(count));
      break;
    case 'C':
      column_ = std::min(column_ + count, columns_ - 1);
      break;
    case 'D':
      column_ = std::max(std::min(column_, columns_ - 1) - count, 0);
      break;
    case 'G':
      column_ = count - 1;
      break;
    case 'H':
      row_ = top();
      column_ = 0;
      break;
    case 'J':
      if (number <= 0) lines_.resize(row_ + 1);
      [[fallthrough]];
    case 'K':
      if (number <= 0 && line.size() > column) lines_[row_].resize(column);
      break;
    case 'P':
      if (column < line.size()) {
        const auto begin = line.begin() + static_cast<std::ptrdiff_t>(column);
        line.erase(begin, begin + std::min<std::ptrdiff_t>(count, line.end() - begin));
      }
      break;
    case '@':
      line.resize(std::max(line.size(), column));
      line.insert(line.begin() + static_cast<std::ptrdiff_t>(column), static_cast<size_t>(count),
                  Cell());
      break;
    case 'm':
    case 'h':
    case 'l':
      break;
    default:
      unknown_.emplace_back(sequence);
  }
}

void VtScreen::Resize(int columns, int rows) {
  columns_ = columns;
  rows_ = rows;
  for (Line& line : lines_) {
    if (line.size() > static_cast<size_t>(columns)) line.resize(static_cast<size_t>(columns));
  }
  column_ = std::min(column_, columns_ - 1);
}

std::string VtScreen::TextOf(const Line& line, size_t end) {
  std::string text;
  for (size_t i = 0; i < std::min(end, line.size()); ++i) text += line[i].text;
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

std::vector<std::string> VtScreen::Lines() const {
  std::vector<std::string> lines;
  for (const Line& line : lines_) lines.push_back(TextOf(line, line.size()));
  return lines;
}

std::string VtScreen::Text() const {
  std::string text;
  for (const std::string& line : Lines()) text += line + "\n";
  return text;
}

std::string VtScreen::CursorLine() const {
  return TextOf(lines_[row_], static_cast<size_t>(column_));
}

}  // namespace fairlead

#include "cli/chat/display_text.h"

#include <fmt/format.h>
#include <langinfo.h>

#include <clocale>
#include <cwchar>
#include <optional>

#include "tokenizer/utf8.h"

namespace fairlead {
namespace {

constexpr int kTabColumns = 4;

struct Character {
  std::string_view bytes;
  uint32_t code = 0;
};

// The character at the beginning of `text`, which is UTF-8 and not empty.
Character FirstCharacter(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {text.substr(0, 1), lead};
  const size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  uint32_t code = lead & (0x7FU >> length);
  for (const char byte : text.substr(1, length - 1)) {
    code = code << 6 | (static_cast<unsigned char>(byte) & 0x3FU);
  }
  return {text.substr(0, length), code};
}

// What stands for a character that a terminal must not be sent; nullopt for any other.
std::optional<std::string> Replacement(uint32_t code) {
  const bool control = code < 0x20 || code == 0x7F;
  if (control && code != '\n' && code != '\t') {
    return fmt::format("^{}", static_cast<char>(code ^ 0x40));
  }
  const bool control_too = code >= 0x80 && code < 0xA0;
  const bool separator = code == 0x2028 || code == 0x2029;
  const bool reorders = (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
  const bool tag = code >= 0xE0000 && code <= 0xE007F;
  if (!control_too && !separator && !reorders && !tag) return std::nullopt;
  return fmt::format("<U+{:04X}>", code);
}

int ColumnsOf(uint32_t code) {
  const int columns = ::wcwidth(static_cast<wchar_t>(code));
  if (columns >= 0) return columns;
  // Characters younger than the C library: most of them are pictures.
  return code >= 0x1F000 && code < 0x20000 ? 2 : 1;
}

// Puts characters into rows.
class Wrapper {
 public:
  explicit Wrapper(int width) : width_(width) {}

  void Add(const Character& character) {
    if (character.code == '\n') return Break();
    if (character.code == '\t') {
      const int stop = column_ + kTabColumns - column_ % kTabColumns;
      do AddSpace();
      while (column_ > 0 && column_ < stop);
      return;
    }
    if (character.code == ' ') return AddSpace();
    AddVisible(character, ColumnsOf(character.code));
  }
  std::vector<std::string> Finish() {
    rows_.push_back(std::move(row_));
    return std::move(rows_);
  }

 private:
  bool Fits(int columns) const { return width_ == 0 || column_ + columns <= width_; }
  void Break() {
    rows_.push_back(std::move(row_));
    row_.clear();
    column_ = 0;
    StartWord();
  }
  void StartWord() {
    word_ = row_.size();
    word_column_ = column_;
  }
  // A space that does not fit is the break.
  void AddSpace() {
    if (!Fits(1)) return Break();
    row_ += ' ';
    ++column_;
    StartWord();
  }
  void AddVisible(const Character& character, int columns) {
    const bool wide = columns > 1;
    if (!Fits(columns)) {
      if (wide || word_ == 0) {
        Break();
      } else {
        MoveWord();
      }
    }
    row_ += character.bytes;
    column_ += columns;
    if (wide) StartWord();
  }
  // Takes the word that does not fit to a new row.
  void MoveWord() {
    std::string word = row_.substr(word_);
    const int columns = column_ - word_column_;
    row_.resize(word_);
    if (row_.ends_with(' ')) row_.pop_back();
    Break();
    row_ = std::move(word);
    column_ = columns;
  }

  const int width_;
  std::vector<std::string> rows_;
  std::string row_;
  int column_ = 0;
  size_t word_ = 0;  // where the last word of row_ begins
  int word_column_ = 0;
};

}  // namespace

void UseUtf8Characters() {
  std::setlocale(LC_CTYPE, "");
  if (std::string_view(::nl_langinfo(CODESET)) != "UTF-8") std::setlocale(LC_CTYPE, "C.UTF-8");
}

std::string VisibleText(std::string_view text) {
  std::string valid;
  AppendUtf8Lossy(text, /*final=*/true, valid);
  std::string visible;
  visible.reserve(valid.size());
  std::string_view rest = valid;
  while (!rest.empty()) {
    const Character character = FirstCharacter(rest);
    rest.remove_prefix(character.bytes.size());
    // The end of a line as some systems write it.
    if (character.code == '\r' && rest.starts_with('\n')) continue;
    if (const auto replacement = Replacement(character.code)) {
      visible += *replacement;
    } else {
      visible += character.bytes;
    }
  }
  return visible;
}

std::string VisibleRow(std::string_view text, int width) {
  const std::string visible = VisibleText(text);
  std::string row;
  int columns = 0;
  std::string_view rest = visible;
  while (!rest.empty()) {
    Character character = FirstCharacter(rest);
    rest.remove_prefix(character.bytes.size());
    if (character.code == '\n' || character.code == '\t') character = {" ", ' '};
    columns += ColumnsOf(character.code);
    if (columns > width - 1 && !(rest.empty() && columns <= width)) return row + "…";
    row += character.bytes;
  }
  return row;
}

std::string Counted(int64_t number, std::string_view what) {
  return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

int DisplayWidth(std::string_view visible) {
  int columns = 0;
  while (!visible.empty()) {
    const Character character = FirstCharacter(visible);
    visible.remove_prefix(character.bytes.size());
    columns += ColumnsOf(character.code);
  }
  return columns;
}

std::vector<std::string> WrapText(std::string_view visible, int width) {
  Wrapper wrapper(width);
  while (!visible.empty()) {
    const Character character = FirstCharacter(visible);
    visible.remove_prefix(character.bytes.size());
    wrapper.Add(character);
  }
  return wrapper.Finish();
}

}  // namespace fairlead

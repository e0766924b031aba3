#include "cli/chat/pastes.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/chat/display_text.h"
#include "tokenizer/utf8.h"

namespace fairlead {
namespace {

// More than this is not read at a glance.
constexpr size_t kShownBytes = 400;
constexpr auto kShownBreaks = 4;
// More than this is not edited in one line.
constexpr size_t kEditedBytes = 8192;
constexpr std::string_view kBlock = "\"\"\"";

// As text: line breaks are \n, whatever the terminal made of them, and nothing controls anything.
std::string Cleaned(std::string_view pasted) {
  std::string valid;
  AppendUtf8Lossy(pasted, /*final=*/true, valid);
  std::string text;
  text.reserve(valid.size());
  for (size_t i = 0; i < valid.size(); ++i) {
    const char byte = valid[i];
    if (byte == '\r') {
      if (i + 1 == valid.size() || valid[i + 1] != '\n') text += '\n';
    } else if (byte == '\n' || byte == '\t' ||
               (static_cast<unsigned char>(byte) >= 0x20 && byte != '\x7f')) {
      text += byte;
    }
  }
  return text;
}

std::string WithThousands(size_t number) {
  if (number < 1000) return std::to_string(number);
  return fmt::format("{},{:03}", WithThousands(number / 1000), number % 1000);
}

void ReplaceAll(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// Whether a pasted text could be taken for a command, or for a part of a block or of a message.
bool IsMoreThanText(std::string_view text) {
  const bool lines = text.find('\n') != std::string_view::npos;
  return (lines && (text.starts_with('/') || text.starts_with(' '))) || text.starts_with(kBlock) ||
         text.ends_with(kBlock) || text.ends_with('\\');
}

size_t Characters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80;
  }));
}

}  // namespace

std::string Pastes::Show(std::string_view pasted) {
  std::string text = Cleaned(pasted);
  const auto breaks = std::count(text.begin(), text.end(), '\n');
  const bool has_marks = text.find(kLineMark) != std::string::npos;
  if (text.size() <= kShownBytes && breaks <= kShownBreaks && !has_marks && !IsMoreThanText(text)) {
    ReplaceAll(text, "\n", kLineMark);
    return text;
  }
  return Name(std::move(text));
}

std::string Pastes::Name(std::string text) {
  const auto breaks = std::count(text.begin(), text.end(), '\n');
  const size_t lines = static_cast<size_t>(breaks) + (text.ends_with('\n') ? 0 : 1);
  const std::string size =
      fmt::format("{} {}, {} characters", WithThousands(lines), lines == 1 ? "line" : "lines",
                  WithThousands(Characters(text)));
  std::string shown = fmt::format("[pasted {}]", size);
  for (int number = 2; texts_.contains(shown) && texts_[shown] != text; ++number) {
    shown = fmt::format("[pasted {}; {}]", size, number);
  }
  texts_[shown] = std::move(text);
  return shown;
}

std::string Pastes::Expand(std::string_view line) const {
  std::string text(line);
  ReplaceAll(text, kLineMark, "\n");
  // From left to right, so that nothing inside of what was pasted is taken for a paste.
  std::string expanded;
  for (size_t at = 0; at < text.size();) {
    const size_t open = text.find("[pasted ", at);
    const size_t close = text.find(']', open);
    if (close == std::string::npos) return expanded + text.substr(at);
    expanded += text.substr(at, open - at);
    const auto found = texts_.find(text.substr(open, close + 1 - open));
    if (found != texts_.end()) {
      expanded += found->second;
      at = close + 1;
    } else {
      expanded += text[open];
      at = open + 1;
    }
  }
  return expanded;
}

std::string Pastes::InOneLine(std::string_view text) {
  std::string line(text);
  ReplaceAll(line, "\n", kLineMark);
  return line;
}

std::string Pastes::Collapse(std::string_view text) {
  std::string line(text);
  for (const auto& [shown, pasted] : texts_) ReplaceAll(line, pasted, shown);
  line = InOneLine(line);
  const bool plain = VisibleText(line) == line && !line.ends_with('\\');
  if (plain && line.size() <= kEditedBytes && Expand(line) == text) return line;
  return Name(std::string(text));
}

}  // namespace fairlead

#include "cli/chat/screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cli/chat/display_text.h"

namespace fairlead {
namespace {

std::string_view ColorOf(Style style) {
  switch (style) {
    case Style::kPlain:
      return "";
    case Style::kThinking:
    case Style::kNote:
      return "\x1b[2m";
    case Style::kTool:
      return "\x1b[36m";
    case Style::kError:
      return "\x1b[31m";
    case Style::kUser:
      return "\x1b[1m";
  }
  return "";
}

// What a row begins with, so that reasoning is told from an answer without colour as well.
std::string_view MarginOf(Style style) { return style == Style::kThinking ? "│ " : ""; }

// Narrower than this, a text is no longer a text.
constexpr int kLeastColumns = 4;

}  // namespace

int Screen::TextColumns(Style style) const {
  if (options_.columns == 0) return 0;
  // Terminals differ in what they do after the last column: it stays free.
  return std::max(options_.columns - 1 - DisplayWidth(MarginOf(style)), kLeastColumns);
}

std::string Screen::Styled(std::string_view text, Style style) const {
  const std::string_view color = options_.color ? ColorOf(style) : "";
  if (color.empty() || text.empty()) return std::string(text);
  return fmt::format("{}{}\x1b[0m", color, text);
}

void Screen::Write(std::string_view text, Style style) {
  if (text.empty()) return;
  std::string out = EraseLive();
  if (open_ && style != style_) {
    out += '\n';
    open_ = false;
    carriage_return_ = false;
  }
  if (options_.raw && style == Style::kPlain) {
    open_ = !text.ends_with('\n');
    style_ = style;
    row_.clear();
    return sink_(out.append(text));
  }
  std::string whole;
  if (std::exchange(carriage_return_, false)) {
    whole = fmt::format("\r{}", text);
    text = whole;
  }
  if (text.ends_with('\r')) {
    carriage_return_ = true;
    text.remove_suffix(1);
    if (text.empty()) return out.empty() ? void() : sink_(out);
  }
  const std::string_view margin = MarginOf(style);
  if (!open_) {
    row_.clear();
    out += Styled(margin, style);
  }
  open_ = true;
  style_ = style;
  // The last row may end in the middle of a word that has to move now.
  const int columns = options_.moves ? TextColumns(style) : 0;
  std::vector<std::string> rows = WrapText(row_ + VisibleText(text), columns);
  std::string& first = rows.front();
  if (first.starts_with(row_)) {
    out += Styled(std::string_view(first).substr(row_.size()), style);
  } else {
    out += fmt::format("\x1b[{}D\x1b[K", DisplayWidth(row_) - DisplayWidth(first));
  }
  for (size_t i = 1; i < rows.size(); ++i) {
    out += '\n';
    out += Styled(fmt::format("{}{}", margin, rows[i]), style);
  }
  row_ = std::move(rows.back());
  sink_(out);
}

void Screen::EndLine() {
  std::string out = EraseLive();
  if (open_) out += '\n';
  open_ = false;
  carriage_return_ = false;
  if (!out.empty()) sink_(out);
}

void Screen::Line(std::string_view text, Style style) {
  EndLine();
  Write(text.empty() ? " " : text, style);
  EndLine();
}

void Screen::BlankLine() {
  EndLine();
  sink_("\n");
}

std::string Screen::EraseLive() {
  if (live_.empty()) return "";
  const size_t up = live_.size() - 1;
  live_.clear();
  return up > 0 ? fmt::format("\r\x1b[{}A\x1b[J", up) : "\r\x1b[J";
}

void Screen::ShowLive(std::string_view text, Style style, size_t most_rows) {
  if (!options_.moves) return;
  if (open_) EndLine();
  std::vector<std::string> rows = WrapText(VisibleText(text), TextColumns(style));
  most_rows = std::clamp<size_t>(most_rows, 1, std::max(options_.rows - 2, 1));
  if (rows.size() > most_rows) rows.erase(rows.begin(), rows.end() - static_cast<long>(most_rows));
  if (rows == live_ && style == live_style_) return;
  std::string out;
  const bool grows = style == live_style_ && rows.size() == live_.size() &&
                     std::equal(rows.begin(), rows.end() - 1, live_.begin()) &&
                     rows.back().starts_with(live_.back());
  if (grows) {
    out = Styled(std::string_view(rows.back()).substr(live_.back().size()), style);
  } else {
    out = EraseLive();
  }
  live_ = std::move(rows);
  live_style_ = style;
  sink_(grows ? out : out + LiveRows());
}

std::string Screen::LiveRows() const {
  std::string out;
  for (const std::string& row : live_) {
    if (&row != &live_.front()) out += '\n';
    out += Styled(fmt::format("{}{}", MarginOf(live_style_), row), live_style_);
  }
  return out;
}

void Screen::ShowLiveAgain() {
  if (!live_.empty()) sink_("\r\x1b[J" + LiveRows());
}

void Screen::HideLive() {
  const std::string out = EraseLive();
  if (!out.empty()) sink_(out);
}

void Screen::Resize(int columns, int rows) {
  options_.columns = columns;
  options_.rows = rows;
  // Where a terminal has put the cursor of a row that no longer fits, nobody knows: go on below.
  const bool live_fits = std::all_of(live_.begin(), live_.end(), [&](const std::string& row) {
    return DisplayWidth(row) <= TextColumns(live_style_);
  });
  if (!live_fits) {
    live_.clear();
    sink_("\n");
  }
  if (open_ && DisplayWidth(row_) > TextColumns(style_)) {
    open_ = false;
    sink_("\n");
  }
}

}  // namespace fairlead

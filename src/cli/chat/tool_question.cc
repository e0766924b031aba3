#include "cli/chat/tool_question.h"

#include <algorithm>
#include <cctype>

namespace fairlead {
namespace {

constexpr size_t kLongestLine = 40;
constexpr char kEscapeKey = 0x1b;
constexpr char kBackspace = 0x08;
constexpr char kDelete = 0x7f;
constexpr char kEraseLine = 0x15;  // Ctrl-U
constexpr std::string_view kPasteBegin = "[200~";
constexpr std::string_view kPasteEnd = "\x1b[201~";

bool IsPlain(char byte) {
  return std::isalnum(static_cast<unsigned char>(byte)) != 0 ||
         std::string_view("_-+=./:,@%").find(byte) != std::string_view::npos;
}

}  // namespace

std::optional<Consent> ConsentFrom(std::string_view line) {
  std::string word;
  for (const char byte : line) {
    if (byte != ' ') word += static_cast<char>(std::tolower(static_cast<unsigned char>(byte)));
  }
  if (word == "y" || word == "yes") return Consent::kYes;
  if (word == "n" || word == "no") return Consent::kNo;
  if (word == "a" || word == "always") return Consent::kAlways;
  return std::nullopt;
}

std::string ShownCommand(const std::vector<std::string>& words) {
  std::string shown;
  for (const std::string& word : words) {
    if (!shown.empty()) shown += ' ';
    if (!word.empty() && std::all_of(word.begin(), word.end(), IsPlain)) {
      shown += word;
      continue;
    }
    shown += '\'';
    for (const char byte : word) {
      if (byte == '\'') {
        shown += "'\\''";
      } else {
        shown += byte;
      }
    }
    shown += '\'';
  }
  return shown;
}

bool TypedLine::Add(char key) {
  switch (state_) {
    case State::kPaste:
      sequence_ += key;
      if (sequence_.size() > kPasteEnd.size()) sequence_.erase(0, 1);
      if (sequence_ == kPasteEnd) state_ = State::kText;
      return false;
    case State::kEscape:
      sequence_ = key;
      // Else it is one key with Alt.
      state_ = key == '[' || key == 'O' ? State::kSequence : State::kText;
      return false;
    case State::kSequence:
      sequence_ += key;
      if (sequence_ == kPasteBegin) {
        sequence_.clear();
        state_ = State::kPaste;
      } else if (key >= '@' && key <= '~') {
        state_ = State::kText;
      }
      return false;
    case State::kText:
      break;
  }
  if (key == '\r' || key == '\n') return true;
  if (key == kEscapeKey) {
    state_ = State::kEscape;
  } else {
    AddText(key);
  }
  return false;
}

void TypedLine::AddText(char key) {
  const auto byte = static_cast<unsigned char>(key);
  if (key == kBackspace || key == kDelete) {
    // A character and the bytes that go on with it.
    while (!text_.empty() && (static_cast<unsigned char>(text_.back()) & 0xC0U) == 0x80) {
      text_.pop_back();
    }
    if (!text_.empty()) text_.pop_back();
  } else if (key == kEraseLine) {
    text_.clear();
  } else if (byte >= 0x20 && text_.size() < kLongestLine) {
    text_ += key;
  }
}

}  // namespace fairlead

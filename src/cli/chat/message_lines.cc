#include "cli/chat/message_lines.h"

#include <string_view>

namespace fairlead {
namespace {

constexpr std::string_view kBlock = "\"\"\"";

}  // namespace

bool MessageLines::Add(const std::string& line) {
  if (!open_) Clear();
  std::string_view rest = line;
  if (!open_ && rest.starts_with(kBlock)) {
    rest.remove_prefix(kBlock.size());
    block_ = true;
    open_ = true;
    if (rest.empty()) return false;
  } else if (block_ && !text_.empty()) {
    text_ += '\n';
  }
  if (block_) {
    open_ = !rest.ends_with(kBlock);
    if (!open_) rest.remove_suffix(kBlock.size());
    text_ += rest;
    // The quotes may stand on a line of their own.
    if (!open_ && rest.empty() && text_.ends_with('\n')) text_.pop_back();
    return !open_;
  }
  open_ = rest.ends_with('\\');
  if (open_) rest.remove_suffix(1);
  text_ += rest;
  if (open_) text_ += '\n';
  return !open_;
}

void MessageLines::Clear() {
  text_.clear();
  open_ = false;
  block_ = false;
}

}  // namespace fairlead

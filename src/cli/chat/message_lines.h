// Messages of several lines.
#pragma once

#include <string>

namespace fairlead {

// Joins lines to a message: one that ends with a backslash goes on, and a block between lines of
// """ has any number.
class MessageLines {
 public:
  // True when the message is complete; it is then text().
  bool Add(const std::string& line);
  // Lines are missing.
  bool open() const { return open_; }
  const std::string& text() const { return text_; }
  void Clear();

 private:
  std::string text_;
  bool open_ = false;
  bool block_ = false;
};

}  // namespace fairlead

// White space at the ends of a text.
#pragma once

#include <string_view>

namespace fairlead {

// `text` without the spaces, tabs and line breaks at both ends.
inline std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kWhiteSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kWhiteSpace);
  if (begin == std::string_view::npos) return "";
  return text.substr(begin, text.find_last_not_of(kWhiteSpace) + 1 - begin);
}

}  // namespace fairlead

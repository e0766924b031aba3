// Whether a list of names has one.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead {

inline bool Contains(const std::vector<std::string>& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

}  // namespace fairlead

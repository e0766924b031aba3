#include "graph/axis.h"

#include <fmt/format.h>

namespace fairlead {

int64_t Axis::count() const {
  if (whole()) return size;
  int64_t count = 0;
  for (const Range& range : held) count += range.count;
  return count;
}

std::vector<Range> Axis::ranges() const { return whole() ? std::vector<Range>{{0, size}} : held; }

Axis Axis::Times(int64_t factor) const {
  Axis scaled(size * factor, held);
  for (Range& range : scaled.held) {
    range.start *= factor;
    range.count *= factor;
  }
  return scaled;
}

std::string Axis::ToString() const {
  if (whole()) return std::to_string(size);
  std::string text;
  for (const Range& range : held) {
    fmt::format_to(std::back_inserter(text), "{}{}-{}", text.empty() ? "" : ",", range.start,
                   range.start + range.count - 1);
  }
  return fmt::format("{} of {}", text, size);
}

}  // namespace fairlead

// A dimension that ranks share, as one rank sees it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fairlead {

// Consecutive indices.
struct Range {
  int64_t start = 0;
  int64_t count = 0;

  bool operator==(const Range&) const = default;
};

// A dimension of the whole model and the part of it that a rank holds: ranges that follow each
// other in the rank's part. They may repeat (a kv head that several query heads of the rank read).
struct Axis {
  int64_t size = 0;
  std::vector<Range> held;  // empty: all of it

  Axis() = default;
  Axis(int64_t whole) : size(whole) {}  // NOLINT: a number is a dimension held whole
  Axis(int64_t whole, std::vector<Range> part) : size(whole), held(std::move(part)) {}

  bool operator==(const Axis&) const = default;
  bool whole() const { return held.empty(); }
  // Elements that the rank holds.
  int64_t count() const;
  // `held`, or the one range that is everything.
  std::vector<Range> ranges() const;
  // The axis on which every index is `factor` indices: heads become columns.
  Axis Times(int64_t factor) const;
  std::string ToString() const;  // "0-63,128-191 of 256", or "256" when whole
};

}  // namespace fairlead

#include "runtime/constraint/character_set.h"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>
#include <utility>

namespace fairlead {
namespace {

constexpr uint32_t kLastCharacter = 0x10FFFF;
constexpr CharacterRange kSurrogates = {0xD800, 0xDFFF};
// The last character that 1, 2, 3 and 4 bytes spell.
constexpr std::array<uint32_t, 4> kLastOfLength = {0x7F, 0x7FF, 0xFFFF, kLastCharacter};

// Sorted and joined where they touch.
CharacterSet Joined(std::vector<CharacterRange> ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  CharacterSet set;
  for (const CharacterRange& range : ranges) {
    if (!set.empty() && range.first <= set.back().last + 1) {
      set.back().last = std::max(set.back().last, range.last);
    } else {
      set.push_back(range);
    }
  }
  return set;
}

// Adds the parts of `range` outside the surrogates.
void AddScalars(const CharacterRange& range, CharacterSet& set) {
  const uint32_t before = std::min(range.last, kSurrogates.first - 1);
  const uint32_t behind = std::max(range.first, kSurrogates.last + 1);
  if (range.first <= before) set.push_back({range.first, before});
  if (behind <= range.last) set.push_back({behind, range.last});
}

std::array<uint8_t, 4> Encode(uint32_t character, size_t length) {
  constexpr std::array<uint8_t, 4> kLeads = {0x00, 0xC0, 0xE0, 0xF0};
  std::array<uint8_t, 4> bytes{};
  bytes[0] = static_cast<uint8_t>(kLeads[length - 1] | character >> (6 * (length - 1)));
  for (size_t i = 1; i < bytes.size() && i < length; ++i) {
    bytes[i] = static_cast<uint8_t>(0x80 | (character >> (6 * (length - 1 - i)) & 0x3F));
  }
  return bytes;
}

class GraphBuilder {
 public:
  // Adds characters that `length` bytes spell. As in Russ Cox's utf8 compilation (RE2): cut where
  // the last bytes do not run through all their values, until each piece is one range a byte.
  void Add(const CharacterRange& range, size_t length) {
    for (size_t tail = 1; tail < length; ++tail) {
      const uint32_t low_bits = (uint32_t{1} << (6 * tail)) - 1;
      if ((range.first & ~low_bits) == (range.last & ~low_bits)) continue;
      if ((range.first & low_bits) != 0) {
        Add({range.first, range.first | low_bits}, length);
        Add({(range.first | low_bits) + 1, range.last}, length);
        return;
      }
      if ((range.last & low_bits) != low_bits) {
        Add({range.first, (range.last & ~low_bits) - 1}, length);
        Add({range.last & ~low_bits, range.last}, length);
        return;
      }
    }
    AddSequence(Encode(range.first, length), Encode(range.last, length), length);
  }

  Utf8Graph Finish() {
    graph_.nodes.push_back(std::move(leads_));
    return std::move(graph_);
  }

 private:
  void AddSequence(const std::array<uint8_t, 4>& low, const std::array<uint8_t, 4>& high,
                   size_t length) {
    uint32_t target = Utf8Graph::kDone;
    for (size_t i = length; i-- > 1;) target = SharedNode({low[i], high[i], target});
    leads_.push_back({low[0], high[0], target});
  }

  // A node with this edge alone; the same one for the same edge.
  uint32_t SharedNode(const Utf8Graph::Edge& edge) {
    const auto next = static_cast<uint32_t>(graph_.nodes.size());
    const auto [known, inserted] = shared_.try_emplace({edge.low, edge.high, edge.target}, next);
    if (inserted) graph_.nodes.push_back({edge});
    return known->second;
  }

  Utf8Graph graph_;
  std::vector<Utf8Graph::Edge> leads_;
  std::map<std::tuple<uint8_t, uint8_t, uint32_t>, uint32_t> shared_;
};

}  // namespace

CharacterSet MakeCharacterSet(std::vector<CharacterRange> ranges) {
  CharacterSet scalars;
  for (const CharacterRange& range : Joined(std::move(ranges))) AddScalars(range, scalars);
  return scalars;
}

CharacterSet Complement(const CharacterSet& set) {
  CharacterSet rest;
  uint32_t begin = 0;
  for (const CharacterRange& range : set) {
    if (begin < range.first) rest.push_back({begin, range.first - 1});
    begin = range.last + 1;
  }
  if (begin <= kLastCharacter) rest.push_back({begin, kLastCharacter});
  return MakeCharacterSet(std::move(rest));
}

size_t Utf8Graph::edge_count() const {
  size_t count = 0;
  for (const auto& edges : nodes) count += edges.size();
  return count;
}

Utf8Graph MakeUtf8Graph(const CharacterSet& set) {
  GraphBuilder builder;
  for (const CharacterRange& range : set) {
    uint32_t begin = 0;
    for (size_t length = 1; length <= kLastOfLength.size(); ++length) {
      const uint32_t end = kLastOfLength[length - 1];
      const CharacterRange part = {std::max(range.first, begin), std::min(range.last, end)};
      if (part.first <= part.last) builder.Add(part, length);
      begin = end + 1;
    }
  }
  return builder.Finish();
}

}  // namespace fairlead

// What models wrote, by where in which conversation they wrote it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace fairlead {

// A conversation up to and including a message: a hash of its canonical ids. Two that collide are
// harmless: who finds ids checks that they mean what they should.
struct TranscriptKey {
  uint64_t low = 0;
  uint64_t high = 0;
  bool operator==(const TranscriptKey&) const = default;
  bool operator<(const TranscriptKey& other) const {
    return std::tie(low, high) < std::tie(other.low, other.high);
  }
};

// The keys of the beginnings of `ids` that end at `ends`, which ascend.
std::vector<TranscriptKey> TranscriptKeys(std::span<const int32_t> ids,
                                          std::span<const size_t> ends);

// Bounded: what was used longest ago is forgotten first. Thread-safe.
class TranscriptMap {
 public:
  struct Limits {
    size_t max_entries = 65536;
    size_t max_bytes = 64u << 20;  // of ids and scopes, and what it takes to find them
  };
  struct Statistics {
    size_t entries = 0;
    size_t bytes = 0;
    int64_t hits = 0;
    int64_t misses = 0;
    int64_t evictions = 0;
  };

  explicit TranscriptMap(const Limits& limits) : limits_(limits) {}

  // Remembers `ids`. `scope` names the client: nobody finds what another one's answers were. What
  // is larger than all there may be is not kept.
  void Store(std::string_view scope, const TranscriptKey& key, std::vector<int32_t> ids);
  // As if nothing had been stored there.
  void Forget(std::string_view scope, const TranscriptKey& key);
  std::optional<std::vector<int32_t>> Find(std::string_view scope, const TranscriptKey& key);
  Statistics statistics() const;

 private:
  using Place = std::pair<std::string, TranscriptKey>;
  struct Entry {
    Place place;
    std::vector<int32_t> ids;
  };
  using Entries = std::list<Entry>;

  static size_t BytesOf(const Entry& entry);
  void Remove(Entries::iterator entry);  // under the mutex

  const Limits limits_;
  mutable std::mutex mutex_;  // guards everything below
  Entries entries_;           // used last in front
  std::map<Place, Entries::iterator> index_;
  Statistics statistics_;
};

}  // namespace fairlead

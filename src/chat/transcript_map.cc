#include "chat/transcript_map.h"

#include <xxhash.h>

#include <iterator>
#include <memory>
#include <utility>

namespace fairlead {
namespace {

// Nodes of the list and the index, roughly.
constexpr size_t kEntryBytes = 256;

}  // namespace

std::vector<TranscriptKey> TranscriptKeys(std::span<const int32_t> ids,
                                          std::span<const size_t> ends) {
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(),
                                                                       &XXH3_freeState);
  XXH3_128bits_reset(state.get());
  std::vector<TranscriptKey> keys;
  keys.reserve(ends.size());
  size_t begin = 0;
  for (const size_t end : ends) {
    const std::span<const int32_t> added = ids.subspan(begin, end - begin);
    XXH3_128bits_update(state.get(), added.data(), added.size_bytes());
    const XXH128_hash_t hash = XXH3_128bits_digest(state.get());
    keys.push_back({hash.low64, hash.high64});
    begin = end;
  }
  return keys;
}

size_t TranscriptMap::BytesOf(const Entry& entry) {
  // The scope is in the list and in the index.
  return kEntryBytes + 2 * entry.place.first.size() + entry.ids.size() * sizeof(int32_t);
}

void TranscriptMap::Remove(Entries::iterator entry) {
  statistics_.bytes -= BytesOf(*entry);
  index_.erase(entry->place);
  entries_.erase(entry);
}

void TranscriptMap::Store(std::string_view scope, const TranscriptKey& key,
                          std::vector<int32_t> ids) {
  Entry entry{{std::string(scope), key}, std::move(ids)};
  const size_t bytes = BytesOf(entry);
  const std::lock_guard lock(mutex_);
  if (const auto found = index_.find(entry.place); found != index_.end()) Remove(found->second);
  if (bytes > limits_.max_bytes || limits_.max_entries == 0) return;
  entries_.push_front(std::move(entry));
  index_.emplace(entries_.front().place, entries_.begin());
  statistics_.bytes += bytes;
  while (statistics_.bytes > limits_.max_bytes || entries_.size() > limits_.max_entries) {
    Remove(std::prev(entries_.end()));
    ++statistics_.evictions;
  }
}

void TranscriptMap::Forget(std::string_view scope, const TranscriptKey& key) {
  const Place place(scope, key);
  const std::lock_guard lock(mutex_);
  if (const auto found = index_.find(place); found != index_.end()) Remove(found->second);
}

std::optional<std::vector<int32_t>> TranscriptMap::Find(std::string_view scope,
                                                        const TranscriptKey& key) {
  const Place place(scope, key);
  const std::lock_guard lock(mutex_);
  const auto found = index_.find(place);
  if (found == index_.end()) {
    ++statistics_.misses;
    return std::nullopt;
  }
  ++statistics_.hits;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->ids;
}

TranscriptMap::Statistics TranscriptMap::statistics() const {
  const std::lock_guard lock(mutex_);
  Statistics statistics = statistics_;
  statistics.entries = entries_.size();
  return statistics;
}

}  // namespace fairlead

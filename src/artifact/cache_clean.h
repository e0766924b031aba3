// Removes artifacts from the cache of automatic exports.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "artifact/cache_entries.h"
#include "base/error.h"

namespace fairlead {

// What is to go beside what is of no use to anybody (CacheEntry::junk). Names, model and
// unused_for must all hold where they are given.
struct CleanRequest {
  bool all = false;
  std::vector<std::string> names;                  // of entries
  std::string model;                               // a part of the model's or the entry's name
  std::optional<std::chrono::seconds> unused_for;  // at least
  // Of those, or of all artifacts if nothing else is given: the least recently used, until the
  // cache holds no more than this.
  std::optional<uint64_t> max_bytes;
  bool dry_run = false;  // only tell
};

struct CleanReport {
  struct Kept {
    CacheEntry entry;
    std::string reason;
  };
  std::vector<CacheEntry> removed;
  std::vector<Kept> kept;  // was to go, or is being written
  bool failed = false;     // the system refused to remove one of those
  uint64_t freed_bytes = 0;
  uint64_t remaining_bytes = 0;
};

// Removes from `cache`. An artifact that a process runs or writes stays. Of two that clean at
// once each entry is removed by one. Fails if a name is none of an entry.
Result<CleanReport> CleanCache(const std::filesystem::path& cache, const CleanRequest& request);

// The size that the cache may have: $FAIRLEAD_CACHE_SIZE, or 100 GB, which holds gpt-oss-120b and
// 20b with room for another; the largest number for "unlimited".
Result<uint64_t> CacheLimit();

// Keeps `cache` below `limit` bytes: logs what it removes. What cannot be removed is no error.
void EnforceCacheLimit(const std::filesystem::path& cache, uint64_t limit);

}  // namespace fairlead

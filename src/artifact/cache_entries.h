// What lies in the cache of automatic exports.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace fairlead {

enum class CacheState {
  kComplete,    // loads
  kNewer,       // of a format version that a later fairlead reads
  kUnreadable,  // damaged, or of an earlier format version
  kUnfinished,  // the hidden folder, or the lock, of an export that is at work or was killed
};

// "complete", "newer", "unreadable", "unfinished".
std::string_view CacheStateName(CacheState state);

struct CacheEntry {
  std::filesystem::path path;
  CacheState state = CacheState::kComplete;
  std::string reason;  // why it is newer or unreadable
  bool busy = false;   // a living process writes it or runs it
  bool junk = false;   // of no use to anybody any more
  std::string model;   // as the user named it; empty where that cannot be read
  int64_t tp_degree = 1;
  int64_t ep_degree = 1;
  uint64_t bytes = 0;
  std::chrono::system_clock::time_point last_used;

  std::string name() const { return path.filename().string(); }
};

// The entries of the folder `cache`, the least recently used first; none if it does not exist. What
// does not look like the cache's own (a folder NAME-KEY with fairlead.json, a hidden folder of an
// export, its lock file) is no entry, and neither is a link. Every artifact is loaded, its weights
// are not read.
Result<std::vector<CacheEntry>> ListCache(const std::filesystem::path& cache);

// Whether an artifact of the cache may be called that: NAME-KEY, where KEY is 16 hexadecimal digits
// and NAME is made of letters, digits, '-' and '_'.
bool IsCacheName(std::string_view name);
bool IsCacheNameCharacter(char c);
// The lock that whoever exports or removes the artifact `dir` of the cache holds.
std::filesystem::path CacheLockPath(const std::filesystem::path& dir);

// Notes that the artifact is used now, as the time of its folder. A cache that cannot be written
// stays as it is.
void MarkUsed(const std::filesystem::path& dir);

}  // namespace fairlead

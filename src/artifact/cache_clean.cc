#include "artifact/cache_clean.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

#include "artifact/byte_size.h"
#include "artifact/path_lock.h"
#include "artifact/staging.h"
#include "base/log.h"

namespace fairlead {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kDefaultLimit = 100'000'000'000;
constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();

// Why something was not removed.
struct Refusal {
  std::string reason;
  bool system;  // the system did not let this process
};

Refusal CannotRemove(std::string_view why) {
  return {fmt::format("cannot be removed: {}", why), /*system=*/true};
}

// Why an entry stays, for one whose lock cannot be had.
Refusal Busy(const CacheEntry& entry) {
  std::error_code ignored;
  if (!fs::exists(fs::symlink_status(entry.path, ignored))) {
    return {"removed by another process", /*system=*/false};
  }
  const bool unfinished = entry.state == CacheState::kUnfinished;
  return {fmt::format("{} by a running process", unfinished ? "being written" : "in use"),
          /*system=*/false};
}

std::optional<Refusal> RemoveTree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) return CannotRemove(error.message());
  return std::nullopt;
}

// Under the lock of whoever would export it. It first takes a hidden name, so that what is left if
// this process is killed is no artifact.
std::optional<Refusal> RemoveArtifact(const CacheEntry& entry) {
  const fs::path lock_file = CacheLockPath(entry.path);
  std::error_code ignored;
  const auto exporting = PathLock::Try(lock_file, LockMode::kExclusive);
  if (!exporting && fs::exists(fs::symlink_status(lock_file, ignored))) return Busy(entry);
  const auto lock = PathLock::Try(entry.path, LockMode::kExclusive);
  if (!lock) return Busy(entry);
  const fs::path hidden = TemporaryPath(entry.path);
  if (::rename(entry.path.c_str(), hidden.c_str()) != 0) return CannotRemove(std::strerror(errno));
  return RemoveTree(hidden);
}

std::optional<Refusal> RemoveEntry(const CacheEntry& entry) {
  if (entry.state != CacheState::kUnfinished) return RemoveArtifact(entry);
  const auto lock = PathLock::Try(entry.path, LockMode::kExclusive);
  if (!lock) return Busy(entry);
  return RemoveTree(entry.path);
}

bool Selects(const CleanRequest& request) {
  return !request.names.empty() || !request.model.empty() || request.unused_for.has_value();
}

bool Matches(const CacheEntry& entry, const CleanRequest& request) {
  const std::string name = entry.name();
  const auto& names = request.names;
  if (!names.empty() && std::find(names.begin(), names.end(), name) == names.end()) return false;
  if (entry.model.find(request.model) == std::string::npos &&
      name.find(request.model) == std::string::npos) {
    return false;
  }
  return !request.unused_for ||
         std::chrono::system_clock::now() - entry.last_used >= *request.unused_for;
}

Status CheckNames(const std::vector<CacheEntry>& entries, const CleanRequest& request,
                  const fs::path& cache) {
  for (const std::string& name : request.names) {
    const bool known = std::any_of(entries.begin(), entries.end(),
                                   [&](const CacheEntry& entry) { return entry.name() == name; });
    if (!known) {
      return Fail(ErrorCode::kNotFound, "cache", "{}: expected an entry's name, got {}",
                  cache.string(), Quoted(name));
    }
  }
  return {};
}

// Removes one entry after the other and keeps the account.
class Cleaner {
 public:
  Cleaner(const CleanRequest& request, uint64_t total) : request_(request) {
    report_.remaining_bytes = total;
  }

  void Remove(const CacheEntry& entry) {
    auto refusal = request_.dry_run ? Pretend(entry) : RemoveEntry(entry);
    if (refusal) {
      report_.failed |= refusal->system;
      report_.kept.push_back({entry, std::move(refusal->reason)});
      return;
    }
    report_.removed.push_back(entry);
    report_.freed_bytes += entry.bytes;
    report_.remaining_bytes -= entry.bytes;
  }
  bool IsWithin(uint64_t bytes) const { return report_.remaining_bytes <= bytes; }
  CleanReport Finish() { return std::move(report_); }

 private:
  static std::optional<Refusal> Pretend(const CacheEntry& entry) {
    if (entry.busy) return Busy(entry);
    return std::nullopt;
  }

  const CleanRequest& request_;
  CleanReport report_;
};

}  // namespace

Result<CleanReport> CleanCache(const fs::path& cache, const CleanRequest& request) {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<CacheEntry> entries, ListCache(cache));
  FAIRLEAD_RETURN_IF_ERROR(CheckNames(entries, request, cache));
  uint64_t total = 0;
  for (const CacheEntry& entry : entries) total += entry.bytes;
  Cleaner cleaner(request, total);
  for (const CacheEntry& entry : entries) {
    // One that is being written is only told.
    if (entry.junk || entry.state == CacheState::kUnfinished) cleaner.Remove(entry);
  }
  for (const CacheEntry& entry : entries) {
    if (entry.junk || entry.state == CacheState::kUnfinished) continue;
    const bool selected =
        Selects(request) ? Matches(entry, request) : request.all || request.max_bytes.has_value();
    if (!selected || (request.max_bytes && cleaner.IsWithin(*request.max_bytes))) continue;
    cleaner.Remove(entry);
  }
  return cleaner.Finish();
}

Result<uint64_t> CacheLimit() {
  const char* text = std::getenv("FAIRLEAD_CACHE_SIZE");
  if (text == nullptr || *text == '\0') return kDefaultLimit;
  if (std::string_view(text) == "unlimited") return kUnlimited;
  const auto bytes = ParseByteSize(text);
  if (bytes) return *bytes;
  return Fail(ErrorCode::kInvalidArgument, "cache",
              "FAIRLEAD_CACHE_SIZE: expected a size such as 50GB, or unlimited, got {}",
              Quoted(text));
}

void EnforceCacheLimit(const fs::path& cache, uint64_t limit) {
  const auto entries = ListCache(cache);
  if (!entries) return;
  uint64_t total = 0;
  for (const CacheEntry& entry : *entries) total += entry.bytes;
  if (total <= limit) return;
  CleanRequest request;
  request.max_bytes = limit;
  const auto report = CleanCache(cache, request);
  if (!report) return;
  const double megabytes = 1e6;
  for (const CacheEntry& entry : report->removed) {
    spdlog::info("[cache] removed {} ({:.1f} MB) to stay below {:.1f} MB", entry.name(),
                 static_cast<double>(entry.bytes) / megabytes,
                 static_cast<double>(limit) / megabytes);
  }
  if (report->remaining_bytes > limit) {
    spdlog::info("[cache] {} holds {:.1f} MB, more than FAIRLEAD_CACHE_SIZE allows: it is in use",
                 cache.string(), static_cast<double>(report->remaining_bytes) / megabytes);
  }
}

}  // namespace fairlead

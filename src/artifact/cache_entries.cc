#include "artifact/cache_entries.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <tuple>

#include "artifact/artifact.h"
#include "artifact/manifest.h"
#include "artifact/path_lock.h"
#include "artifact/staging.h"
#include "base/json.h"

namespace fairlead {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLockSuffix = ".lock";
constexpr size_t kMaxManifestBytes = size_t{64} << 20;

std::chrono::system_clock::time_point TimeOf(const fs::path& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return {};
  return std::chrono::system_clock::time_point(
      std::chrono::duration_cast<std::chrono::system_clock::duration>(
          std::chrono::seconds(info.st_mtim.tv_sec) +
          std::chrono::nanoseconds(info.st_mtim.tv_nsec)));
}

bool IsRegular(const fs::path& path) {
  std::error_code ignored;
  return fs::symlink_status(path, ignored).type() == fs::file_type::regular;
}

// Bytes of the files below a folder, or of the file; links count nothing. What goes away meanwhile
// is not an error.
uint64_t TreeBytes(const fs::path& path) {
  std::error_code error;
  if (IsRegular(path)) return fs::file_size(path, error);
  uint64_t bytes = 0;
  fs::recursive_directory_iterator file(path, error);
  for (; !error && file != fs::recursive_directory_iterator(); file.increment(error)) {
    if (!IsRegular(file->path())) continue;
    std::error_code gone;
    const uintmax_t size = fs::file_size(file->path(), gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

int64_t IntegerOr(const Json& object, const char* key, int64_t otherwise) {
  const auto member = object.find(key);
  return member != object.end() && member->is_number_integer() ? member->get<int64_t>() : otherwise;
}

// Reads what it can of a manifest that this program may not know; returns its format version.
int64_t DescribeLeniently(CacheEntry& entry) {
  const auto json = ReadJsonFile(entry.path / kManifestName, "cache", kMaxManifestBytes);
  if (!json || !json->is_object()) return 0;
  const auto options = json->find("options");
  if (options != json->end() && options->is_object()) {
    const auto id = options->find("checkpoint_id");
    if (id != options->end() && id->is_string()) entry.model = id->get<std::string>();
    entry.tp_degree = IntegerOr(*options, "tp_degree", 1);
    entry.ep_degree = IntegerOr(*options, "ep_degree", 1);
  }
  return IntegerOr(*json, "format_version", 0);
}

void DescribeArtifact(CacheEntry& entry) {
  const int64_t version = DescribeLeniently(entry);
  const auto loaded = LoadArtifact(entry.path);
  if (!loaded) {
    entry.reason = loaded.error().message;
    entry.state = version > kArtifactFormatVersion ? CacheState::kNewer : CacheState::kUnreadable;
    // What the system refuses today it may grant tomorrow.
    const ErrorCode code = loaded.error().code;
    entry.junk = entry.state == CacheState::kUnreadable && code != ErrorCode::kIo &&
                 code != ErrorCode::kResourceExhausted;
  }
  entry.busy = !PathLock::Try(entry.path, LockMode::kExclusive);
}

// The entry of that name, if it is one.
std::optional<CacheEntry> Describe(const fs::path& path) {
  CacheEntry entry{.path = path, .reason = {}, .model = {}, .last_used = TimeOf(path)};
  const std::string name = entry.name();
  std::error_code ignored;
  const fs::file_type type = fs::symlink_status(path, ignored).type();
  if (type == fs::file_type::directory && IsCacheName(name) && IsRegular(path / kManifestName)) {
    DescribeArtifact(entry);
  } else if (type == fs::file_type::directory && IsCacheName(TargetOfTemporary(name))) {
    entry.state = CacheState::kUnfinished;
    entry.busy = !PathLock::Try(path, LockMode::kShared);
    entry.junk = !entry.busy;
  } else if (type == fs::file_type::regular && name.ends_with(kLockSuffix) &&
             IsCacheName(std::string_view(name).substr(0, name.size() - kLockSuffix.size()))) {
    entry.state = CacheState::kUnfinished;
    if (!PathLock::Try(path, LockMode::kShared)) return std::nullopt;  // its folder is the entry
    entry.junk = true;
  } else {
    return std::nullopt;
  }
  entry.bytes = TreeBytes(path);
  if (!fs::exists(fs::symlink_status(path, ignored))) return std::nullopt;  // removed meanwhile
  return entry;
}

}  // namespace

std::string_view CacheStateName(CacheState state) {
  switch (state) {
    case CacheState::kComplete:
      return "complete";
    case CacheState::kNewer:
      return "newer";
    case CacheState::kUnreadable:
      return "unreadable";
    case CacheState::kUnfinished:
      break;
  }
  return "unfinished";
}

bool IsCacheName(std::string_view name) {
  constexpr size_t kDigits = 16;
  if (name.size() <= kDigits || name[name.size() - kDigits - 1] != '-') return false;
  const std::string_view key = name.substr(name.size() - kDigits);
  return key.find_first_not_of("0123456789abcdef") == std::string_view::npos &&
         std::all_of(name.begin(), name.end(), IsCacheNameCharacter);
}

bool IsCacheNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

fs::path CacheLockPath(const fs::path& dir) { return dir.string().append(kLockSuffix); }

void MarkUsed(const fs::path& dir) {
  ::utimensat(AT_FDCWD, dir.c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
}

Result<std::vector<CacheEntry>> ListCache(const fs::path& cache) {
  std::vector<CacheEntry> entries;
  std::error_code error;
  fs::directory_iterator item(cache, error);
  if (error == std::errc::no_such_file_or_directory) return entries;
  for (; !error && item != fs::directory_iterator(); item.increment(error)) {
    if (auto entry = Describe(item->path())) entries.push_back(std::move(*entry));
  }
  if (error) {
    return Fail(ErrorCode::kIo, "cache", "{}: cannot read the folder: {}", cache.string(),
                error.message());
  }
  std::sort(entries.begin(), entries.end(), [](const CacheEntry& a, const CacheEntry& b) {
    return std::tie(a.last_used, a.path) < std::tie(b.last_used, b.path);
  });
  return entries;
}

}  // namespace fairlead

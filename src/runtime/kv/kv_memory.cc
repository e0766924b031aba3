#include "runtime/kv/kv_memory.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>

#include "backends/step_plan.h"
#include "runtime/kv/page_runs.h"

namespace fairlead {
namespace {

// More pages than any memory holds, and few enough that positions in them fit an int.
constexpr int64_t kMostPages = std::numeric_limits<int>::max() / kPageTokens;

// What the division needs to know; groups without a window are full.
struct Demand {
  const ModelFacts& facts;
  int64_t longest;  // tokens of a sequence
  int max_rows;
  int64_t full_bytes = 0;     // of one page in every full group
  int64_t sliding_bytes = 0;  // of one page in every sliding group
  int64_t window_bytes = 0;   // of what one live sequence needs in all sliding groups

  // Two pages in every full group and the one in every sliding group that comes with them.
  int64_t pair_bytes() const { return 2 * full_bytes + sliding_bytes; }
  int64_t PageBytes(const KvGroup& group) const {
    return group.elements_per_token() * kPageTokens * static_cast<int64_t>(sizeof(float));
  }
  int64_t WindowPages(const KvGroup& group) const {
    return MostWindowPages(group, static_cast<int>(longest), max_rows);
  }
};

Demand DemandOf(const ModelFacts& facts, const KvMemoryRequest& request, int64_t longest) {
  Demand demand{facts, longest, request.max_rows};
  for (const KvGroup& group : facts.kv_groups) {
    if (group.window == 0) {
      demand.full_bytes += demand.PageBytes(group);
    } else {
      demand.sliding_bytes += demand.PageBytes(group);
      demand.window_bytes += demand.PageBytes(group) * demand.WindowPages(group);
    }
  }
  return demand;
}

using Words = std::vector<std::string>;

// The lines of a small file as words; none when it cannot be read.
std::vector<Words> ReadWords(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<Words> lines;
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream stream(line);
    Words& words = lines.emplace_back();
    for (std::string word; stream >> word;) words.push_back(word);
  }
  return lines;
}

std::optional<int64_t> Number(std::string_view word) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc() || end != word.data() + word.size() || number < 0) return std::nullopt;
  return number;
}

// The number after `name` in a file of names and numbers, or the only one where there is no name.
std::optional<int64_t> ReadNumber(const std::filesystem::path& path, std::string_view name = {}) {
  for (const Words& words : ReadWords(path)) {
    if (name.empty() && words.size() == 1) return Number(words[0]);
    if (!name.empty() && words.size() >= 2 && words[0] == name) return Number(words[1]);
  }
  return std::nullopt;
}

// The names of one version's files.
struct CgroupFiles {
  const char* limit;
  const char* usage;
  const char* droppable;  // in memory.stat
};
constexpr CgroupFiles kVersion1 = {"memory.limit_in_bytes", "memory.usage_in_bytes",
                                   "total_inactive_file"};
constexpr CgroupFiles kVersion2 = {"memory.max", "memory.current", "inactive_file"};

std::optional<int64_t> LeftIn(const std::filesystem::path& folder, const CgroupFiles& files) {
  const std::optional<int64_t> limit = ReadNumber(folder / files.limit);
  const std::optional<int64_t> usage = ReadNumber(folder / files.usage);
  if (!limit || !usage) return std::nullopt;  // "max" is no limit
  const int64_t droppable = ReadNumber(folder / "memory.stat", files.droppable).value_or(0);
  return std::max<int64_t>(0, *limit - std::max<int64_t>(0, *usage - droppable));
}

// The least that the cgroup `path` and those above it leave. In a container the upper ones, or all
// but the mount itself, cannot be seen; folders that are not there set no limit.
std::optional<int64_t> LeftOnPath(const std::filesystem::path& mount, std::filesystem::path path,
                                  const CgroupFiles& files) {
  std::optional<int64_t> least;
  path = path.relative_path();
  while (true) {
    const std::optional<int64_t> left = LeftIn(mount / path, files);
    if (left) least = std::min(least.value_or(*left), *left);
    if (path.empty()) return least;
    path = path.parent_path();
  }
}

}  // namespace

Result<KvMemoryPlan> PlanKvPages(const ModelFacts& facts, const KvMemoryRequest& request) {
  if (request.max_rows < 1 || request.max_slots < 1) {
    return Fail(ErrorCode::kInvalidArgument, "kv", "memory: expected rows and slots, got {} and {}",
                request.max_rows, request.max_slots);
  }
  const int64_t longest = request.max_position > 0
                              ? std::min(request.max_position, facts.max_positions)
                              : facts.max_positions;
  const Demand demand = DemandOf(facts, request, longest);
  const int64_t fewest = PagesFor(std::min(longest, int64_t{request.max_rows} + kPageTokens));
  const int64_t fewest_bytes = (fewest * demand.pair_bytes() + 1) / 2;
  if (request.bytes < demand.window_bytes + fewest_bytes) {
    return Fail(ErrorCode::kResourceExhausted, "kv",
                "memory: expected at least {} bytes for one sequence and a step of {} rows, got {}",
                demand.window_bytes + fewest_bytes, request.max_rows, request.bytes);
  }
  const int64_t bytes = std::min(request.bytes, int64_t{1} << 60);
  // Windows of sequences that wait for full pages would be of no use: they take half at most.
  const int64_t for_windows = std::min(bytes / 2, bytes - fewest_bytes);
  const int64_t live = std::clamp<int64_t>(for_windows / std::max<int64_t>(1, demand.window_bytes),
                                           1, request.max_slots);
  int64_t full =
      2 * (bytes - live * demand.window_bytes) / std::max<int64_t>(1, demand.pair_bytes());
  if (!request.use_all) full = std::min(full, int64_t{2} * PagesFor(longest) * request.max_slots);
  full = std::min(full, kMostPages);

  KvMemoryPlan plan;
  plan.longest_sequence = longest;
  for (const KvGroup& group : facts.kv_groups) {
    int64_t pages = full;
    if (group.window == 0) {
      plan.longest_sequence = std::min(plan.longest_sequence, pages * kPageTokens);
    } else {
      pages = std::min(kMostPages, live * demand.WindowPages(group) + full / 2);
    }
    plan.pages.push_back(static_cast<int>(pages));
    plan.bytes += pages * demand.PageBytes(group);
  }
  return plan;
}

int64_t AvailableMemory(const std::filesystem::path& root) {
  const std::optional<int64_t> kibibytes = ReadNumber(root / "proc/meminfo", "MemAvailable:");
  std::optional<int64_t> least;
  if (kibibytes) least = *kibibytes * 1024;
  const std::filesystem::path mount = root / "sys/fs/cgroup";
  // "<hierarchy>:<controllers>:<path>"; version 2 is hierarchy 0 and names no controllers.
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const size_t controllers = line.find(':');
    const size_t path = line.find(':', controllers + 1);
    if (controllers == std::string::npos || path == std::string::npos) continue;
    const std::string names =
        fmt::format(",{},", line.substr(controllers + 1, path - controllers - 1));
    std::optional<int64_t> left;
    if (names.find(",memory,") != std::string::npos) {
      left = LeftOnPath(mount / "memory", line.substr(path + 1), kVersion1);
    } else if (line.substr(0, path) == "0:") {
      left = LeftOnPath(mount, line.substr(path + 1), kVersion2);
    }
    if (left) least = std::min(least.value_or(*left), *left);
  }
  return least.value_or(0);
}

}  // namespace fairlead

#include <fmt/chrono.h>

#include <algorithm>
#include <iostream>
#include <limits>
#include <memory>
#include <optional>

#include "artifact/artifact.h"
#include "artifact/byte_size.h"
#include "artifact/cache.h"
#include "artifact/cache_clean.h"
#include "artifact/cache_entries.h"
#include "artifact/path_lock.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/format.h"

namespace fairlead {
namespace {

namespace fs = std::filesystem;

uint64_t TotalBytes(const std::vector<CacheEntry>& entries) {
  uint64_t bytes = 0;
  for (const CacheEntry& entry : entries) bytes += entry.bytes;
  return bytes;
}

bool IsUnlimited(uint64_t limit) { return limit == std::numeric_limits<uint64_t>::max(); }

std::string LocalTime(std::chrono::system_clock::time_point time) {
  return fmt::format("{:%Y-%m-%d %H:%M}",
                     fmt::localtime(std::chrono::system_clock::to_time_t(time)));
}

// "complete, in use", "unreadable: why".
std::string DescribeState(const CacheEntry& entry) {
  std::string text(CacheStateName(entry.state));
  if (entry.state == CacheState::kUnfinished) {
    return text + (entry.busy ? ", being written" : ", left by a process that died");
  }
  if (entry.busy) text += ", in use";
  if (!entry.reason.empty()) text += ": " + entry.reason;
  return text;
}

// `list`

Json EntryToJson(const CacheEntry& entry) {
  Json json = {{"name", entry.name()},
               {"model", entry.model},
               {"bytes", entry.bytes},
               {"tp_degree", entry.tp_degree},
               {"ep_degree", entry.ep_degree},
               {"last_used", std::chrono::system_clock::to_time_t(entry.last_used)},
               {"state", CacheStateName(entry.state)},
               {"in_use", entry.busy}};
  if (!entry.reason.empty()) json["reason"] = entry.reason;
  return json;
}

void PrintJson(const fs::path& cache, const std::vector<CacheEntry>& entries, uint64_t limit) {
  Json list = Json::array();
  for (const CacheEntry& entry : entries) list.push_back(EntryToJson(entry));
  const Json result = {{"folder", cache.string()},
                       {"limit_bytes", IsUnlimited(limit) ? Json() : Json(limit)},
                       {"total_bytes", TotalBytes(entries)},
                       {"entries", list}};
  // The name of the folder need not be UTF-8.
  std::cout << DumpJson(result) << '\n';
}

// Not known of what is unfinished.
std::string Degree(const CacheEntry& entry, int64_t degree) {
  return entry.state == CacheState::kUnfinished ? "" : fmt::format("{}", degree);
}

void PrintTable(const fs::path& cache, const std::vector<CacheEntry>& entries, uint64_t limit) {
  if (!entries.empty()) {
    size_t name = 4, model = 5;
    for (const CacheEntry& entry : entries) {
      name = std::max(name, entry.name().size());
      model = std::max(model, OneLine(entry.model).size());
    }
    std::cout << fmt::format("{:<{}}  {:<{}}  {:>8}  {:>2}  {:>2}  {:<16}  {}\n", "name", name,
                             "model", model, "size", "tp", "ep", "last used", "state");
    for (const CacheEntry& entry : entries) {
      std::cout << fmt::format("{:<{}}  {:<{}}  {:>8}  {:>2}  {:>2}  {:<16}  {}\n", entry.name(),
                               name, OneLine(entry.model), model, HumanBytes(entry.bytes),
                               Degree(entry, entry.tp_degree), Degree(entry, entry.ep_degree),
                               LocalTime(entry.last_used), OneLine(DescribeState(entry)));
    }
  }
  std::cout << fmt::format(
      "{}: {}, {}\n", cache.string(), entries.empty() ? "empty" : HumanBytes(TotalBytes(entries)),
      IsUnlimited(limit) ? "no limit" : fmt::format("limit {}", HumanBytes(limit)));
}

Status List(bool json) {
  FAIRLEAD_ASSIGN_OR_RETURN(const fs::path cache, CacheDir());
  FAIRLEAD_ASSIGN_OR_RETURN(const uint64_t limit, CacheLimit());
  FAIRLEAD_ASSIGN_OR_RETURN(std::vector<CacheEntry> entries, ListCache(cache));
  std::reverse(entries.begin(), entries.end());
  if (json) {
    PrintJson(cache, entries, limit);
  } else {
    PrintTable(cache, entries, limit);
  }
  return {};
}

// `clean`

struct CleanOptions {
  CleanRequest request;
  std::optional<double> older_than;  // days
  std::string max_size;
};

Status CheckSelectors(const CleanOptions& options) {
  const CleanRequest& request = options.request;
  if (request.all && (!request.names.empty() || !request.model.empty() || options.older_than ||
                      !options.max_size.empty())) {
    return Fail(kUsageError, "cache", "expected --all or a selection, got both");
  }
  return {};
}

void PrintReport(const CleanReport& report, const fs::path& cache, bool dry_run) {
  for (const CacheEntry& entry : report.removed) {
    std::cout << fmt::format("{} {} ({}, {})\n", dry_run ? "would remove" : "removed", entry.name(),
                             HumanBytes(entry.bytes), CacheStateName(entry.state));
  }
  for (const CleanReport::Kept& kept : report.kept) {
    std::cout << fmt::format("kept {}: {}\n", kept.entry.name(), kept.reason);
  }
  std::cout << fmt::format("{}: {} {}, {} {}\n", cache.string(), HumanBytes(report.freed_bytes),
                           dry_run ? "would be freed" : "freed", HumanBytes(report.remaining_bytes),
                           dry_run ? "would stay" : "left");
}

Status Clean(CleanOptions& options) {
  FAIRLEAD_RETURN_IF_ERROR(CheckSelectors(options));
  CleanRequest& request = options.request;
  if (options.older_than) {
    request.unused_for = std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::duration<double, std::ratio<86400>>(*options.older_than));
  }
  if (!options.max_size.empty()) request.max_bytes = ParseByteSize(options.max_size);
  FAIRLEAD_ASSIGN_OR_RETURN(const fs::path cache, CacheDir());
  FAIRLEAD_ASSIGN_OR_RETURN(const CleanReport report, CleanCache(cache, request));
  PrintReport(report, cache, request.dry_run);
  if (!report.failed) return {};
  return Fail(ErrorCode::kIo, "cache", "{}: not all entries could be removed", cache.string());
}

std::string CheckSize(const std::string& text) {
  if (ParseByteSize(text)) return "";
  return fmt::format("expected a size such as 50GB, got {}", Quoted(text));
}

// `verify`

Result<std::vector<CacheEntry>> Artifacts(const fs::path& cache,
                                          const std::vector<std::string>& names) {
  FAIRLEAD_ASSIGN_OR_RETURN(std::vector<CacheEntry> entries, ListCache(cache));
  std::erase_if(entries,
                [](const CacheEntry& entry) { return entry.state == CacheState::kUnfinished; });
  if (names.empty()) return entries;
  std::vector<CacheEntry> named;
  for (const std::string& name : names) {
    const auto entry = std::find_if(entries.begin(), entries.end(),
                                    [&](const CacheEntry& entry) { return entry.name() == name; });
    if (entry == entries.end()) {
      return Fail(ErrorCode::kNotFound, "cache", "{}: expected an artifact's name, got {}",
                  cache.string(), Quoted(name));
    }
    named.push_back(*entry);
  }
  return named;
}

Result<std::shared_ptr<const Artifact>> LoadShowingProgress(const CacheEntry& entry) {
  ProgressBar bar(fmt::format("verifying {}", entry.name()));
  LoadOptions options;
  options.verify_checksums = true;
  options.progress = [&bar](uint64_t done, uint64_t total) { bar.Update(done, total); };
  return LoadArtifact(entry.path, options);
}

// Reads every byte of an artifact, which is not removed meanwhile. Returns whether it is sound.
bool VerifyEntry(const CacheEntry& entry) {
  if (entry.state == CacheState::kNewer) {
    std::cout << fmt::format("{}: not checked: {}\n", entry.name(), entry.reason);
    return true;
  }
  const auto lock = PathLock::Wait(entry.path, LockMode::kShared);
  const auto loaded = LoadShowingProgress(entry);
  if (loaded) {
    std::cout << fmt::format("{}: ok ({} in {:.1f} s)\n", entry.name(), HumanBytes(entry.bytes),
                             (*loaded)->statistics.seconds);
  } else {
    std::cout << fmt::format("{}: damaged: {}\n", entry.name(), loaded.error().message);
  }
  return loaded.has_value();
}

Status Verify(const std::vector<std::string>& names) {
  FAIRLEAD_ASSIGN_OR_RETURN(const fs::path cache, CacheDir());
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<CacheEntry> entries, Artifacts(cache, names));
  if (entries.empty()) std::cout << fmt::format("{}: no artifacts\n", cache.string());
  size_t damaged = 0;
  for (const CacheEntry& entry : entries) {
    if (!VerifyEntry(entry)) ++damaged;
    std::cout.flush();
  }
  if (damaged == 0) return {};
  return Fail(ErrorCode::kInvalidData, "cache",
              "{}: {} of {} artifacts damaged; `fairlead cache clean NAME` removes one",
              cache.string(), damaged, entries.size());
}

void AddList(CLI::App& cache, Action& action) {
  CLI::App* command = cache.add_subcommand("list", "Show what the cache holds");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "Print one JSON object");
  command->footer(R"(
The most recently used comes first.)");
  command->callback([json, &action] { action = [json] { return List(*json); }; });
}

void AddClean(CLI::App& cache, Action& action) {
  CLI::App* command = cache.add_subcommand(
      "clean", "Remove what is of no use to anybody, and what the options select");
  auto options = std::make_shared<CleanOptions>();
  CleanRequest& request = options->request;
  command->add_option("NAMES", request.names, "Entries, as `fairlead cache list` names them");
  command->add_flag("--all", request.all, "Every artifact");
  command->add_option("--model", request.model, "Artifacts whose model or name contains this");
  command->add_option("--older_than", options->older_than, "Artifacts not used for so many days")
      ->check(NumberFrom<double>(0, 1e6));
  command
      ->add_option("--max_size", options->max_size,
                   "The least recently used, until the cache is no larger: 50GB")
      ->check(CheckSize);
  command->add_flag("--dry_run", request.dry_run, "Only show what would be removed");
  command->footer(R"(
Without a selection it removes unfinished exports of processes that died and artifacts that cannot
be read (damaged, or of an earlier version). NAMES, --model and --older_than narrow each other, and
--max_size chooses among what they select. What a running process uses or writes stays.

  fairlead cache clean --older_than 30 --dry_run
  fairlead cache clean --max_size 50GB)");
  command->callback([options, &action] { action = [options] { return Clean(*options); }; });
}

void AddVerify(CLI::App& cache, Action& action) {
  CLI::App* command =
      cache.add_subcommand("verify", "Read every byte of the artifacts and compare checksums");
  auto names = std::make_shared<std::vector<std::string>>();
  command->add_option("NAMES", *names,
                      "Artifacts, as `fairlead cache list` names them; all if none");
  command->footer(R"(
Exits with 1 if any is damaged.)");
  command->callback([names, &action] { action = [names] { return Verify(*names); }; });
}

}  // namespace

void AddCacheCommand(CLI::App& app, Action& action) {
  CLI::App* command =
      app.add_subcommand("cache", "List, clean or verify what was exported automatically");
  command->require_subcommand(0, 1);
  command->footer(R"(
A checkpoint that is run as it is gets exported into $FAIRLEAD_CACHE, or $XDG_CACHE_HOME/fairlead,
or ~/.cache/fairlead. After each such export the least recently used artifacts are removed until the
cache is no larger than $FAIRLEAD_CACHE_SIZE (such as 50GB, or unlimited; 100GB if unset).)");
  AddList(*command, action);
  AddClean(*command, action);
  AddVerify(*command, action);
}

}  // namespace fairlead

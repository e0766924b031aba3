#include "cli/session.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "artifact/cache.h"
#include "backends/registry/registry.h"
#include "base/thread_pool.h"
#include "cli/arguments.h"
#include "cli/format.h"
#include "runtime/kv/kv_memory.h"
#include "runtime/parallel_executor.h"

namespace fairlead {

void AddRunOptions(CLI::App& command, RunOptions& options) {
  command.add_option("MODEL", options.model, "Artifact or checkpoint folder, or an id")->required();
  command.add_option("--backend", options.backend, "reference (scalar, slow) or cpu")
      ->capture_default_str();
  command
      .add_option("--profile", options.profile,
                  "exact: weights as stored, all arithmetic in float32")
      ->check(CLI::IsMember({"exact"}))
      ->capture_default_str();
  command
      .add_option("--threads", options.threads,
                  "Threads, divided among ranks, at least one each; 0 uses all available CPUs")
      ->check(NumberFrom<int64_t>(0, 1024))
      ->capture_default_str();
  AddDegreeOptions(command, options);
}

void AddDegreeOptions(CLI::App& command, RunOptions& options) {
  const auto add = [&](const char* names, int& degree, const char* help) {
    command.add_option(names, degree, help)->check(NumberFrom<int64_t>(1, 1024));
  };
  add("--tensor_parallel_size,--tp_degree", options.tp_degree,
      "Ranks that split each layer, as threads of this process; an artifact has its own");
  add("--expert_parallel_size,--ep_degree", options.ep_degree,
      "Groups of ranks, each with its part of the experts");
}

namespace {

Status CheckDegree(const char* name, int wanted, int found) {
  if (wanted == 0 || wanted == found) return {};
  return Fail(ErrorCode::kInvalidArgument, "cli",
              "{}: expected {}, as the artifact was exported for, got {}", name, found, wanted);
}

}  // namespace

Status CheckOwnDegrees(const RunOptions& options, const ExportOptions& own) {
  FAIRLEAD_RETURN_IF_ERROR(CheckDegree("tp_degree", options.tp_degree, own.tp_degree));
  return CheckDegree("ep_degree", options.ep_degree, own.ep_degree);
}

std::string ModelName(const RunOptions& options) {
  std::error_code error;
  const auto path = std::filesystem::weakly_canonical(options.model, error);
  return path.filename().empty() ? options.model : path.filename().string();
}

Result<std::shared_ptr<const Artifact>> OpenForRun(const RunOptions& options,
                                                   const std::string& backend_name) {
  FAIRLEAD_ASSIGN_OR_RETURN(const Backend* backend, FindBackend(backend_name));
  ProgressBar bar("exporting into the cache");
  ExportOptions export_options;
  export_options.tp_degree = std::max(options.tp_degree, 1);
  export_options.ep_degree = std::max(options.ep_degree, 1);
  FAIRLEAD_ASSIGN_OR_RETURN(
      auto artifact, OpenModel(options.model, export_options, *backend,
                               [&bar](uint64_t done, uint64_t total) { bar.Update(done, total); }));
  FAIRLEAD_RETURN_IF_ERROR(CheckOwnDegrees(options, artifact->manifest.options));
  return artifact;
}

Result<std::shared_ptr<const Artifact>> OpenForRun(const std::string& model) {
  RunOptions options;
  options.model = model;
  return OpenForRun(options, options.backend);
}

ExecutorOptions StepLimits(const ExportOptions& exported, int slots, int64_t positions) {
  ExecutorOptions executor;
  if (exported.prefill_chunk_size > 0) {
    executor.max_rows = static_cast<int>(exported.prefill_chunk_size);
  }
  executor.max_slots = slots;
  executor.max_rows = std::max(executor.max_rows, slots);
  executor.max_position = positions;
  return executor;
}

namespace {

// Of the memory that is free, so much goes to the KV cache at most: steps need some, too.
constexpr double kKvShare = 0.8;

// The bytes that the cache may take beside `weights` bytes of mapped weights. The kernel counts
// those as available, but generation is slow when they are not all in memory.
Result<int64_t> KvBytes(const KvBudget& budget, uint64_t weights) {
  constexpr int64_t kUnknown = int64_t{1} << 50;  // where the system does not say what is free
  const int64_t available = AvailableMemory();
  const int64_t most = available > 0 ? available : kUnknown;
  if (budget.bytes > static_cast<uint64_t>(most)) {
    return Fail(ErrorCode::kResourceExhausted, "cli",
                "--kv_cache_memory: expected at most {}, which is free, got {}", HumanBytes(most),
                HumanBytes(budget.bytes));
  }
  if (budget.bytes > 0) return static_cast<int64_t>(budget.bytes);
  const int64_t beside = std::max<int64_t>(most - static_cast<int64_t>(weights), most / 8);
  return static_cast<int64_t>(kKvShare * static_cast<double>(beside));
}

// Sets the pages of `executor` to what the budget has.
Status PlanKv(const Artifact& artifact, KvBudget& budget, ExecutorOptions& executor) {
  const ModelFacts& facts = artifact.facts();
  FAIRLEAD_ASSIGN_OR_RETURN(const int64_t bytes, KvBytes(budget, artifact.statistics.bytes));
  FAIRLEAD_ASSIGN_OR_RETURN(KvMemoryPlan plan,
                            PlanKvPages(facts, {.bytes = bytes,
                                                .use_all = budget.bytes > 0,
                                                .max_rows = executor.max_rows,
                                                .max_slots = executor.max_slots,
                                                .max_position = executor.max_position}));
  budget.planned = {plan.bytes, plan.longest_sequence};
  for (size_t i = 0; i < plan.pages.size(); ++i) {
    if (facts.kv_groups[i].window == 0) {
      budget.planned.tokens = int64_t{plan.pages[i]} * kPageTokens;
    }
  }
  executor.kv_pages = std::move(plan.pages);
  return {};
}

}  // namespace

Result<std::unique_ptr<Executor>> CreateExecutor(const Artifact& artifact,
                                                 const RunOptions& options,
                                                 const std::string& backend_name, int slots,
                                                 int64_t positions, KvBudget* budget) {
  FAIRLEAD_ASSIGN_OR_RETURN(const Backend* backend, FindBackend(backend_name));
  const ExportOptions& exported = artifact.manifest.options;
  const int64_t limit = exported.sequence_length;
  // More sequences wait for a slot.
  if (exported.batch_size > 0 && exported.batch_size < slots) {
    slots = static_cast<int>(exported.batch_size);
  }
  ExecutorOptions executor =
      StepLimits(exported, slots, positions > 0 ? std::min(positions, limit) : limit);
  if (budget != nullptr) {
    FAIRLEAD_RETURN_IF_ERROR(PlanKv(artifact, *budget, executor));
  }
  executor.threads = options.threads > 0 ? options.threads : AvailableCpus();
  return CreateParallelExecutor(*backend, artifact.ranks, executor);
}

Result<std::vector<int32_t>> ParseTokenIds(const std::string& text) {
  std::vector<int32_t> ids;
  const char* cursor = text.data();
  const char* const end = text.data() + text.size();
  while (true) {
    while (cursor < end && *cursor == ' ') ++cursor;
    int32_t id = 0;
    const auto [after, error] = std::from_chars(cursor, end, id);
    if (error != std::errc() || id < 0 || (after < end && *after != ',' && *after != ' ')) {
      return Fail(ErrorCode::kInvalidArgument, "cli",
                  "--token_ids: expected numbers such as 1,2,3, got \"{}\"", text);
    }
    ids.push_back(id);
    cursor = std::find_if(after, end, [](char c) { return c != ' '; });
    if (cursor == end) return ids;
    if (*cursor == ',') ++cursor;
  }
}

}  // namespace fairlead

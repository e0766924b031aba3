#include "cli/session.h"

#include <algorithm>
#include <charconv>

#include "artifact/cache.h"
#include "backends/registry/registry.h"
#include "base/thread_pool.h"
#include "cli/arguments.h"
#include "cli/format.h"

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
  command.add_option("--threads", options.threads, "Threads; 0 uses all available CPUs")
      ->check(NumberFrom<int64_t>(0, 1024))
      ->capture_default_str();
}

Result<std::shared_ptr<const Artifact>> OpenForRun(const RunOptions& options,
                                                   const std::string& backend_name) {
  FAIRLEAD_ASSIGN_OR_RETURN(const Backend* backend, FindBackend(backend_name));
  ProgressBar bar("exporting into the cache");
  ExportOptions export_options;
  export_options.checkpoint_id = options.model;
  return OpenModel(options.model, export_options, *backend,
                   [&bar](uint64_t done, uint64_t total) { bar.Update(done, total); });
}

Result<std::shared_ptr<const Artifact>> OpenForRun(const std::string& model) {
  RunOptions options;
  options.model = model;
  return OpenForRun(options, options.backend);
}

Result<std::unique_ptr<Executor>> CreateExecutor(const Artifact& artifact,
                                                 const RunOptions& options,
                                                 const std::string& backend_name, int slots,
                                                 int64_t positions) {
  FAIRLEAD_ASSIGN_OR_RETURN(const Backend* backend, FindBackend(backend_name));
  const int64_t limit = artifact.manifest.options.sequence_length;
  ExecutorOptions executor;
  executor.threads = options.threads > 0 ? options.threads : AvailableCpus();
  executor.max_slots = slots;
  executor.max_position = positions > 0 ? std::min(positions, limit) : limit;
  executor.max_rows = std::max(executor.max_rows, slots);
  return backend->Load(artifact.program, executor);
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

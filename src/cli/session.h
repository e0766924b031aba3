// What the commands that run a model share: their options, and opening what they name.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "artifact/artifact.h"
#include "backends/backend.h"
#include "base/error.h"

namespace fairlead {

struct RunOptions {
  std::string model;
  std::string backend = "cpu";
  std::string profile = "exact";
  int threads = 0;    // 0: all CPUs this process may use
  int tp_degree = 0;  // 0: the artifact's own; 1 for a checkpoint
  int ep_degree = 0;
};

// Declares --tensor_parallel_size and --expert_parallel_size on a command.
void AddDegreeOptions(CLI::App& command, RunOptions& options);

// Refuses degrees that an artifact with the options `own` does not have: it was divided when it was
// exported.
Status CheckOwnDegrees(const RunOptions& options, const ExportOptions& own);

// Declares MODEL, --backend, --profile, --threads and the degrees on a command.
void AddRunOptions(CLI::App& command, RunOptions& options);

// The last part of MODEL, for reports.
std::string ModelName(const RunOptions& options);

// Opens MODEL; a checkpoint is exported into the cache first, with a progress bar.
Result<std::shared_ptr<const Artifact>> OpenForRun(const RunOptions& options,
                                                   const std::string& backend);

// Opens `model` for inspection: weights are mapped, none is read.
Result<std::shared_ptr<const Artifact>> OpenForRun(const std::string& model);

// The limits of a step that holds `slots` sequences of at most `positions` tokens, in chunks as the
// export asked for.
ExecutorOptions StepLimits(const ExportOptions& exported, int slots, int64_t positions);

// What the KV cache takes, and the tokens that all sequences together may have in it.
struct KvMemory {
  int64_t bytes = 0;
  int64_t tokens = 0;
};

struct KvBudget {
  uint64_t bytes = 0;  // for keys and values; 0: what they have use for, if so much is free
  KvMemory planned = {};
};

// An executor for `slots` sequences of at most `positions` tokens (0: what the artifact was
// exported for). Without a budget its KV cache holds all of them at full length; with one,
// `budget->planned` says what it holds. kResourceExhausted when the budget is too small for one.
Result<std::unique_ptr<Executor>> CreateExecutor(const Artifact& artifact,
                                                 const RunOptions& options,
                                                 const std::string& backend, int slots,
                                                 int64_t positions, KvBudget* budget = nullptr);

// "1,2,3" as ids.
Result<std::vector<int32_t>> ParseTokenIds(const std::string& text);

}  // namespace fairlead

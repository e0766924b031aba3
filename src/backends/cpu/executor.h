// Runs a graph on CPU threads, node by node.
#pragma once

#include <memory>

#include "backends/backend.h"

namespace fairlead::cpu {

// Checks the program, chooses the kernels (ChooseIsa), and sets aside all memory that steps of
// options.max_rows rows need.
Result<std::unique_ptr<Executor>> CreateExecutor(std::shared_ptr<const Program> program,
                                                 const ExecutorOptions& options);

}  // namespace fairlead::cpu

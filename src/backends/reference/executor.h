// Runs a graph node by node.
#pragma once

#include <memory>

#include "backends/backend.h"

namespace fairlead::reference {

// Refuses weights that do not fit the graph, and a graph that does not fit the model's facts or the
// number of ranks.
Result<std::unique_ptr<Executor>> CreateExecutor(std::shared_ptr<const Program> program,
                                                 const ExecutorOptions& options);

}  // namespace fairlead::reference

// The items of suites, many side by side.
#pragma once

#include <memory>
#include <vector>

#include "cli/eval/eval_options.h"
#include "cli/eval/item_run.h"
#include "cli/eval/suite_file.h"
#include "cli/generator.h"

namespace fairlead {

// A suite's items with what came of each, in their order.
struct SuiteResult {
  const EvalSuite* suite;
  std::vector<EvalResult> results;
};

// Asks a model every item, with a progress bar on stderr; the suites must outlive what is returned.
// kInvalidArgument: an item whose prompt does not fit into the context, before any is asked.
// kResourceExhausted: the KV cache is too small for an item; where its first prompt says so, before
// any is asked. kInterrupted: the user stopped it.
Result<std::vector<SuiteResult>> RunSuites(const std::vector<EvalSuite>& suites,
                                           const EvalOptions& options);

}  // namespace fairlead

// The KvManager that suits an executor.
#pragma once

#include <memory>

#include "config/model_facts.h"
#include "runtime/kv/kv_manager.h"

namespace fairlead {

// PagedKv or SlotKv, as the executor's limits say; they have passed CheckExecutor.
std::unique_ptr<KvManager> MakeKvManager(const ModelFacts& facts, const Capabilities& limits,
                                         bool prefix_cache);

}  // namespace fairlead

#include "runtime/kv/make_kv_manager.h"

#include "runtime/kv/paged_kv.h"
#include "runtime/kv/slot_kv.h"

namespace fairlead {

std::unique_ptr<KvManager> MakeKvManager(const ModelFacts& facts, const Capabilities& limits,
                                         bool prefix_cache) {
  if (limits.kv_pages.empty()) return std::make_unique<SlotKv>(facts, limits, prefix_cache);
  return std::make_unique<PagedKv>(facts, limits, prefix_cache);
}

}  // namespace fairlead

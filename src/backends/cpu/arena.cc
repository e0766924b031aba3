#include "backends/cpu/arena.h"

#include <algorithm>

#include "backends/cpu/buffer.h"

namespace fairlead::cpu {
namespace {

// A value's place, taken from the node that computes it to the last one that reads it.
struct Lease {
  int64_t offset;
  int64_t bytes;
  int last_use;
};

int64_t ValueBytes(const ValueType& type, int64_t max_rows) {
  int64_t elements = 1;
  for (const Dim& dim : type.dims) elements *= dim.Bind(max_rows, max_rows);
  return RoundUp(elements * int64_t{sizeof(float)}, 64);
}

// The lowest gap between the leases (sorted by offset) that holds `bytes`.
int64_t FindGap(const std::vector<Lease>& leases, int64_t bytes) {
  int64_t offset = 0;
  for (const Lease& lease : leases) {
    if (lease.offset - offset >= bytes) return offset;
    offset = std::max(offset, lease.offset + lease.bytes);
  }
  return offset;
}

}  // namespace

ArenaPlan PlanArena(const Graph& graph, int64_t max_rows) {
  std::vector<int> last_use(graph.values.size(), -1);
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    for (ValueId id : graph.nodes[n].inputs) {
      if (id != kNoValue) last_use[static_cast<size_t>(id)] = static_cast<int>(n);
    }
  }
  ArenaPlan plan;
  plan.offsets.assign(graph.values.size(), -1);
  std::vector<Lease> leases;
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const int now = static_cast<int>(n);
    std::erase_if(leases, [&](const Lease& lease) { return lease.last_use < now; });
    for (ValueId id : graph.nodes[n].outputs) {
      if (id == graph.logits) continue;
      const auto value = static_cast<size_t>(id);
      const int64_t bytes = ValueBytes(graph.values[value].type, max_rows);
      const Lease lease{FindGap(leases, bytes), bytes, std::max(now, last_use[value])};
      leases.insert(
          std::upper_bound(leases.begin(), leases.end(), lease,
                           [](const Lease& a, const Lease& b) { return a.offset < b.offset; }),
          lease);
      plan.offsets[value] = lease.offset;
      plan.bytes = std::max(plan.bytes, lease.offset + lease.bytes);
    }
  }
  return plan;
}

}  // namespace fairlead::cpu

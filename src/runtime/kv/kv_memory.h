// How much memory the KV cache gets, and how its KV groups share it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/error.h"
#include "config/model_facts.h"

namespace fairlead {

struct KvMemoryRequest {
  int64_t bytes = 0;         // of memory, for keys and values in float32 on all ranks together
  bool use_all = false;      // else no more than the longest sequences in all slots, twice
  int max_rows = 512;        // token budget of a step
  int max_slots = 1;         // sequences alive at once
  int64_t max_position = 0;  // 0: the model's own limit
};

struct KvMemoryPlan {
  std::vector<int> pages;  // per KV group, for ExecutorOptions::kv_pages
  int64_t bytes = 0;
  int64_t longest_sequence = 0;  // tokens of one that has the cache to itself
};

// Groups with a window get what live sequences need in them and, for texts to come back to, half as
// many pages as the full ones, which get the rest. With little memory, fewer sequences are alive at
// once than there are slots. kResourceExhausted, with the bytes needed, when one sequence cannot
// take a page and one step.
Result<KvMemoryPlan> PlanKvPages(const ModelFacts& facts, const KvMemoryRequest& request);

// Bytes that this process can still use: what the machine has (MemAvailable of /proc/meminfo), or
// less where a memory cgroup of the process, v1 or v2, or one above it leaves less; file pages that
// a cgroup would drop count as left. 0 when the system does not say. `root` is the folder that
// holds proc/ and sys/.
int64_t AvailableMemory(const std::filesystem::path& root = "/");

}  // namespace fairlead

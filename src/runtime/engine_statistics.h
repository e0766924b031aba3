// What an engine did so far, and what it holds now.
#pragma once

#include <cstdint>

#include "runtime/kv/kv_manager.h"

namespace fairlead {

struct EngineStatistics {
  int64_t steps = 0;
  int64_t prompt_tokens = 0;      // of prompts, that ran through the model for the first time
  int64_t recomputed_tokens = 0;  // that ran again after a preemption
  int64_t generated_tokens = 0;   // that were reported
  int64_t drafted_tokens = 0;
  int64_t accepted_tokens = 0;  // drafted ones that were right
  int64_t preemptions = 0;
  // Answers.
  int64_t finished = 0;
  int64_t cancelled = 0;
  int64_t failed = 0;
  int live = 0;     // now in the batch
  int waiting = 0;  // now outside of it
  // Time of the steps; one that does both is divided by its rows.
  double prompt_seconds = 0;
  double generation_seconds = 0;
  double executor_seconds = 0;  // of both, what the model took; the rest is the engine's own
  KvStatistics kv;
};

}  // namespace fairlead

// What a run of `fairlead generate` did, for people and for programs.
#pragma once

#include "cli/session.h"
#include "runtime/engine_statistics.h"

namespace fairlead {

struct RunStatistics {
  EngineStatistics engine;
  double first_token_seconds = 0;
  KvMemory kv_memory;
};

// "KV cache: 12.6 MB for 2048 tokens"
std::string Describe(const KvMemory& memory);

// To stderr: lines to read, or one JSON object.
void PrintStatistics(const RunStatistics& statistics, bool json);

}  // namespace fairlead

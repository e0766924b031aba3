// Writes a whole synthetic checkpoint folder in bounded memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "base/error.h"
#include "model_spec.h"

namespace fairlead::synth {

struct WriteOptions {
  uint64_t seed = 0;
  uint64_t shard_bytes = 5'000'000'000;  // at most this much data in a file of several tensors
  bool force = false;                    // replace a checkpoint that is already there
};

// Called after every few megabytes with the bytes written and to be written.
using Progress = std::function<void(uint64_t done, uint64_t total)>;

// Writes `dir`, or leaves nothing there: the files grow in a hidden folder beside it, renamed at
// the end. Fails if `dir` exists, unless forced and it is a checkpoint or empty.
Status WriteCheckpoint(const std::filesystem::path& dir, const ModelSpec& spec,
                       const WriteOptions& options, const Progress& progress);

}  // namespace fairlead::synth

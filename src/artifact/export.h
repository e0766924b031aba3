// Writes an artifact folder from a checkpoint.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "artifact/options.h"
#include "backends/backend.h"
#include "base/error.h"
#include "checkpoint/checkpoint.h"

namespace fairlead {

// Told how many of the weights' bytes are written; called a few hundred times a gigabyte, the last
// time with done == total.
using ProgressFn = std::function<void(uint64_t done, uint64_t total)>;

// Converts `checkpoint` for `backend` into the artifact folder `out` (docs/artifact_format.md).
// Everything is written into a hidden folder beside `out`, flushed to the disk and renamed at the
// end: `out` is complete or absent, and whatever fails leaves nothing behind. Folders that killed
// exports left beside `out` are removed. An existing `out` is refused unless it is an empty folder,
// or an artifact and `force` is set; it then stays until the new one is complete. Memory stays
// within a few tens of megabytes beyond the tokenizer's.
Status ExportArtifact(const Checkpoint& checkpoint, const std::filesystem::path& out,
                      const ExportOptions& options, const Backend& backend,
                      const ProgressFn& progress, bool force = false);

}  // namespace fairlead

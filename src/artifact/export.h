// Writes an artifact folder from a checkpoint.
#pragma once

#include <filesystem>

#include "artifact/options.h"
#include "artifact/progress.h"
#include "backends/backend.h"
#include "base/error.h"
#include "checkpoint/checkpoint.h"

namespace fairlead {

struct ExportFlags {
  bool force = false;   // replace an artifact
  bool weights = true;  // false: leave them to whoever loads it with the checkpoint at hand
};

// Converts `checkpoint` for `backend` into the artifact folder `out` (docs/artifact_format.md).
// Everything is written into a hidden folder beside `out`, flushed to the disk and renamed at the
// end: `out` is complete or absent, and whatever fails leaves nothing behind. Folders that killed
// exports left beside `out` are removed. An existing `out` is refused unless it is an empty folder,
// or an artifact and flags.force is set; it then stays until the new one is complete. Memory stays
// within a few tens of megabytes beyond the tokenizer's.
Status ExportArtifact(const Checkpoint& checkpoint, const std::filesystem::path& out,
                      const ExportOptions& options, const Backend& backend,
                      const ProgressFn& progress, const ExportFlags& flags = {});

}  // namespace fairlead

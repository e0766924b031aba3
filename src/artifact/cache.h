// Artifacts of models that are run straight from a checkpoint: exported once, kept for the user.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "artifact/artifact.h"
#include "artifact/export.h"
#include "artifact/manifest.h"
#include "artifact/options.h"
#include "backends/backend.h"
#include "base/error.h"
#include "checkpoint/checkpoint.h"

namespace fairlead {

// $FAIRLEAD_CACHE, else $XDG_CACHE_HOME/fairlead, else ~/.cache/fairlead.
Result<std::filesystem::path> CacheDir();

// The artifact of `checkpoint` in the cache; exported now, with `progress`, if it is not there.
// Found by the checkpoint's fingerprint, the format version, torch_dtype, the degrees and the
// layouts that `backend` chooses: by what decides the weights, so that backends with the same
// layouts share it, and so do runs with other options. Of several processes that want the same
// artifact one exports and the others wait. A damaged one is exported anew. After an export the
// least recently used others are removed until the cache is below its limit (CacheLimit).
Result<std::filesystem::path> CachedArtifact(const Checkpoint& checkpoint,
                                             const ExportOptions& options, const Backend& backend,
                                             const ProgressFn& progress);

// The checkpoint that the artifact `dir` without weights was made for, as its options name it.
// kNotFound where it is not at hand, kInvalidData where another one lies there.
Result<std::shared_ptr<const Checkpoint>> OpenRecordedCheckpoint(const std::filesystem::path& dir,
                                                                 const Manifest& manifest);

// Opens whatever ResolveModel finds: an artifact is loaded as it is (`options` are then its own),
// a checkpoint through the cache, and so is an artifact without weights, which says which
// checkpoint that is; the cache keeps the artifact for as long as the result lives.
Result<std::shared_ptr<const Artifact>> OpenModel(std::string_view id_or_path,
                                                  const ExportOptions& options,
                                                  const Backend& backend,
                                                  const ProgressFn& progress);

}  // namespace fairlead

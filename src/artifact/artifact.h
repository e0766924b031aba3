// Loads an artifact folder: everything needed to run its model, mapped and checked.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "artifact/manifest.h"
#include "artifact/progress.h"
#include "backends/backend.h"
#include "base/error.h"
#include "models/model.h"

namespace fairlead {

struct LoadStatistics {
  size_t tensors = 0;  // of all ranks
  uint64_t bytes = 0;  // of weights, mapped
  double seconds = 0;
};

struct Artifact {
  std::filesystem::path dir;
  Manifest manifest;
  // What each rank runs; keeps its mapped weights alive. Only one if one was asked for.
  std::vector<std::shared_ptr<const Program>> ranks;
  LoadStatistics statistics;
  std::shared_ptr<const void> owner;  // what keeps the folder from being removed meanwhile

  const ModelFacts& facts() const { return ranks.front()->facts; }
  // Of the first rank. All ranks have the same nodes and names.
  const Graph& graph() const { return ranks.front()->graph; }
};

// An artifact without its weights.
struct ArtifactDescription {
  Manifest manifest;
  std::unique_ptr<const Model> model;
};

// Reads what an artifact is, whether or not it has weights, and checks its other files: version,
// options, sizes, the checksums of the configuration or, with `verify_checksums`, of all.
Result<ArtifactDescription> DescribeArtifact(const std::filesystem::path& dir,
                                             bool verify_checksums);

struct LoadOptions {
  bool verify_checksums = false;  // reads every byte of the weights
  std::optional<int> rank =
      std::nullopt;               // map this rank's weights only; nullopt: those of all ranks
  ProgressFn progress = nullptr;  // of verify_checksums, over all ranks
};

// Maps the artifact `dir` and checks it whole: version, options, configuration, and for every rank
// and parameter of its graph that it is stored once, as the part and in the shape that the rank
// holds, in a known layout, in exactly the bytes that these demand. Weights are not copied and,
// unless verified, not read. One that was exported without weights is an error (OpenModel makes
// them from the checkpoint).
Result<std::shared_ptr<const Artifact>> LoadArtifact(const std::filesystem::path& dir,
                                                     const LoadOptions& options = {});

}  // namespace fairlead

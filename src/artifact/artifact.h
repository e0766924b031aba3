// Loads an artifact folder: everything needed to run its model, mapped and checked.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>

#include "artifact/manifest.h"
#include "backends/backend.h"
#include "base/error.h"

namespace fairlead {

struct LoadStatistics {
  size_t tensors = 0;
  uint64_t bytes = 0;  // of weights, mapped
  double seconds = 0;
};

struct Artifact {
  std::filesystem::path dir;
  Manifest manifest;
  std::shared_ptr<const Program> program;  // keeps the mapped weights alive
  LoadStatistics statistics;
};

struct LoadOptions {
  bool verify_checksums = false;  // reads every byte of the weights
};

// Maps the artifact `dir` and checks it whole: version, options, configuration, and for every
// parameter of the graph that it is stored once, in its shape, in a known layout, in exactly the
// bytes that these demand. Weights are not copied and, unless verified, not read.
Result<std::shared_ptr<const Artifact>> LoadArtifact(const std::filesystem::path& dir,
                                                     const LoadOptions& options = {});

}  // namespace fairlead

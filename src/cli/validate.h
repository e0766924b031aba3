// Compares an exported artifact with the reference, as its user will run it.
#pragma once

#include <filesystem>
#include <string>

#include "artifact/options.h"
#include "backends/backend.h"
#include "base/error.h"

namespace fairlead {

struct Validation {
  int prompts = 0;
  int64_t positions = 0;      // whose logits were compared
  double max_difference = 0;  // largest absolute difference of a logit; not finite if one is not
  int64_t top1_agreements = 0;
};

// Runs several prompts through the artifact `out` on `backend` and through the model as the
// checkpoint has it on the reference backend. That is the artifact itself where one rank holds all
// of it unrounded; otherwise the checkpoint `model`, which is exported into the cache first. So
// kernels, sharding and rounding are compared, but not the packing that both have in common. Shows
// progress.
Result<Validation> ValidateExport(const std::filesystem::path& out, const std::string& model,
                                  const ExportOptions& options, const Backend& backend);

}  // namespace fairlead

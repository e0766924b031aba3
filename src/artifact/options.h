// What the user fixes when a model is exported.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "artifact/convert.h"
#include "base/error.h"
#include "base/json.h"
#include "config/model_facts.h"

namespace fairlead {

// Names and meanings follow NxD Inference's NeuronConfig.
struct ExportOptions {
  std::string checkpoint_id;  // where the weights came from, as the user named it; a record only
  std::string checkpoint_revision;
  int64_t batch_size = 1;       // sequences alive at once
  int64_t sequence_length = 0;  // positions of a sequence; 0: the model's limit, at most 4096
  TorchDtype torch_dtype = TorchDtype::kAuto;
  std::string target =
      "cpu";          // the backend whose layouts the weights get: that given to the export
  int tp_degree = 1;  // ranks that share the model

  bool operator==(const ExportOptions&) const = default;
};

// "auto", "bfloat16" or "float32"; ParseTorchDtype is its inverse.
std::string_view TorchDtypeName(TorchDtype dtype);
Result<TorchDtype> ParseTorchDtype(std::string_view name);

// The options with defaults filled in for a model; refuses what the model cannot do.
Result<ExportOptions> ResolveOptions(ExportOptions options, const ModelFacts& facts);

// One member per option, under its name.
Json OptionsToJson(const ExportOptions& options);
// Reads what OptionsToJson wrote: every member must be there and no other. `source` names the
// object in errors.
Result<ExportOptions> OptionsFromJson(const Json& json, const std::string& source);

}  // namespace fairlead

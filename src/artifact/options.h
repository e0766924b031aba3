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

// Names and meanings follow NxD Inference's NeuronConfig (docs/options.md). Where 0 means that
// nothing was asked for, JSON has null.
struct ExportOptions {
  std::string checkpoint_id;  // where the weights came from, as the user named it; a record only
  std::string checkpoint_revision;
  int64_t batch_size = 0;          // sequences alive at once; 0: no limit
  int64_t sequence_length = 0;     // positions of a sequence; 0: the model's limit, at most 4096
  int64_t max_context_length = 0;  // tokens of a prompt; 0: sequence_length
  int64_t prefill_chunk_size = 0;  // tokens of a step while prompts are read; 0: the backend's
  bool output_logits = false;      // a record only: the host always has the logits
  TorchDtype torch_dtype = TorchDtype::kAuto;
  std::string target = "cpu";  // the backend whose layouts the weights get: that of the export
  int tp_degree = 1;           // ranks that split each expert
  int ep_degree = 1;           // groups of ranks, each with its part of the experts

  int ranks() const { return tp_degree * ep_degree; }
  bool operator==(const ExportOptions&) const = default;
};

// Sets what the object `values` has; null sets the default. Refuses unknown names, with the nearest
// known one, and values that cannot be, with the reason. `source` is the file they are from, empty
// for the command line.
Status ApplyOptions(const Json& values, const std::string& source, ExportOptions& options);

// "auto", "bfloat16" or "float32"
std::string_view TorchDtypeName(TorchDtype dtype);

// Records "id@revision" in two parts; a folder is recorded whole, whatever its name.
void SetCheckpoint(std::string_view id_or_path, ExportOptions& options);
// What ResolveModel finds the recorded checkpoint by.
std::string CheckpointName(const ExportOptions& options);

// The options with defaults filled in for a model: sequence_length and max_context_length are no
// longer 0. Refuses what the model cannot do. Which degrees are valid, only its graph knows.
Result<ExportOptions> ResolveOptions(ExportOptions options, const ModelFacts& facts);

// The recorded options, each under its name.
Json OptionsToJson(const ExportOptions& options);
// Reads what OptionsToJson wrote: every member must be there and no other. `source` names the
// object in errors.
Result<ExportOptions> OptionsFromJson(const Json& json, const std::string& source);

}  // namespace fairlead

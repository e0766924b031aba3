#include "artifact/neuron_config.h"

#include "artifact/option_table.h"
#include "base/json.h"

namespace fairlead {
namespace {

constexpr size_t kMaxBytes = size_t{1} << 20;
constexpr const char* kKindKey = "_serialized_key";

// What optimum-neuron notes for itself; it says nothing about the model.
constexpr const char* kBookkeeping[] = {kKindKey, "neuronxcc_version", "optimum_neuron_version"};

}  // namespace

std::string NeuronConfigText(const ExportOptions& options) {
  Json json = {{kKindKey, "NxDNeuronConfig"}};
  for (const OptionInfo& info : OptionTable()) {
    json[std::string(info.name)] = OptionValue(info, options);
  }
  return DumpJson(json, 2) + "\n";
}

Result<ExportOptions> ReadNeuronConfig(const std::filesystem::path& path) {
  FAIRLEAD_ASSIGN_OR_RETURN(Json json, ReadJsonFile(path, "export", kMaxBytes));
  if (json.is_object()) {
    for (const char* key : kBookkeeping) json.erase(key);
  }
  ExportOptions options;
  FAIRLEAD_RETURN_IF_ERROR(ApplyOptions(json, path.string(), options));
  // Files spell out the default, which is to follow a sequence_length given on the command line.
  if (options.max_context_length == options.sequence_length) options.max_context_length = 0;
  return options;
}

}  // namespace fairlead

// neuron_config.json: the export options as optimum-neuron's NxDNeuronConfig has them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "artifact/options.h"
#include "base/error.h"

namespace fairlead {

inline constexpr std::string_view kNeuronConfigName = "neuron_config.json";

// A file with every option of the table and its value.
std::string NeuronConfigText(const ExportOptions& options);

// Reads such a file, whoever wrote it; what it does not name has its default. Errors name the file
// and the key.
Result<ExportOptions> ReadNeuronConfig(const std::filesystem::path& path);

}  // namespace fairlead

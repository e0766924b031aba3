// What can be chosen for every prompt. One list of settings makes the options of the command line,
// the keys of a prompts file's lines, and the record of what an answer was made with.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "runtime/request.h"

namespace fairlead {

struct GenerateSettings {
  Request request = {};  // without prompt and constraint
  std::optional<std::string> regex = std::nullopt;
};

// Declares an option for every setting, or for those of `names`; `settings` has the defaults.
void AddSettingOptions(CLI::App& command, GenerateSettings& settings,
                       const std::optional<std::vector<std::string>>& names = std::nullopt);

// Their names, which are keys of a line.
std::vector<std::string> SettingNames();

// Sets what the object `line` has; other keys are not looked at. Errors name the key and what it
// takes.
Status ApplySettings(const Json& line, GenerateSettings& settings);

// What no option or key can tell alone. A regular expression is compiled, which takes a moment.
Status CheckSettings(const GenerateSettings& settings, int64_t vocabulary_size);

// Every setting under its name.
Json SettingsToJson(const GenerateSettings& settings);

// A value of a file for a message: as JSON, cut where it is long.
std::string Shown(const Json& value);

}  // namespace fairlead

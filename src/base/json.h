// JSON from untrusted text: size, depth and syntax are checked, errors are values.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.h"

namespace fairlead {

// Keeps the order of object members, so that what is written reads like what was declared.
using Json = nlohmann::ordered_json;

// Deeper nesting than this is refused (no model file comes near it).
inline constexpr int kMaxJsonDepth = 64;

// Parses UTF-8 JSON. `component` and `object` name the source in errors ("[config] /m/config.json:
// ..."). Duplicate keys are refused: two readers could disagree about which one counts.
Result<Json> ParseJson(std::string_view text, std::string_view component, std::string_view object);

// Writes a value as UTF-8: what is none in its strings (names of files need not be) becomes U+FFFD.
// On one line, or with `indent` spaces a level.
std::string DumpJson(const Json& json, int indent = -1);
// The same with all that is not ASCII escaped: text that can be cut anywhere.
std::string DumpJsonAscii(const Json& json);

// Reads and parses a file of at most `max_bytes`.
Result<Json> ReadJsonFile(const std::filesystem::path& path, std::string_view component,
                          size_t max_bytes = 64u << 20);

}  // namespace fairlead

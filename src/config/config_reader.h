// Typed, checked access to the members of a config.json object.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace fairlead {

// Reads members of one JSON object. The first problem is kept and every later read returns its
// default, so that a config is read straight down and checked once with status().
class ConfigReader {
 public:
  // `source` names the object in errors: "config.json" or "config.json: rope_scaling"; `component`
  // is who reads it.
  ConfigReader(const Json& object, std::string source, std::string_view component = "config");

  bool Has(std::string_view key) const;
  bool IsNull(std::string_view key) const;  // present and null

  // Members that must be there, or have a default when absent (or null). Numbers are checked
  // against the closed range [min, max].
  int64_t Int(std::string_view key, int64_t min, int64_t max,
              std::optional<int64_t> fallback = std::nullopt);
  double Number(std::string_view key, double min, double max,
                std::optional<double> fallback = std::nullopt);
  bool Bool(std::string_view key, std::optional<bool> fallback = std::nullopt);
  std::string String(std::string_view key,
                     const std::optional<std::string>& fallback = std::nullopt);
  std::vector<std::string> Strings(std::string_view key);  // empty when absent
  // One integer or a list of them (eos_token_id); empty when absent or null.
  std::vector<int64_t> IntOrInts(std::string_view key, int64_t min, int64_t max);
  // A nested object; an empty one when absent or null.
  Json Object(std::string_view key);

  // Records a problem with `key` (kept only if it is the first).
  void Reject(std::string_view key, std::string_view expected, std::string_view found);
  // Takes over the first problem of a reader of a nested object.
  void Merge(const ConfigReader& nested);
  const Status& status() const { return status_; }

 private:
  const Json* Find(std::string_view key) const;

  const Json& object_;
  std::string source_;
  std::string component_;
  Status status_;
};

// A JSON value as a short string for an error message.
std::string Excerpt(const Json& value);

}  // namespace fairlead

#include "config/config_reader.h"

#include <utility>

namespace fairlead {

std::string Excerpt(const Json& value) {
  std::string text = DumpJson(value);
  if (text.size() > 40) text = text.substr(0, 37) + "...";
  return text;
}

ConfigReader::ConfigReader(const Json& object, std::string source, std::string_view component)
    : object_(object), source_(std::move(source)), component_(component) {
  if (!object_.is_object()) {
    status_ = Fail(ErrorCode::kInvalidData, component_, "{}: expected a JSON object, got {}",
                   source_, Excerpt(object_));
  }
}

const Json* ConfigReader::Find(std::string_view key) const {
  if (!object_.is_object()) return nullptr;
  const auto found = object_.find(std::string(key));
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

bool ConfigReader::Has(std::string_view key) const { return Find(key) != nullptr; }

bool ConfigReader::IsNull(std::string_view key) const {
  if (!object_.is_object()) return false;
  const auto found = object_.find(std::string(key));
  return found != object_.end() && found->is_null();
}

void ConfigReader::Reject(std::string_view key, std::string_view expected, std::string_view found) {
  if (!status_) return;
  status_ = Fail(ErrorCode::kInvalidData, component_, "{}: {}: expected {}, got {}", source_, key,
                 expected, found);
}

void ConfigReader::Merge(const ConfigReader& nested) {
  if (status_) status_ = nested.status_;
}

int64_t ConfigReader::Int(std::string_view key, int64_t min, int64_t max,
                          std::optional<int64_t> fallback) {
  const Json* value = Find(key);
  const std::string expected = fmt::format("an integer from {} to {}", min, max);
  if (value == nullptr) {
    if (!fallback) Reject(key, expected, "nothing");
    return fallback.value_or(min);
  }
  // An unsigned value over the int64 range reads as negative; it is refused with its own digits.
  const bool too_large = value->is_number_unsigned() &&
                         value->get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()};
  if (!value->is_number_integer() || too_large || value->get<int64_t>() < min ||
      value->get<int64_t>() > max) {
    Reject(key, expected, Excerpt(*value));
    return fallback.value_or(min);
  }
  return value->get<int64_t>();
}

double ConfigReader::Number(std::string_view key, double min, double max,
                            std::optional<double> fallback) {
  const Json* value = Find(key);
  const std::string expected = fmt::format("a number from {} to {}", min, max);
  if (value == nullptr) {
    if (!fallback) Reject(key, expected, "nothing");
    return fallback.value_or(min);
  }
  if (!value->is_number() || !(value->get<double>() >= min && value->get<double>() <= max)) {
    Reject(key, expected, Excerpt(*value));
    return fallback.value_or(min);
  }
  return value->get<double>();
}

bool ConfigReader::Bool(std::string_view key, std::optional<bool> fallback) {
  const Json* value = Find(key);
  if (value == nullptr || !value->is_boolean()) {
    if (value != nullptr || !fallback) {
      Reject(key, "true or false", value == nullptr ? "nothing" : Excerpt(*value));
    }
    return fallback.value_or(false);
  }
  return value->get<bool>();
}

std::string ConfigReader::String(std::string_view key, const std::optional<std::string>& fallback) {
  const Json* value = Find(key);
  if (value == nullptr || !value->is_string()) {
    if (value != nullptr || !fallback) {
      Reject(key, "a string", value == nullptr ? "nothing" : Excerpt(*value));
    }
    return fallback.value_or("");
  }
  return value->get<std::string>();
}

std::vector<std::string> ConfigReader::Strings(std::string_view key) {
  const Json* value = Find(key);
  if (value == nullptr) return {};
  std::vector<std::string> strings;
  if (value->is_array()) {
    for (const Json& item : *value) {
      if (item.is_string()) strings.push_back(item.get<std::string>());
    }
  }
  if (!value->is_array() || strings.size() != value->size()) {
    Reject(key, "a list of strings", Excerpt(*value));
    return {};
  }
  return strings;
}

std::vector<int64_t> ConfigReader::IntOrInts(std::string_view key, int64_t min, int64_t max) {
  const Json* value = Find(key);
  if (value == nullptr) return {};
  const Json list = value->is_array() ? *value : Json::array({*value});
  std::vector<int64_t> numbers;
  for (const Json& item : list) {
    if (!item.is_number_integer() || item.get<int64_t>() < min || item.get<int64_t>() > max) {
      Reject(key, fmt::format("integers from {} to {}", min, max), Excerpt(*value));
      return {};
    }
    numbers.push_back(item.get<int64_t>());
  }
  return numbers;
}

Json ConfigReader::Object(std::string_view key) {
  const Json* value = Find(key);
  if (value == nullptr) return Json::object();
  if (!value->is_object()) {
    Reject(key, "an object", Excerpt(*value));
    return Json::object();
  }
  return *value;
}

}  // namespace fairlead

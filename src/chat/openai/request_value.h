// A value somewhere in a request: what is wrong with it is said with its path.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace fairlead {

// Points into a request, which has to outlive it. All errors are kInvalidArgument unless stated,
// one line such as "[chat] messages[3].content: expected a string, got a number".
class RequestValue {
 public:
  explicit RequestValue(const Json& request) : RequestValue(&request, "") {}

  // Missing or null, which is the same to the API.
  bool absent() const { return value_ == nullptr || value_->is_null(); }
  bool missing() const { return value_ == nullptr; }
  bool is_string() const { return value_ != nullptr && value_->is_string(); }
  bool is_list() const { return value_ != nullptr && value_->is_array(); }
  bool is_object() const { return value_ != nullptr && value_->is_object(); }
  // What it points to; not for a missing one.
  const Json& json() const { return *value_; }

  // A member; missing where this is no object.
  RequestValue operator[](std::string_view key) const;

  Status ExpectObject() const;
  Result<std::string> String() const;
  // The elements of a list.
  Result<std::vector<RequestValue>> Items() const;
  // "expected `what`, got ...": for strings the string, otherwise the kind of value.
  tl::unexpected<Error> Expected(std::string_view what) const;
  // The same as kUnsupported, for what the API knows.
  tl::unexpected<Error> Unsupported(std::string_view what) const;
  // Unsupported unless absent.
  Status Refuse(std::string_view what) const;

 private:
  RequestValue(const Json* value, std::string path) : value_(value), path_(std::move(path)) {}

  std::string_view path() const { return path_.empty() ? std::string_view("request") : path_; }

  const Json* value_;
  std::string path_;
};

}  // namespace fairlead

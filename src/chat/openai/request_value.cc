#include "chat/openai/request_value.h"

#include "base/log.h"

namespace fairlead {
namespace {

std::string Described(const Json* value) {
  if (value == nullptr) return "nothing";
  switch (value->type()) {
    case Json::value_t::null:
      return "null";
    case Json::value_t::string:
      return Quoted(value->get_ref<const std::string&>());
    case Json::value_t::boolean:
      return value->get<bool>() ? "true" : "false";
    case Json::value_t::array:
      return value->empty() ? "an empty list" : "a list";
    case Json::value_t::object:
      return "an object";
    default:
      return "a number";
  }
}

// A member's name as it stands in a path: any request may have members with any names.
std::string PathKey(std::string_view key) {
  constexpr size_t kLongest = 100;
  return key.size() <= kLongest && OneLine(key) == key ? std::string(key) : Quoted(key);
}

}  // namespace

RequestValue RequestValue::operator[](std::string_view key) const {
  std::string path = path_.empty() ? PathKey(key) : fmt::format("{}.{}", path_, PathKey(key));
  if (!is_object()) return {nullptr, std::move(path)};
  const auto found = value_->find(std::string(key));
  return {found == value_->end() ? nullptr : &*found, std::move(path)};
}

Status RequestValue::ExpectObject() const {
  if (!is_object()) return Expected("an object");
  return {};
}

Result<std::string> RequestValue::String() const {
  if (!is_string()) return Expected("a string");
  return value_->get<std::string>();
}

Result<std::vector<RequestValue>> RequestValue::Items() const {
  if (!is_list()) return Expected("a list");
  std::vector<RequestValue> items;
  items.reserve(value_->size());
  for (const Json& item : *value_) {
    items.push_back({&item, fmt::format("{}[{}]", path_, items.size())});
  }
  return items;
}

tl::unexpected<Error> RequestValue::Expected(std::string_view what) const {
  return Fail(ErrorCode::kInvalidArgument, "chat", "{}: expected {}, got {}", path(), what,
              Described(value_));
}

tl::unexpected<Error> RequestValue::Unsupported(std::string_view what) const {
  return Fail(ErrorCode::kUnsupported, "chat", "{}: expected {}, got {}", path(), what,
              Described(value_));
}

Status RequestValue::Refuse(std::string_view what) const {
  if (absent()) return {};
  return Unsupported(what);
}

}  // namespace fairlead

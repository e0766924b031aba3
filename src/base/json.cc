#include "base/json.h"

#include <set>
#include <vector>

#include "base/file.h"

namespace fairlead {
namespace {

// Builds the document and checks depth and duplicate keys on the way. Members are appended without
// ordered_json's own search for the key, which would make large objects quadratic.
class Builder : public nlohmann::json_sax<Json> {
 public:
  Json& document() { return document_; }
  const std::string& problem() const { return problem_; }

  bool null() override { return Leaf(nullptr); }
  bool boolean(bool value) override { return Leaf(value); }
  bool number_integer(number_integer_t value) override { return Leaf(value); }
  bool number_unsigned(number_unsigned_t value) override { return Leaf(value); }
  bool number_float(number_float_t value, const string_t&) override { return Leaf(value); }
  bool string(string_t& value) override { return Leaf(std::move(value)); }
  bool binary(binary_t&) override { return false; }  // not JSON; the parser never calls it
  bool start_object(size_t) override { return Enter(Json::object()); }
  bool end_object() override { return Leave(); }
  bool start_array(size_t) override { return Enter(Json::array()); }
  bool end_array() override { return Leave(); }
  bool key(string_t& name) override {
    if (open_.back().keys.insert(name).second) {
      key_ = std::move(name);
      return true;
    }
    problem_ = fmt::format("duplicate key {}", Quoted(name));
    return false;
  }
  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    problem_ = fmt::format("invalid JSON at byte {}", position);
    return false;
  }

 private:
  struct Open {
    Json* container;  // stays in place: what holds it does not grow while it is open
    std::set<std::string> keys;
  };

  Json& Put(Json value) {
    if (open_.empty()) return document_ = std::move(value);
    Json& container = *open_.back().container;
    if (auto* array = container.get_ptr<Json::array_t*>()) {
      return array->emplace_back(std::move(value));
    }
    auto* object = container.get_ptr<Json::object_t*>();
    return object->emplace_back(std::move(key_), std::move(value)).second;
  }
  bool Leaf(Json value) {
    Put(std::move(value));
    return true;
  }
  bool Enter(Json container) {
    if (open_.size() == static_cast<size_t>(kMaxJsonDepth)) {
      problem_ = fmt::format("JSON nested deeper than {} levels", kMaxJsonDepth);
      return false;
    }
    Json& placed = Put(std::move(container));
    open_.push_back({&placed, {}});
    return true;
  }
  bool Leave() {
    open_.pop_back();
    return true;
  }

  Json document_;
  std::vector<Open> open_;
  std::string key_;
  std::string problem_;
};

}  // namespace

Result<Json> ParseJson(std::string_view text, std::string_view component, std::string_view object) {
  Builder builder;
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) {
    return Fail(ErrorCode::kInvalidData, component, "{}: {}", object, builder.problem());
  }
  return std::move(builder.document());
}

std::string DumpJson(const Json& json, int indent) {
  return json.dump(indent, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

std::string DumpJsonAscii(const Json& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
}

Result<Json> ReadJsonFile(const std::filesystem::path& path, std::string_view component,
                          size_t max_bytes) {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, component, max_bytes));
  return ParseJson(text, component, path.string());
}

}  // namespace fairlead

#include "base/json.h"

#include <optional>
#include <set>
#include <vector>

#include "base/file.h"

namespace fairlead {
namespace {

// A SAX consumer that checks depth and duplicate keys before anything is built.
class StructureCheck : public nlohmann::json_sax<Json> {
 public:
  const std::string& problem() const { return problem_; }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(size_t) override {
    keys_.emplace_back();
    return Enter();
  }
  bool end_object() override {
    keys_.pop_back();
    --depth_;
    return true;
  }
  bool start_array(size_t) override { return Enter(); }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool key(string_t& name) override {
    if (keys_.back().insert(name).second) return true;
    problem_ = fmt::format("duplicate key \"{}\"", name);
    return false;
  }
  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    problem_ = fmt::format("invalid JSON at byte {}", position);
    return false;
  }

 private:
  bool Enter() {
    if (++depth_ <= kMaxJsonDepth) return true;
    problem_ = fmt::format("JSON nested deeper than {} levels", kMaxJsonDepth);
    return false;
  }

  int depth_ = 0;
  std::vector<std::set<std::string>> keys_;
  std::string problem_;
};

}  // namespace

Result<Json> ParseJson(std::string_view text, std::string_view component, std::string_view object) {
  StructureCheck check;
  if (!Json::sax_parse(text.begin(), text.end(), &check)) {
    return Fail(ErrorCode::kInvalidData, component, "{}: {}", object, check.problem());
  }
  return Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
}

Result<Json> ReadJsonFile(const std::filesystem::path& path, std::string_view component,
                          size_t max_bytes) {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, component, max_bytes));
  return ParseJson(text, component, path.string());
}

}  // namespace fairlead

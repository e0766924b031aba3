#include <algorithm>
#include <set>

#include "base/json.h"
#include "base/nearest.h"
#include "cli/chat/tools.h"

namespace fairlead {
namespace {

constexpr size_t kMostBytes = size_t{1} << 20;
constexpr size_t kMostTools = 100;
constexpr double kLongestSeconds = 3600;

// What is wrong with a file, and where in it.
class Reader {
 public:
  explicit Reader(const std::filesystem::path& file)
      : file_(file.string()), folder_(std::filesystem::absolute(file).parent_path()) {}

  Result<std::vector<CommandTool>> Read(const Json& json) {
    if (!json.is_array() || json.empty() || json.size() > kMostTools) {
      return Wrong(fmt::format("an array of 1 to {} tools", kMostTools), json);
    }
    std::vector<CommandTool> tools;
    std::set<std::string> names;
    for (const Json& item : json) {
      where_ = fmt::format("tool {}", tools.size() + 1);
      FAIRLEAD_ASSIGN_OR_RETURN(CommandTool tool, ReadTool(item));
      if (!names.insert(tool.tool.name).second) {
        return Wrong("another name than the tools before", item["name"]);
      }
      tools.push_back(std::move(tool));
    }
    return tools;
  }

 private:
  tl::unexpected<Error> Wrong(std::string_view expected, const Json& found) const {
    return Fail(ErrorCode::kInvalidArgument, "chat", "{}: {}: expected {}, got {}", file_, where_,
                expected, Shown(found));
  }
  static std::string Shown(const Json& value) { return Quoted(DumpJsonAscii(value)); }

  Result<CommandTool> ReadTool(const Json& json) {
    if (!json.is_object()) return Wrong("an object", json);
    FAIRLEAD_RETURN_IF_ERROR(Checmembers(json));
    CommandTool tool;
    FAIRLEAD_ASSIGN_OR_RETURN(tool.tool.name, ReadName(json.value("name", Json())));
    where_ += fmt::format(" ({})", tool.tool.name);
    if (const auto found = json.find("description"); found != json.end()) {
      if (!found->is_string()) return Wrong("a text as description", *found);
      tool.tool.description = found->get<std::string>();
    }
    if (const auto found = json.find("parameters"); found != json.end() && !found->is_null()) {
      if (!found->is_object()) return Wrong("a JSON schema (an object) as parameters", *found);
      tool.tool.parameters = *found;
    }
    FAIRLEAD_ASSIGN_OR_RETURN(tool.command, ReadCommand(json.value("command", Json())));
    tool.command.front() = Program(tool.command.front());
    if (const auto found = json.find("timeout_seconds"); found != json.end()) {
      if (!found->is_number() || !(found->get<double>() > 0) ||
          found->get<double>() > kLongestSeconds) {
        return Wrong(fmt::format("0 to {} as timeout_seconds", kLongestSeconds), *found);
      }
      tool.limit = std::chrono::milliseconds(static_cast<int64_t>(found->get<double>() * 1000));
    }
    return tool;
  }
  Status Checmembers(const Json& json) const {
    const std::vector<std::string> members = {"name", "description", "parameters", "command",
                                              "timeout_seconds"};
    for (const auto& [key, value] : json.items()) {
      if (std::find(members.begin(), members.end(), key) != members.end()) continue;
      return Fail(ErrorCode::kInvalidArgument, "chat", "{}: {}: unknown member {}{}", file_, where_,
                  Quoted(key), DidYouMean(key, members));
    }
    return {};
  }
  Result<std::string> ReadName(const Json& json) const {
    const std::string name = json.is_string() ? json.get<std::string>() : "";
    const auto plain = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '_' || c == '-';
    };
    if (name.empty() || name.size() > 64 || !std::all_of(name.begin(), name.end(), plain)) {
      return Wrong("1 to 64 letters, digits, _ or - as name", json);
    }
    return name;
  }
  Result<std::vector<std::string>> ReadCommand(const Json& json) const {
    std::vector<std::string> words;
    for (const Json& word : json.is_array() ? json : Json::array()) {
      // The system would cut a word short at its first zero.
      if (!word.is_string() || word.get<std::string>().find('\0') != std::string::npos) {
        return Wrong("texts in command", word);
      }
      words.push_back(word.get<std::string>());
    }
    if (words.empty() || words[0].empty()) {
      return Wrong("program and arguments such as [\"date\", \"-u\"] as command", json);
    }
    return words;
  }

  // Programs that come with the file are found from anywhere.
  std::string Program(const std::string& word) const {
    if (word.starts_with("./")) return folder_ / word.substr(2);
    return word.starts_with("../") ? folder_ / word : std::filesystem::path(word);
  }

  std::string file_;
  std::filesystem::path folder_;
  std::string where_ = "tools";
};

}  // namespace

Result<std::vector<CommandTool>> ReadToolFile(const std::filesystem::path& path) {
  FAIRLEAD_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path, "chat", kMostBytes));
  return Reader(path).Read(json);
}

}  // namespace fairlead

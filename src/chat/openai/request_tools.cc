#include "chat/openai/request_tools.h"

#include <set>
#include <utility>

#include "chat/openai/contains.h"
#include "chat/openai/destination.h"

namespace fairlead {
namespace {

constexpr std::string_view kToolNameRule = "a name of 1 to 64 letters, digits, '_', '-' or '.'";

Status ExpectFunctionType(const RequestValue& type) {
  if (!type.is_string()) return type.Expected("\"function\"");
  if (type.json() != "function") return type.Unsupported("\"function\"");
  return {};
}

Result<Tool> ReadTool(const RequestValue& json) {
  FAIRLEAD_RETURN_IF_ERROR(json.ExpectObject());
  FAIRLEAD_RETURN_IF_ERROR(ExpectFunctionType(json["type"]));
  const RequestValue function = json["function"];
  FAIRLEAD_RETURN_IF_ERROR(function.ExpectObject());
  Tool tool;
  FAIRLEAD_ASSIGN_OR_RETURN(tool.name, function["name"].String());
  if (!IsToolName(tool.name)) return function["name"].Expected(kToolNameRule);
  if (const RequestValue description = function["description"]; !description.absent()) {
    FAIRLEAD_ASSIGN_OR_RETURN(tool.description, description.String());
  }
  if (const RequestValue parameters = function["parameters"]; !parameters.absent()) {
    FAIRLEAD_RETURN_IF_ERROR(parameters.ExpectObject());
    tool.parameters = parameters.json();
  }
  return tool;
}

}  // namespace

Result<std::vector<Tool>> ReadTools(const RequestValue& tools,
                                    const std::vector<std::string>& built_in) {
  std::vector<Tool> read;
  if (tools.absent()) return read;
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<RequestValue> items, tools.Items());
  std::set<std::string> names(built_in.begin(), built_in.end());
  for (const RequestValue& item : items) {
    FAIRLEAD_ASSIGN_OR_RETURN(Tool tool, ReadTool(item));
    if (!names.insert(tool.name).second) {
      return item["function"]["name"].Expected("a name that no other tool has");
    }
    read.push_back(std::move(tool));
  }
  return read;
}

Status ReadToolChoice(const RequestValue& choice, AnswerRules& rules) {
  using Choice = AnswerRules::ToolChoice;
  if (choice.absent()) return {};
  if (choice.is_object()) {
    FAIRLEAD_RETURN_IF_ERROR(ExpectFunctionType(choice["type"]));
    const RequestValue name = choice["function"]["name"];
    FAIRLEAD_ASSIGN_OR_RETURN(const std::string text, name.String());
    std::string recipient = fmt::format("{}.{}", kFunctions, text);
    if (!Contains(rules.tools, recipient)) return name.Expected("the name of one of the tools");
    rules.tools = {std::move(recipient)};
    rules.tool_choice = Choice::kRequired;
    return {};
  }
  if (choice.is_string() && choice.json() == "auto") return {};
  if (choice.is_string() && choice.json() == "none") {
    rules.tool_choice = Choice::kNone;
    return {};
  }
  if (choice.is_string() && choice.json() == "required") {
    if (rules.tools.empty()) return choice.Expected("tools to choose from");
    rules.tool_choice = Choice::kRequired;
    return {};
  }
  return choice.Expected("\"auto\", \"none\", \"required\" or a function");
}

std::string RecipientOf(std::string_view name, const std::vector<std::string>& built_in) {
  if (Contains(built_in, name)) return std::string(name);
  return fmt::format("{}.{}", kFunctions, name);
}

}  // namespace fairlead

#include "chat/harmony/sections.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/harmony/typescript.h"

namespace fairlead {
namespace {

constexpr std::string_view kBlankLine = "\n\n";

bool DeeperThan(const Json& value, int levels) {
  if (!value.is_structured()) return false;
  if (levels == 0) return true;
  return std::ranges::any_of(value.begin(), value.end(), [levels](const Json& member) {
    return DeeperThan(member, levels - 1);
  });
}

// Lines end with \n or \r\n, the last may end without; a lone \r is text.
std::vector<std::string_view> LinesOf(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (end != std::string_view::npos && line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

void AppendComment(std::string_view description, std::string& text) {
  for (const std::string_view line : LinesOf(description)) text += fmt::format("// {}\n", line);
}

Status AppendTool(const Tool& tool, std::string& text) {
  AppendComment(tool.description, text);
  if (!tool.parameters) {
    text += fmt::format("type {} = () => any;\n\n", tool.name);
    return {};
  }
  if (DeeperThan(*tool.parameters, kMaxJsonDepth)) {
    return Fail(ErrorCode::kInvalidArgument, "harmony",
                "tool {}: expected parameters nested at most {} levels deep, got deeper ones",
                Quoted(tool.name), kMaxJsonDepth);
  }
  text += fmt::format("type {} = (_: {}) => any;\n\n", tool.name, TypeScriptType(*tool.parameters));
  return {};
}

Result<std::string> NamespaceSection(const ToolNamespace& space) {
  std::string text = fmt::format("## {}\n", space.name);
  const std::string description = space.description.value_or("");
  if (space.tools.empty()) {
    for (const std::string_view line : LinesOf(description)) text += fmt::format("\n{}", line);
    return text;
  }
  text += '\n';
  AppendComment(description, text);
  text += fmt::format("namespace {} {{\n\n", space.name);
  for (const Tool& tool : space.tools) FAIRLEAD_RETURN_IF_ERROR(AppendTool(tool, text));
  text += fmt::format("}} // namespace {}", space.name);
  return text;
}

// The section on tools, unless there are no namespaces.
Status AddTools(const std::optional<ToolNamespaces>& namespaces,
                std::vector<std::string>& sections) {
  if (!namespaces || namespaces->empty()) return {};
  sections.emplace_back("# Tools");
  for (const auto& [key, space] : *namespaces) {
    FAIRLEAD_ASSIGN_OR_RETURN(std::string section, NamespaceSection(space));
    sections.push_back(std::move(section));
  }
  return {};
}

}  // namespace

Result<std::string> SystemText(const SystemContent& content, bool function_tools) {
  std::vector<std::string> top;
  if (content.model_identity) top.push_back(*content.model_identity);
  if (content.knowledge_cutoff) {
    top.push_back(fmt::format("Knowledge cutoff: {}", *content.knowledge_cutoff));
  }
  if (content.conversation_start_date) {
    top.push_back(fmt::format("Current date: {}", *content.conversation_start_date));
  }
  std::vector<std::string> sections;
  if (!top.empty()) sections.push_back(fmt::format("{}", fmt::join(top, "\n")));
  if (content.reasoning_effort) {
    sections.push_back(fmt::format("Reasoning: {}", EffortName(*content.reasoning_effort)));
  }
  FAIRLEAD_RETURN_IF_ERROR(AddTools(content.tools, sections));
  const auto& config = content.channel_config;
  if (config && !config->valid_channels.empty()) {
    sections.push_back(fmt::format(
        "# Valid channels: {}.{}{}", fmt::join(config->valid_channels, ", "),
        config->channel_required ? " Channel must be included for every message." : "",
        function_tools ? "\nCalls to these tools must go to the commentary channel: 'functions'."
                       : ""));
  }
  return fmt::format("{}", fmt::join(sections, kBlankLine));
}

Result<std::string> DeveloperText(const DeveloperContent& content) {
  std::vector<std::string> sections;
  if (content.instructions) {
    sections.emplace_back("# Instructions");
    sections.push_back(*content.instructions);
  }
  FAIRLEAD_RETURN_IF_ERROR(AddTools(content.tools, sections));
  return fmt::format("{}", fmt::join(sections, kBlankLine));
}

}  // namespace fairlead

#include "chat/chat_format.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "chat/harmony/harmony.h"

namespace fairlead {
namespace {

struct Registration {
  std::string_view name;
  Result<std::shared_ptr<const ChatFormat>> (*create)(Tokenizer::Pointer tokenizer,
                                                      int64_t model_vocabulary_size);
};

// The formats of this build. A new one is a folder beside harmony/ and a line here.
constexpr Registration kFormats[] = {
    {"harmony", CreateHarmony},
};

// `built_in`: a namespace without tools may be a tool itself.
void AddTools(const std::optional<ToolNamespaces>& namespaces, bool built_in,
              std::vector<std::string>& tools) {
  if (!namespaces) return;
  for (const auto& [key, space] : *namespaces) {
    const bool is_tool = built_in && space.tools.empty() && space.name != kFunctions;
    if (is_tool) tools.push_back(space.name);
    for (const Tool& tool : space.tools) {
      tools.push_back(fmt::format("{}.{}", space.name, tool.name));
    }
  }
}

}  // namespace

AnswerRules RulesOf(const Conversation& conversation) {
  AnswerRules rules;
  for (const Message& message : conversation.messages) {
    for (const Content& content : message.content) {
      if (const auto* system = std::get_if<SystemContent>(&content)) {
        AddTools(system->tools, true, rules.tools);
        if (system->channel_config) rules.channels = system->channel_config->valid_channels;
      } else if (const auto* developer = std::get_if<DeveloperContent>(&content)) {
        AddTools(developer->tools, false, rules.tools);
      }
    }
  }
  return rules;
}

Result<std::shared_ptr<const ChatFormat>> CreateChatFormat(std::string_view name,
                                                           Tokenizer::Pointer tokenizer,
                                                           int64_t model_vocabulary_size) {
  std::vector<std::string_view> known;
  for (const Registration& format : kFormats) {
    if (format.name == name) return format.create(std::move(tokenizer), model_vocabulary_size);
    known.push_back(format.name);
  }
  return Fail(ErrorCode::kUnsupported, "chat", "format: expected {}, got {}",
              fmt::join(known, " or "), name.empty() ? "a model without one" : name);
}

}  // namespace fairlead

#include "chat/chat_format.h"

#include <gtest/gtest.h>

namespace fairlead {
namespace {

Message With(Role role, Content content) {
  Message message;
  message.role = role;
  message.content.push_back(std::move(content));
  return message;
}

TEST(RulesOf, NamesEveryDeclaredToolAsItsRecipientAndTheChannelsThatTheSystemMessageAllows) {
  SystemContent system;
  system.channel_config = ChannelConfig{{"analysis", "final"}, true};
  system.tools = ToolNamespaces{{"python", {"python", "Runs code.", {}}}};
  DeveloperContent developer;
  developer.tools = ToolNamespaces{
      {"functions", {"functions", std::nullopt, {{"clock", "", {}}, {"weather", "", {}}}}}};
  Conversation conversation;
  conversation.messages = {With(Role::kSystem, system), With(Role::kDeveloper, developer),
                           With(Role::kUser, std::string("Hello"))};
  const AnswerRules rules = RulesOf(conversation);
  EXPECT_EQ(rules.tools,
            (std::vector<std::string>{"python", "functions.clock", "functions.weather"}));
  EXPECT_EQ(rules.channels, (std::vector<std::string>{"analysis", "final"}));
  EXPECT_EQ(rules.tool_choice, AnswerRules::ToolChoice::kAuto);
}

TEST(RulesOf, TakesANamespaceWithoutToolsForAToolOnlyIfItIsBuiltIn) {
  const ToolNamespaces namespaces = {{"functions", {"functions", std::nullopt, {}}},
                                     {"python", {"python", std::nullopt, {}}}};
  SystemContent system;
  system.tools = namespaces;
  DeveloperContent developer;
  developer.tools = namespaces;
  Conversation conversation;
  conversation.messages = {With(Role::kDeveloper, developer)};
  EXPECT_TRUE(RulesOf(conversation).tools.empty());
  conversation.messages = {With(Role::kSystem, system)};
  EXPECT_EQ(RulesOf(conversation).tools, (std::vector<std::string>{"python"}));
}

TEST(RulesOf, RestrictsNothingWithoutASystemMessage) {
  const AnswerRules rules = RulesOf({});
  EXPECT_TRUE(rules.tools.empty());
  EXPECT_TRUE(rules.channels.empty());
}

TEST(Conversation, NamesRolesAndEffortsBothWays) {
  for (const char* name : {"system", "developer", "user", "assistant", "tool"}) {
    ASSERT_TRUE(RoleFromName(name)) << name;
    EXPECT_EQ(RoleName(*RoleFromName(name)), name);
  }
  EXPECT_EQ(RoleFromName("User"), std::nullopt);
  EXPECT_EQ(EffortFromName("medium"), ReasoningEffort::kMedium);
  EXPECT_EQ(EffortName(ReasoningEffort::kHigh), "high");
  EXPECT_EQ(EffortFromName(""), std::nullopt);
}

}  // namespace
}  // namespace fairlead

// Conversations as JSON: what openai-harmony takes is taken, what it refuses is named.
#include "chat/harmony/conversation_json.h"

#include <gtest/gtest.h>

namespace fairlead {
namespace {

Result<Conversation> Read(std::string_view text) {
  return ConversationFromJson(ParseJson(text, "test", "text").value());
}

// Of a conversation of this one message.
std::string ErrorOf(const std::string& message) {
  const auto conversation = Read(R"({"messages": [)" + message + "]}");
  if (conversation) return "no error";
  EXPECT_EQ(conversation.error().code, ErrorCode::kInvalidArgument);
  return conversation.error().message;
}

TEST(ConversationFromJson, ReadsEveryMember) {
  const auto conversation = Read(R"({"messages": [
    {"role": "system", "content": [{"type": "system_content", "model_identity": "Me",
      "reasoning_effort": "High", "conversation_start_date": "today", "knowledge_cutoff": "2024",
      "tools": {"python": {"name": "python", "description": "Runs.", "tools": []}},
      "channel_config": {"valid_channels": ["final"], "channel_required": true}}]},
    {"role": "developer", "content": [{"type": "developer_content", "instructions": "Do.",
      "tools": {"k": {"name": "n", "tools": [{"name": "f", "description": "d",
        "parameters": {"z": 1, "a": 2}}]}}}]},
    {"role": "assistant", "name": "bot", "recipient": "n.f", "channel": "commentary",
     "content_type": "json", "content": [{"type": "text", "text": "a"}, {"type": "text",
     "text": "b"}]}]})");
  ASSERT_TRUE(conversation) << conversation.error().message;
  ASSERT_EQ(conversation->messages.size(), 3u);
  const auto& system = std::get<SystemContent>(conversation->messages[0].content.at(0));
  EXPECT_EQ(system.model_identity, "Me");
  EXPECT_EQ(system.reasoning_effort, ReasoningEffort::kHigh);
  EXPECT_EQ(system.conversation_start_date, "today");
  EXPECT_EQ(system.knowledge_cutoff, "2024");
  EXPECT_EQ(system.tools->at("python").description, "Runs.");
  EXPECT_EQ(system.channel_config->valid_channels, std::vector<std::string>{"final"});
  EXPECT_TRUE(system.channel_config->channel_required);
  const auto& developer = std::get<DeveloperContent>(conversation->messages[1].content.at(0));
  EXPECT_EQ(developer.instructions, "Do.");
  const ToolNamespace& space = developer.tools->at("k");
  EXPECT_EQ(space.name, "n");
  EXPECT_EQ(space.description, std::nullopt);
  EXPECT_EQ(space.tools.at(0).name, "f");
  EXPECT_EQ(space.tools.at(0).description, "d");
  EXPECT_EQ(space.tools.at(0).parameters->dump(), R"({"z":1,"a":2})");
  const Message& message = conversation->messages[2];
  EXPECT_EQ(message.role, Role::kAssistant);
  EXPECT_EQ(message.name, "bot");
  EXPECT_EQ(message.recipient, "n.f");
  EXPECT_EQ(message.channel, "commentary");
  EXPECT_EQ(message.content_type, "json");
  EXPECT_EQ(message.Text(), "ab");
}

TEST(ConversationFromJson, AMissingMemberAndNullAreNone) {
  for (const char* message : {
           R"({"role": "user", "content": "x"})",
           R"({"role": "user", "content": "x", "name": null, "recipient": null, "channel": null,
               "content_type": null})",
       }) {
    const auto conversation = Read(fmt::format(R"({{"messages": [{}]}})", message));
    ASSERT_TRUE(conversation) << conversation.error().message;
    const Message& read = conversation->messages.at(0);
    EXPECT_EQ(read.name, std::nullopt);
    EXPECT_EQ(read.recipient, std::nullopt);
    EXPECT_EQ(read.channel, std::nullopt);
    EXPECT_EQ(read.content_type, std::nullopt);
    EXPECT_EQ(read.Text(), "x");
  }
  const auto conversation = Read(R"({"messages": [{"role": "developer", "content": [
    {"type": "developer_content", "tools": {"k": {"name": "n", "tools": [
      {"name": "f", "description": "", "parameters": null}]}}}]}]})");
  ASSERT_TRUE(conversation) << conversation.error().message;
  const auto& developer = std::get<DeveloperContent>(conversation->messages[0].content.at(0));
  EXPECT_EQ(developer.instructions, std::nullopt);
  EXPECT_EQ(developer.tools->at("k").tools.at(0).parameters, std::nullopt);
}

TEST(ConversationFromJson, NamesTheMemberThatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"5", ": expected an object, got number"},
      {R"({"content": "x"})", ".role: expected a value, got none"},
      {R"({"role": "bot", "content": "x"})",
       R"(.role: expected system, developer, user, assistant or tool, got "bot")"},
      {R"({"role": "user"})", ".content: expected a value, got none"},
      {R"({"role": "user", "content": null})", ".content: expected a string or an array, got null"},
      {R"({"role": "user", "content": ["x"]})", ".content[0]: expected an object, got string"},
      {R"({"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "text"}]})",
       ".content[1].text: expected a value, got none"},
      {R"({"role": "user", "content": [{"type": "image\n"}]})",
       ".content[0]: expected content of type text, system_content or developer_content, got "
       R"("image\n")"},
      {R"({"role": "user", "content": "x", "channel": ["final"]})",
       ".channel: expected a string, got array"},
      {R"({"role": "system", "content": [{"type": "system_content", "reasoning_effort": "low"}]})",
       R"(.content[0].reasoning_effort: expected Low, Medium or High, got "low")"},
      {R"({"role": "system", "content": [{"type": "system_content", "channel_config": {
            "valid_channels": ["a", 1], "channel_required": true}}]})",
       ".content[0].channel_config.valid_channels[1]: expected a string, got number"},
      {R"({"role": "system", "content": [{"type": "system_content", "channel_config": {
            "valid_channels": [], "channel_required": "yes"}}]})",
       ".content[0].channel_config.channel_required: expected true or false, got string"},
      {R"({"role": "system", "content": [{"type": "system_content", "tools": []}]})",
       ".content[0].tools: expected an object, got array"},
      {R"({"role": "developer", "content": [{"type": "developer_content", "tools": {"a\nb": {
            "name": "n", "tools": [{"name": "f", "description": null}]}}}]})",
       R"(.content[0].tools."a\nb".tools[0].description: expected a string, got null)"},
  };
  for (const auto& [message, error] : cases) {
    EXPECT_EQ(ErrorOf(message), "[harmony] conversation.messages[0]" + error) << message;
  }
  EXPECT_EQ(Read("{}").error().message,
            "[harmony] conversation.messages: expected a value, got none");
  EXPECT_EQ(Read("[]").error().message, "[harmony] conversation: expected an object, got array");
}

TEST(ConversationFromJson, ErrorsStayShortWhateverANameIs) {
  const std::string name(100000, 'x');
  const std::string error =
      ErrorOf(R"({"role": "system", "content": [{"type": "system_content", "tools": {")" + name +
              R"(": 1}}]})");
  EXPECT_LT(error.size(), 400u);
}

}  // namespace
}  // namespace fairlead

// A conversation that is being held, and the file that it is kept in.
#include "cli/chat/dialogue.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cli/chat/chat_file.h"
#include "tests/base/temp_dir.h"

namespace fairlead {
namespace {

Message Said(Role role, const std::string& text) {
  Message message;
  message.role = role;
  message.content.emplace_back(text);
  return message;
}

Message Final(const std::string& text) {
  Message message = Said(Role::kAssistant, text);
  message.channel = "final";
  return message;
}

std::vector<std::string> Texts(const Conversation& conversation) {
  std::vector<std::string> texts;
  for (const Message& message : conversation.messages) texts.push_back(message.Text());
  return texts;
}

Dialogue ThreeTurns() {
  Dialogue dialogue({});
  for (const char* text : {"1", "2", "3"}) {
    dialogue.Ask(text);
    dialogue.Add(Final(std::string("answer ") + text));
  }
  return dialogue;
}

using Strings = std::vector<std::string>;

TEST(DialogueTest, TheSetupStandsBeforeTheTurns) {
  Dialogue dialogue({});
  dialogue.Ask("Hello");
  ASSERT_EQ(dialogue.Shown().messages.size(), 2u);
  EXPECT_EQ(dialogue.Shown().messages[0].role, Role::kSystem);
  dialogue.setup().developer = "Rhyme.";
  ASSERT_EQ(dialogue.Shown().messages.size(), 3u);
  EXPECT_EQ(dialogue.Shown().messages[1].role, Role::kDeveloper);
}

TEST(DialogueTest, AnswersAndTurnsAreTakenBack) {
  Dialogue dialogue = ThreeTurns();
  dialogue.ForgetAnswer();
  EXPECT_EQ(dialogue.LastQuestion(), "3");
  EXPECT_EQ(dialogue.messages().size(), 5u);
  dialogue.ForgetTurn();
  EXPECT_EQ(dialogue.LastQuestion(), "2");
  dialogue.Clear();
  EXPECT_EQ(dialogue.LastQuestion(), std::nullopt);
  dialogue.ForgetTurn();
  dialogue.ForgetAnswer();
  EXPECT_TRUE(dialogue.messages().empty());
}

TEST(DialogueTest, TheOldestTurnsAreLeftOutButTheLastOne) {
  Dialogue dialogue = ThreeTurns();
  EXPECT_TRUE(dialogue.LeaveOutTurn());
  EXPECT_EQ(Texts(dialogue.Shown()), (Strings{"", "2", "answer 2", "3", "answer 3"}));
  EXPECT_TRUE(dialogue.LeaveOutTurn());
  EXPECT_FALSE(dialogue.LeaveOutTurn());
  EXPECT_EQ(Texts(dialogue.Shown()), (Strings{"", "3", "answer 3"}));
  EXPECT_EQ(dialogue.Whole().messages.size(), 7u);
  dialogue.ForgetTurn();
  dialogue.ForgetTurn();
  EXPECT_EQ(Texts(dialogue.Shown()), (Strings{"", "1", "answer 1"}));
}

TEST(ChatFileTest, WhatIsSavedIsLoaded) {
  const TempDir dir;
  const auto path = dir.path() / "talk.json";
  Dialogue dialogue = ThreeTurns();
  dialogue.setup() = {ReasoningEffort::kHigh, "A poet", "Rhyme.", "2026-01-01", {}};
  CommandTool tool;
  tool.tool = {"now", "The time", Json{{"type", "object"}}};
  tool.command = {"date"};
  dialogue.setup().tools.push_back(tool);
  Message call = Said(Role::kAssistant, "{\"a\": 1}");
  call.channel = "commentary";
  call.recipient = "functions.now";
  call.content_type = "<|constrain|>json";
  dialogue.Add(call);
  Message output = Said(Role::kTool, "12:00");
  output.name = "functions.now";
  output.recipient = "assistant";
  output.channel = "commentary";
  dialogue.Add(output);
  GenerateSettings settings;
  settings.request.sampling.temperature = 0.5F;
  ASSERT_TRUE(SaveChat(path, dialogue, settings).has_value());
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);

  const auto chat = LoadChat(path, {}, 1000);
  ASSERT_TRUE(chat.has_value()) << chat.error().message;
  EXPECT_EQ(chat->setup.effort, ReasoningEffort::kHigh);
  EXPECT_EQ(chat->setup.system, "A poet");
  EXPECT_EQ(chat->setup.developer, "Rhyme.");
  EXPECT_EQ(chat->setup.date, "2026-01-01");
  EXPECT_EQ(chat->settings.request.sampling.temperature, 0.5F);
  // What is run on this machine, no file decides that was not named for it.
  EXPECT_TRUE(chat->setup.tools.empty());
  EXPECT_EQ(chat->tools, 1u);
  ASSERT_EQ(chat->messages.size(), dialogue.messages().size());
  for (size_t i = 0; i < chat->messages.size(); ++i) {
    const Message& saved = dialogue.messages()[i];
    const Message& loaded = chat->messages[i];
    EXPECT_EQ(loaded.role, saved.role);
    EXPECT_EQ(loaded.name, saved.name);
    EXPECT_EQ(loaded.recipient, saved.recipient);
    EXPECT_EQ(loaded.channel, saved.channel);
    EXPECT_EQ(loaded.content_type, saved.content_type);
    EXPECT_EQ(loaded.Text(), saved.Text());
  }
}

TEST(ChatFileTest, AFileThatCannotBeWrittenStaysAsItWas) {
  const TempDir dir;
  EXPECT_FALSE(SaveChat(dir.path() / "nowhere" / "talk.json", ThreeTurns(), {}).has_value());
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
  std::filesystem::create_directory(dir.path() / "folder");
  EXPECT_FALSE(SaveChat(dir.path() / "folder", ThreeTurns(), {}).has_value());
  EXPECT_FALSE(std::filesystem::exists(dir.path() / "folder.XXXXXX"));
}

}  // namespace
}  // namespace fairlead

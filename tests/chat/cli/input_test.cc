// What a user's lines become: messages, pastes and commands.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <sstream>

#include "cli/chat/commands.h"
#include "cli/chat/history_file.h"
#include "cli/chat/message_lines.h"
#include "cli/chat/pastes.h"
#include "cli/chat/tool_question.h"
#include "tests/base/temp_dir.h"

namespace fairlead {
namespace {

std::string Joined(std::initializer_list<const char*> lines) {
  MessageLines message;
  size_t used = 0;
  for (const char* line : lines) {
    ++used;
    if (message.Add(line)) break;
  }
  EXPECT_EQ(used, lines.size());
  EXPECT_FALSE(message.open());
  return message.text();
}

TEST(MessageLinesTest, ALineIsAMessage) { EXPECT_EQ(Joined({"Hello"}), "Hello"); }

TEST(MessageLinesTest, ABackslashGoesOn) {
  EXPECT_EQ(Joined({"one\\", "two\\", "three"}), "one\ntwo\nthree");
}

TEST(MessageLinesTest, QuotesHoldABlock) {
  EXPECT_EQ(Joined({"\"\"\"", "one", "", "two\\", "\"\"\""}), "one\n\ntwo\\");
  EXPECT_EQ(Joined({"\"\"\"one", "two\"\"\""}), "one\ntwo");
  EXPECT_EQ(Joined({"\"\"\"one line\"\"\""}), "one line");
}

TEST(PastesTest, AShortTextIsShownWithMarksForItsLines) {
  Pastes pastes;
  const std::string shown = pastes.Show("one\rtwo\r\nthree");
  EXPECT_EQ(shown, "one⏎two⏎three");
  EXPECT_EQ(pastes.Expand("say " + shown), "say one\ntwo\nthree");
}

TEST(PastesTest, ALongTextIsNamedAndSentInFull) {
  Pastes pastes;
  std::string text;
  for (int i = 0; i < 120; ++i) text += std::string(82, 'a') + "\n";
  text += std::string(40, 'b');
  EXPECT_EQ(pastes.Show(text), "[pasted 121 lines, 10,000 characters]");
  EXPECT_EQ(pastes.Expand("read [pasted 121 lines, 10,000 characters]!"), "read " + text + "!");
  // Another text of that size has a name of its own.
  std::string other = text;
  other[0] = 'c';
  const std::string name = pastes.Show(other);
  EXPECT_EQ(name, "[pasted 121 lines, 10,000 characters; 2]");
  EXPECT_EQ(pastes.Expand(name), other);
  EXPECT_EQ(pastes.Collapse("read " + other), "read " + name);
}

TEST(PastesTest, NothingInsideOfAPasteIsExpanded) {
  Pastes pastes;
  const std::string first = pastes.Show(std::string(500, 'x'));
  const std::string second = pastes.Show(first + std::string(500, 'y'));
  EXPECT_EQ(pastes.Expand(second), first + std::string(500, 'y'));
  EXPECT_EQ(pastes.Expand("[pasted nothing] [pasted "), "[pasted nothing] [pasted ");
}

TEST(PastesTest, ControlCharactersAndBrokenBytesAreNoText) {
  Pastes pastes;
  EXPECT_EQ(pastes.Show("a\x1b[31mb\x03\xff"
                        "c\td"),
            "a[31mb\uFFFDc\td");
}

TEST(PastesTest, WhatIsPastedIsNothingButText) {
  Pastes pastes;
  for (const char* text : {"/* a comment */\nint x;", "\"\"\"\ndoc", "\"\"\"doc\"\"\"",
                           " indented\nlines", "ends with \\", "in a block\"\"\""}) {
    const std::string shown = pastes.Show(text);
    EXPECT_TRUE(shown.starts_with("[pasted ")) << shown;
    EXPECT_EQ(pastes.Expand(shown), text);
  }
  EXPECT_EQ(pastes.Show("/usr/bin"), "/usr/bin");
}

TEST(PastesTest, ALineStandsForExactlyItsText) {
  Pastes pastes;
  EXPECT_EQ(pastes.Collapse("one\n\ttwo"), "one⏎\ttwo");
  const std::string name = pastes.Show(std::string(500, 'x'));
  for (const std::string& text :
       {std::string("hi\r/save x\r"), std::string("a\x1b[31m\x03"), std::string("a ⏎ mark"),
        "not pasted: " + name, std::string("a \u202e b"), std::string("more \\"),
        std::string(10'000, 'y')}) {
    const std::string line = pastes.Collapse(text);
    EXPECT_TRUE(line.starts_with("[pasted ")) << line;
    EXPECT_EQ(pastes.Expand(line), text);
  }
}

TEST(CommandsTest, AreReadWithTheirArgument) {
  const auto line = ParseCommand("/effort   high ");
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(line->command, ChatCommand::kEffort);
  EXPECT_EQ(line->argument, "high");
  EXPECT_EQ(ParseCommand("/quit")->command, ChatCommand::kExit);
  EXPECT_EQ(ParseCommand("/system You are\na poet")->argument, "You are\na poet");
}

TEST(CommandsTest, AnUnknownOneNamesTheNearest) {
  const auto line = ParseCommand("/sav x.json");
  ASSERT_FALSE(line.has_value());
  EXPECT_NE(line.error().message.find("/save"), std::string::npos) << line.error().message;
}

TEST(CommandsTest, ArgumentsAreNeitherMissingNorTooMany) {
  EXPECT_FALSE(ParseCommand("/save").has_value());
  EXPECT_FALSE(ParseCommand("/retry now").has_value());
}

TEST(CommandsTest, TheHelpNamesThemAll) {
  for (const char* name : {"/help", "/new", "/retry", "/edit", "/effort", "/system", "/developer",
                           "/think", "/tools", "/save", "/load", "/stats"}) {
    EXPECT_NE(CommandHelp().find(name), std::string::npos) << name;
  }
}

// What a line says that is typed in these bytes.
std::optional<Consent> Answered(std::string_view keys) {
  TypedLine line;
  for (const char key : keys) {
    if (line.Add(key)) return ConsentFrom(line.text());
  }
  return std::nullopt;
}

TEST(ToolQuestionTest, OnlyALineAnswersIt) {
  EXPECT_EQ(Answered("y\r"), Consent::kYes);
  EXPECT_EQ(Answered("Yes \n"), Consent::kYes);
  EXPECT_EQ(Answered("no\r"), Consent::kNo);
  EXPECT_EQ(Answered("always\r"), Consent::kAlways);
  EXPECT_EQ(Answered("y"), std::nullopt);
  EXPECT_EQ(Answered("\r"), std::nullopt);
  EXPECT_EQ(Answered("Thanks a lot\r"), std::nullopt);
  EXPECT_EQ(Answered(std::string(100, 'y') + "\r"), std::nullopt);
}

TEST(ToolQuestionTest, EditingWorksAndPastesAndArrowsAreIgnored) {
  EXPECT_EQ(Answered("a\x7fn\r"), Consent::kNo);
  EXPECT_EQ(Answered("ü\x7fy\r"), Consent::kYes);
  EXPECT_EQ(Answered("all\x15y\r"), Consent::kYes);
  EXPECT_EQ(Answered("\x1b[200~a\ry\r\x1b[A\x1b[201~n\r"), Consent::kNo);
  EXPECT_EQ(Answered("\x1b[200~y\r"), std::nullopt);
  EXPECT_EQ(Answered("\x1b[1;5A\x1bOAn\r"), Consent::kNo);
}

TEST(ToolQuestionTest, WordsAreTold) {
  EXPECT_EQ(ShownCommand({"date", "+%H:%M"}), "date +%H:%M");
  EXPECT_EQ(ShownCommand({"echo", "it's", ""}), "echo 'it'\\''s' ''");
}

TEST(CommandsTest, TheHelpFitsEightyColumns) {
  std::istringstream help(CommandHelp());
  for (std::string line; std::getline(help, line);) {
    if (line.starts_with('/')) {
      EXPECT_LE(line.size(), 79u) << line;
    } else {
      EXPECT_TRUE(line.empty() || line.ends_with('.')) << line;  // no break inside of a paragraph
    }
  }
}

TEST(HistoryFileTest, KeepsLinesForTheOwnerAlone) {
  const TempDir dir;
  const auto path = dir.path() / "state" / "fairlead" / "history";
  const HistoryFile history(path);
  EXPECT_TRUE(history.Read().empty());
  ASSERT_TRUE(history.Append("first").has_value());
  ASSERT_TRUE(history.Append("zweite ⏎ Zeile").has_value());
  ASSERT_TRUE(history.Append("has\x1b control").has_value());
  ASSERT_TRUE(history.Append(std::string(10000, 'x')).has_value());
  EXPECT_EQ(history.Read(), (std::vector<std::string>{"first", "zweite ⏎ Zeile"}));
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

}  // namespace
}  // namespace fairlead

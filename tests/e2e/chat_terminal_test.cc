// `fairlead chat` in a terminal, as somebody uses it.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>

#include "cli/chat/display_text.h"
#include "tests/e2e/chat_terminal.h"

namespace fairlead::e2e {
namespace {

TEST_F(ChatTerminal, AnswersUntilTheUserLeaves) {
  TerminalProgram chat(Options());
  chat.WaitForPrompt();
  EXPECT_EQ(chat.Count("/help lists the commands"), 1);
  chat.Say("Hello");
  chat.Say("/stats");
  EXPECT_EQ(chat.Count("context: "), 1);
  EXPECT_EQ(chat.Count("prefix cache: "), 1);
  chat.Say("And on");
  EXPECT_EQ(Texts(Saved(chat), "user"), (Strings{"Hello", "And on"}));
  chat.Send(kEndOfInput);
  EXPECT_EQ(chat.Exit(), 0);
  EXPECT_TRUE(chat.IsAsBefore());
  EXPECT_NE(chat.sent().find("\x1b[?2004l"), std::string::npos);
  EXPECT_TRUE(chat.screen().unknown().empty()) << chat.screen().unknown().front();
}

TEST_F(ChatTerminal, CommandsChangeWhatTheModelIsTold) {
  TerminalProgram chat(Options());
  chat.WaitForPrompt();
  chat.Say("/effort high");
  chat.Say("/developer Answer in rhyme.");
  chat.Say("/system You are a poet.");
  chat.Say("/set temperature 0.5");
  chat.Say("Hello");
  const Json saved = Saved(chat);
  const Json& system = saved["messages"][0]["content"][0];
  EXPECT_EQ(system["reasoning_effort"], "High");
  EXPECT_EQ(system["model_identity"], "You are a poet.");
  EXPECT_EQ(saved["messages"][1]["content"][0]["instructions"], "Answer in rhyme.");
  EXPECT_EQ(saved["settings"]["temperature"], 0.5);
  chat.Say("/new");
  EXPECT_TRUE(Texts(Saved(chat), "user").empty());
}

TEST_F(ChatTerminal, WhatIsNotUnderstoodIsExplained) {
  TerminalProgram chat(Options());
  chat.WaitForPrompt();
  chat.Say("/efort low");
  EXPECT_EQ(chat.Count("did you mean /effort?"), 1);
  chat.Say("/effort hihg");
  EXPECT_EQ(chat.Count("did you mean high?"), 1);
  chat.Say("/load nowhere.json");
  EXPECT_EQ(chat.Count("nowhere.json"), 2);
  chat.Say("/retry");
  EXPECT_EQ(chat.Count("There is no message yet."), 1);
  chat.Say("/help");
  EXPECT_GE(chat.Count("/developer"), 1);
  chat.Enter("/exit");
  EXPECT_EQ(chat.Exit(), 0);
}

TEST_F(ChatTerminal, CtrlCStopsTheAnswerAndNotTheProgram) {
  TerminalProgram chat(Endless());
  chat.WaitForPrompt();
  chat.Enter("Tell me everything");
  chat.WaitFor("│ ");
  chat.Send(kInterrupt);
  chat.WaitFor("(stopped)");
  chat.WaitForPrompt();
  const Json saved = Saved(chat);
  EXPECT_FALSE(Texts(saved, "assistant").empty());  // what was said so far
  chat.Send("half a line");
  chat.WaitFor("half a line");
  chat.Send(kInterrupt);
  chat.WaitForPrompt();
  chat.Send(kInterrupt);
  chat.WaitFor("Ctrl-C again leaves");
  chat.WaitForPrompt();
  chat.Send(kInterrupt);
  EXPECT_EQ(chat.Exit(), 0);
}

TEST_F(ChatTerminal, ThinkingIsFoldedAndCanBeSeen) {
  TerminalProgram chat(Options());
  chat.WaitForPrompt();
  // Not every answer of this model begins with thinking.
  const auto say_until = [&](const std::string& text, int count) {
    for (int i = 0; i < 20 && chat.Count(text) < count; ++i) {
      chat.Say("/new");
      chat.Say(fmt::format("Hello {}", i));
    }
    EXPECT_GE(chat.Count(text), count) << text;
  };
  say_until("thought for ", 1);
  EXPECT_EQ(chat.Count("│ "), 0);
  chat.Send("\x0f");  // Ctrl-O
  chat.WaitFor("│ ");
  chat.WaitForPrompt();
  const int seen = chat.Count("│ ");
  chat.Say("/think hide");
  for (int i = 0; i < 5; ++i) chat.Say("Again");
  EXPECT_EQ(chat.Count("thought for "), 1);
  EXPECT_EQ(chat.Count("│ "), seen);
  chat.Say("/think show");
  say_until("│ ", seen + 1);
}

TEST_F(ChatTerminal, CtrlOUnfoldsTheThinkingThatGoesBy) {
  TerminalProgram chat(Endless());
  chat.WaitForPrompt();
  chat.Enter("Tell me everything");
  chat.WaitFor("│ ");
  chat.Send("\x0f");
  chat.WaitUntil("more rows than are folded", [&] { return chat.Count("│ ") > 8; });
  chat.Send(kInterrupt);
  chat.WaitFor("(stopped)");
  EXPECT_GT(chat.Count("│ "), 8);
}

TEST_F(ChatTerminal, ANarrowerTerminalWhileAnAnswerStreams) {
  TerminalProgram chat(Endless());
  chat.WaitForPrompt();
  chat.Say("/think show");
  chat.Enter("Tell me everything");
  chat.WaitUntil("some rows", [&] { return chat.Count("│ ") > 3; });
  chat.Resize(30, 12);
  const int before = chat.Count("│ ");
  chat.WaitUntil("more rows", [&] { return chat.Count("│ ") > before + 10; });
  chat.Send(kInterrupt);
  chat.WaitForPrompt();
  // Cut lines would run over into rows without a margin.
  const Strings lines = chat.screen().Lines();
  const auto stopped = std::find(lines.begin(), lines.end(), "(stopped)");
  ASSERT_NE(stopped, lines.end());
  for (auto line = stopped - 10; line != stopped; ++line) {
    EXPECT_TRUE(line->starts_with("│")) << *line;
  }
  chat.Resize(100, 30);
  chat.Say("/effort low");
  EXPECT_EQ(chat.Count("effort: low"), 1);
}

TEST_F(ChatTerminal, ResizingAtThePromptKeepsTheLine) {
  TerminalProgram chat(Options());
  chat.WaitForPrompt();
  chat.Send("/effort");
  chat.WaitFor("> /effort");
  chat.Resize(40, 20);
  chat.Send(" high\r");
  chat.WaitFor("effort: high");
}

TEST_F(ChatTerminal, TwentyColumnsAreEnough) {
  TerminalOptions options = Options(ThinkingThenText());
  options.columns = 20;
  TerminalProgram chat(options);
  chat.WaitForPrompt();
  chat.Say("/think show");
  chat.Say("/help");
  chat.Say("Hello");
  // The last column stays free, and all words are there.
  const Strings lines = chat.screen().Lines();
  std::string shown;
  for (auto line = std::find(lines.begin(), lines.end(), "> /think show"); line != lines.end();
       ++line) {
    EXPECT_LT(DisplayWidth(*line), 20) << *line;
    shown += *line + " ";
  }
  chat.Resize(100, 24);
  const Json saved = Saved(chat);
  EXPECT_EQ(Texts(saved, "assistant").size(), 2u);  // thinking and an answer
  for (const std::string& text : Texts(saved, "assistant")) {
    std::istringstream words(text);
    for (std::string word; words >> word;) {
      EXPECT_NE(shown.find(word), std::string::npos) << word << " in " << shown;
    }
  }
  chat.Resize(20, 24);
  chat.Say("/stats");
  chat.Send("a line that is longer than the terminal is wide, and more");
  chat.WaitUntil("its end", [&] { return chat.screen().CursorLine().ends_with("more"); });
  chat.Send(kInterrupt);
  chat.WaitForPrompt();
  chat.Send(kEndOfInput);
  EXPECT_EQ(chat.Exit(), 0);
}

TEST_F(ChatTerminal, APasteOfTenThousandCharactersIsOneMessage) {
  TerminalProgram chat(Options());
  chat.WaitForPrompt();
  std::string text;
  for (int i = 0; text.size() < 9900; ++i) text += fmt::format("line {} of what is pasted\n", i);
  text += std::string(10'000 - text.size(), 'x');
  const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
  const std::string shown = fmt::format("[pasted {} lines, 10,000 characters]", lines);
  chat.Send("/developer ");
  std::string typed = text;
  std::replace(typed.begin(), typed.end(), '\n', '\r');
  chat.Paste(typed);
  chat.WaitFor(shown);
  chat.Send("\r");
  chat.WaitForPrompt();
  EXPECT_EQ(Saved(chat)["messages"][1]["content"][0]["instructions"], text);
  // As a message it is more than this model's context holds, which is said.
  chat.Say("/developer off");
  chat.Send("Read: ");
  chat.Paste(typed);
  chat.WaitFor("Read: " + shown);
  chat.Send("\r");
  chat.WaitFor("expected at most 1023 tokens");
  chat.WaitForPrompt();
  chat.Say("Then just hello");
  EXPECT_EQ(Texts(Saved(chat), "user"), (Strings{"Then just hello"}));
}

TEST_F(ChatTerminal, CtrlCInsideOfAPasteIsNoKey) {
  const fs::path other = dir() / "other.json";
  TerminalProgram chat(Options());
  chat.WaitForPrompt();
  const std::string text = fmt::format("one\x03\r/save {}\r\x1a\x03two", other.string());
  chat.Paste(text);
  chat.WaitUntil("the paste", [&] { return chat.screen().CursorLine().ends_with("two"); });
  chat.Say("");
  EXPECT_FALSE(fs::exists(other));
  EXPECT_EQ(Texts(Saved(chat), "user"),
            (Strings{fmt::format("one\n/save {}\ntwo", other.string())}));
  // One whose end is lost ends as well.
  chat.Send("\x1b[200~half a paste");
  chat.WaitUntil("it", [&] { return chat.screen().CursorLine() == "> half a paste"; });
  chat.Send(kInterrupt);
  chat.WaitForPrompt();
}

TEST_F(ChatTerminal, MessagesOfSeveralLines) {
  TerminalProgram chat(Options());
  chat.WaitForPrompt();
  chat.Send("one\x1b\rtwo");  // Alt-Enter
  chat.WaitFor("> one⏎two");
  chat.Say("");
  chat.Send("three\\\r");
  chat.WaitUntil("the next line", [&] { return chat.screen().CursorLine() == "…"; });
  chat.Say("four");
  chat.Paste("five\rsix");
  chat.WaitFor("five⏎six");
  chat.Say("");
  chat.Send("\"\"\"\r");
  chat.WaitFor("\"\"\"");
  chat.Send("seven\r\reight\r");
  chat.Say("\"\"\"");
  EXPECT_EQ(Texts(Saved(chat), "user"),
            (Strings{"one\ntwo", "three\nfour", "five\nsix", "seven\n\neight"}));
}

TEST_F(ChatTerminal, AFullContextLosesItsOldestMessagesAndSaysSo) {
  TerminalProgram chat(Options());
  chat.WaitForPrompt();
  std::string text;
  for (int i = 0; i < 25; ++i) text += "the lamp on the wall and ";
  int messages = 0;
  while (messages < 12 && chat.Count("The context is full") == 0) {
    chat.Send(text + std::to_string(++messages));
    chat.Say(" ");
  }
  EXPECT_EQ(chat.Count("The context is full"), 1);
  for (int i = 0; i < 4; ++i) {
    chat.Send(text + std::to_string(++messages));
    chat.Say(" ");
  }
  EXPECT_EQ(chat.Count("The context is full"), 1);  // it goes on being full
  EXPECT_EQ(Texts(Saved(chat), "user").size(), static_cast<size_t>(messages));  // none is lost
  chat.Say("/stats");
  EXPECT_EQ(chat.Count("messages left out"), 1);
}

TEST_F(ChatTerminal, WideCharactersAreTypedShownAndSent) {
  TerminalProgram chat(Options());
  chat.WaitForPrompt();
  chat.Say("日本語 und Grüße 🎉");
  EXPECT_EQ(chat.Count("日本語 und Grüße 🎉"), 1);
  EXPECT_EQ(Texts(Saved(chat), "user"), (Strings{"日本語 und Grüße 🎉"}));
}

TEST_F(ChatTerminal, HistoryOutlivesTheProgramForItsOwnerAlone) {
  {
    TerminalProgram chat(Options());
    chat.WaitForPrompt();
    chat.Say("the first message");
    chat.Say("the second message");
    chat.Say(" a secret");
    chat.Send(kUp);
    chat.WaitFor("> the second message");
    chat.Send(kEndOfInput);
  }
  const fs::path file = dir() / ".local" / "state" / "fairlead" / "history";
  EXPECT_EQ(ReadText(file), "the first message\nthe second message\n");
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  TerminalProgram chat(Options());
  chat.WaitForPrompt();
  chat.Send(kUp);
  chat.Send(kUp);
  chat.WaitFor("> the first message");
  chat.Send("\r");
  chat.WaitForPrompt();
  EXPECT_EQ(Texts(Saved(chat), "user"), (Strings{"the first message"}));
}

TEST_F(ChatTerminal, RetryAndEditAnswerTheLastMessageAnew) {
  TerminalProgram chat(Options(Babble()));
  chat.WaitForPrompt();
  chat.Say("Hello");
  const Strings first = Texts(Saved(chat), "assistant");
  chat.Say("/retry");
  const Json again = Saved(chat);
  EXPECT_EQ(Texts(again, "user"), (Strings{"Hello"}));
  EXPECT_NE(Texts(again, "assistant"), first);
  chat.Enter("/edit");
  chat.WaitUntil("the message", [&] { return chat.screen().CursorLine() == "> Hello"; });
  chat.Say(" there");
  EXPECT_EQ(Texts(Saved(chat), "user"), (Strings{"Hello there"}));
  // Leaving the line leaves the conversation as it is.
  chat.Enter("/edit");
  chat.WaitUntil("the message", [&] { return chat.screen().CursorLine() == "> Hello there"; });
  chat.Send(kInterrupt);
  chat.WaitFor("(kept as it was)");
  chat.WaitForPrompt();
  EXPECT_EQ(Texts(Saved(chat), "user"), (Strings{"Hello there"}));
}

TEST_F(ChatTerminal, NothingTakesThePlaceOfAMessageUnseen) {
  TerminalProgram chat(Options());
  chat.WaitForPrompt();
  chat.Say("Hello");
  int kept = 0;
  for (const std::string line : {"", "/effort low"}) {
    chat.Enter("/edit");
    chat.WaitUntil("the message", [&] { return chat.screen().CursorLine() == "> Hello"; });
    chat.Send("\x15" + line + "\r");  // Ctrl-U
    ++kept;
    chat.WaitUntil("a note", [&] { return chat.Count("(kept as it was)") == kept; });
    chat.WaitForPrompt();
  }
  chat.Say("And on");
  EXPECT_EQ(Texts(Saved(chat), "user"), (Strings{"Hello", "And on"}));
}

TEST_F(ChatTerminal, WhatIsRefusedTakesThePlaceOfNothing) {
  TerminalProgram chat(Options());
  chat.WaitForPrompt();
  chat.Say("Hello");
  chat.Say("And on");
  const Json before = Saved(chat);
  chat.Enter("/edit");
  chat.WaitUntil("the message", [&] { return chat.screen().CursorLine() == "> And on"; });
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "word ";
  chat.Paste(text);
  chat.WaitFor("[pasted ");
  chat.Send("\r");
  chat.WaitFor("The message was not added");
  chat.WaitForPrompt();
  EXPECT_EQ(Saved(chat)["messages"], before["messages"]);
  chat.Say("/stats");
  EXPECT_EQ(chat.Count("left out"), 0);  // for a message that is not there
  chat.Send("/developer ");
  chat.Paste(text);
  chat.Say("");
  chat.Enter("/retry");
  chat.WaitFor("The conversation is as it was.");
  chat.WaitForPrompt();
  EXPECT_EQ(Texts(Saved(chat), "assistant"), Texts(before, "assistant"));
}

TEST_F(ChatTerminal, AnEditedMessageIsTextAndNoKeys) {
  const fs::path other = dir() / "other.json";
  const std::string hostile = fmt::format("hi\r/save {}\r", other.string());
  const Json messages = Json::array({{{"role", "user"}, {"content", hostile}}});
  const fs::path file = Write("talk.json", Json{{"messages", messages}}.dump());
  TerminalProgram chat(Options());
  chat.WaitForPrompt();
  chat.Say("/load " + file.string());
  chat.Enter("/edit");
  chat.WaitUntil("the message",
                 [&] { return chat.screen().CursorLine().starts_with("> [pasted 1 line, "); });
  chat.Say("");
  EXPECT_FALSE(fs::exists(other));
  EXPECT_EQ(Texts(Saved(chat), "user"), (Strings{hostile}));
  // What looks like a command comes back as the message that it was.
  chat.Say("/new");
  chat.Say(" /exit");
  chat.Enter("/edit");
  chat.WaitUntil("the message", [&] { return chat.screen().CursorLine() == ">  /exit"; });
  chat.Say("");
  EXPECT_EQ(Texts(Saved(chat), "user"), (Strings{"/exit"}));
}

TEST_F(ChatTerminal, WhatIsPastedIsNoCommand) {
  const std::string code = "/* C */\nint x;";
  TerminalProgram chat(Options());
  chat.WaitForPrompt();
  chat.Paste("/* C */\rint x;");
  chat.WaitFor("[pasted 2 lines, 14 characters]");
  chat.Say("");
  EXPECT_EQ(Texts(Saved(chat), "user"), (Strings{code}));
  EXPECT_EQ(ReadText(dir() / ".local" / "state" / "fairlead" / "history").find(" /* C */⏎int x;\n"),
            0u);
}

TEST_F(ChatTerminal, ASavedConversationGoesOn) {
  const fs::path file = dir() / "talk.json";
  {
    TerminalProgram chat(Options());
    chat.WaitForPrompt();
    chat.Say("/effort low");
    chat.Say("Hello");
    chat.Say("/save " + file.string());
    EXPECT_EQ(chat.Count("Saved 1 message"), 1);
  }
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  TerminalProgram chat(Options());
  chat.WaitForPrompt();
  chat.Say("/load " + file.string());
  EXPECT_EQ(chat.Count("> Hello"), 1);
  chat.Say("And on");
  const Json saved = Saved(chat);
  EXPECT_EQ(Texts(saved, "user"), (Strings{"Hello", "And on"}));
  EXPECT_EQ(saved["messages"][0]["content"][0]["reasoning_effort"], "Low");
}

TEST_F(ChatTerminal, ADumbTerminalIsSentNoControls) {
  TerminalOptions options = Options();
  options.type = "dumb";
  TerminalProgram chat(options);
  chat.WaitForPrompt();
  chat.Send("Hello\n");
  chat.WaitFor("thought for ");
  chat.WaitForPrompt();
  chat.Send("/exit\n");
  EXPECT_EQ(chat.Exit(), 0);
  EXPECT_EQ(chat.sent().find('\x1b'), std::string::npos);
}

TEST_F(ChatTerminal, WithoutColourNothingIsColoured) {
  TerminalOptions options = Options();
  options.environment["NO_COLOR"] = "1";
  TerminalProgram plain(options);
  plain.WaitForPrompt();
  plain.Say("Hello");
  EXPECT_EQ(plain.sent().find("\x1b[2m"), std::string::npos);
  TerminalProgram coloured(Options());
  coloured.WaitForPrompt();
  coloured.Say("Hello");
  EXPECT_NE(coloured.sent().find("\x1b[2m"), std::string::npos);
}

TEST_F(ChatTerminal, ATerminalThatIsClosedEndsTheProgram) {
  TerminalProgram chat(Endless());
  chat.WaitForPrompt();
  chat.Enter("Tell me everything");
  chat.WaitFor("│ ");
  chat.Close();
  EXPECT_NE(chat.Exit(), -1);
}

TEST_F(ChatTerminal, ARequestToEndLeavesTheTerminalAsItWas) {
  TerminalProgram chat(Endless());
  chat.WaitForPrompt();
  chat.Enter("Tell me everything");
  chat.WaitFor("│ ");
  chat.Signal(SIGTERM);
  EXPECT_NE(chat.Exit(), -1);
  EXPECT_TRUE(chat.IsAsBefore());
}

}  // namespace
}  // namespace fairlead::e2e

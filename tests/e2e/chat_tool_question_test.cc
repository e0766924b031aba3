// What a model may run on this machine, and who says so.
#include <csignal>

#include "tests/e2e/chat_terminal.h"

namespace fairlead::e2e {
namespace {

TEST_F(ChatTerminal, AToolRunsWhenTheUserSaysYes) {
  TerminalProgram chat(Calling(WriteTools(R"(["echo", "the output of it"])")));
  chat.WaitForPrompt();
  chat.Send(std::string(kDateQuestion) + "\ry");  // typed before the question: no answer to it
  chat.WaitFor("Run echo 'the output of it'? ");
  // Nor is anything but a line that says yes or no.
  chat.Send("Thanks a lot\r");
  chat.WaitFor("Please answer y, n or a");
  chat.Paste("y\r");
  chat.Send("\x1b[Ay\x7fn\r");
  chat.WaitFor("does not allow this call");
  // What was typed early is in the next line.
  chat.WaitUntil("it", [&] { return chat.screen().CursorLine() == "> y"; });
  chat.Send(kInterrupt);
  chat.WaitForPrompt();
  EXPECT_EQ(Texts(Saved(chat), "tool").front(), "error: the user does not allow this call");
  int asked = chat.Count("Run echo");
  EXPECT_EQ(asked, 2);
  chat.Say("/new");
  chat.Enter(kDateQuestion);
  chat.WaitUntil("the question", [&] { return chat.Count("Run echo") == asked + 1; });
  chat.Send("y\r");
  chat.WaitFor("functions.today → the output of it");
  chat.WaitForPrompt();
  EXPECT_EQ(Texts(Saved(chat), "tool").front(), "the output of it\n");
  chat.Say("/new");
  chat.Enter(kDateQuestion);
  asked += 2;
  chat.WaitUntil("the question", [&] { return chat.Count("Run echo") == asked; });
  chat.Send("a\r");
  chat.WaitForPrompt();
  chat.Say(kDateQuestion);  // nobody is asked any more
  EXPECT_EQ(chat.Count("Run echo"), asked);
  EXPECT_GE(chat.Count("functions.today → the output of it"), 3);
}

TEST_F(ChatTerminal, TheQuestionIsShownAgainAfterAStop) {
  TerminalProgram chat(Calling(WriteTools(R"(["echo", "two words"])")));
  chat.WaitForPrompt();
  chat.Enter(kDateQuestion);
  chat.WaitFor("Run echo 'two words'? ");
  const auto shown = [&] {
    int count = 0;
    for (size_t at = 0; (at = chat.sent().find("Run echo", at)) != std::string::npos; ++at) ++count;
    return count;
  };
  EXPECT_EQ(shown(), 1);
  chat.Signal(SIGSTOP);
  chat.Signal(SIGCONT);
  chat.WaitUntil("the question", [&] { return shown() == 2; });
  chat.Send(kInterrupt);
  chat.WaitFor("does not allow this call");
  chat.WaitForPrompt();
  chat.Enter(kDateQuestion);
  chat.WaitUntil("the question", [&] { return shown() > 3; });
  chat.Send(kEndOfInput);
  EXPECT_EQ(chat.Exit(), 0);
}

TEST_F(ChatTerminal, CtrlCStopsAToolThatRuns) {
  const fs::path pid = dir() / "pid";
  const fs::path tools = WriteTools(fmt::format(
      R"(["sh", "-c", "sleep 300 & echo $! > {0}.new; mv {0}.new {0}; wait"])", pid.string()));
  TerminalOptions options = Calling(tools);
  options.arguments.emplace_back("--yes_to_tools");
  TerminalProgram chat(options);
  chat.WaitForPrompt();
  chat.Enter(kDateQuestion);
  chat.WaitUntil("the tool", [&] { return fs::exists(pid); });
  chat.Send(kInterrupt);
  chat.WaitFor("the user stopped it");
  chat.WaitForPrompt();
  // What the command started is gone as well.
  const int sleeper = std::stoi(ReadText(pid));
  chat.WaitUntil("its end", [&] {
    return ::kill(sleeper, 0) != 0 ||
           ReadText(fmt::format("/proc/{}/stat", sleeper)).find(") Z ") != std::string::npos;
  });
  chat.Say("/new");
}

TEST_F(ChatTerminal, ADumbTerminalAsksForToolsInLines) {
  TerminalOptions options = Calling(WriteTools(R"(["echo", "output"])"));
  options.type = "dumb";
  TerminalProgram chat(options);
  chat.WaitForPrompt();
  chat.Send(fmt::format("{}\n", kDateQuestion));
  chat.WaitFor("Run echo output? ");
  chat.Send("thanks\n");
  chat.WaitFor("Please answer y, n or a");
  chat.WaitUntil("the question", [&] { return chat.Count("Run echo") == 2; });
  chat.Send("yes\n");
  chat.WaitFor("functions.today → output");
  chat.WaitForPrompt();
  EXPECT_EQ(chat.sent().find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace fairlead::e2e

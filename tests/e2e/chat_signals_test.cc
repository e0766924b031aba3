// Signals that end `fairlead chat` in a terminal.
#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "tests/e2e/chat_model.h"
#include "tests/e2e/program.h"
#include "tests/e2e/terminal_program.h"

namespace fairlead::e2e {
namespace {

namespace fs = std::filesystem;

class ChatSignals : public ProgramTest {
 protected:
  TerminalOptions Options(std::vector<std::string> more) const {
    more.insert(more.begin(), {"chat", TinyModel().string(), "--date", "none"});
    return {.arguments = std::move(more), .home = dir()};
  }
  TerminalOptions Endless() const {
    std::vector<std::string> more = EndlessAnswer();
    more.insert(more.end(), {"--backend", "reference"});
    return Options(std::move(more));
  }
};

TEST_F(ChatSignals, LeaveTheTerminalAsItWas) {
  for (const int signal : {SIGTERM, SIGHUP, SIGQUIT}) {
    TerminalProgram chat(Endless());
    chat.WaitForPrompt();
    chat.Enter("Tell me everything");
    chat.WaitFor("│ ");
    chat.Signal(signal);
    EXPECT_EQ(chat.Exit(), 128 + signal);
    EXPECT_TRUE(chat.IsAsBefore()) << signal;
  }
}

TEST_F(ChatSignals, EndAtThePromptToo) {
  TerminalProgram chat(Endless());
  chat.WaitForPrompt();
  chat.Send("half a line");
  chat.WaitFor("half a line");
  chat.Signal(SIGQUIT);
  EXPECT_EQ(chat.Exit(), 128 + SIGQUIT);
  EXPECT_TRUE(chat.IsAsBefore());
}

TEST_F(ChatSignals, EndAChatThatCtrlSHolds) {
  TerminalProgram chat(Endless());
  chat.WaitForPrompt();
  chat.Enter("Tell me everything");
  chat.WaitFor("│ ");
  chat.Send("\x13");
  chat.Signal(SIGTERM);
  EXPECT_EQ(chat.Exit(), 128 + SIGTERM);
}

TEST_F(ChatSignals, EndTheToolThatRuns) {
  const fs::path number = dir() / "pid";
  const fs::path tools =
      Write("tools.json",
            DateTool(fmt::format(R"(["sh", "-c", "echo $$ > {0}.new; mv {0}.new {0}; sleep 100"])",
                                 number.string())));
  std::vector<std::string> more = DateCall();
  more.insert(more.end(),
              {"--tools", tools.string(), "--tool_choice", "required", "--yes_to_tools"});
  TerminalProgram chat(Options(std::move(more)));
  chat.WaitForPrompt();
  chat.Enter(kDateQuestion);
  ASSERT_TRUE(chat.WaitUntil("the tool", [&] { return fs::exists(number); }));
  chat.Send("\x1c");
  EXPECT_EQ(chat.Exit(), 128 + SIGQUIT);
  EXPECT_EQ(::kill(std::stoi(ReadText(number)), 0), -1);
}

}  // namespace
}  // namespace fairlead::e2e

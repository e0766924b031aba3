// Commands that a model asks for.
#include "cli/chat/tools.h"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>

#include "tests/base/temp_dir.h"

namespace fairlead {
namespace {

using Clock = std::chrono::steady_clock;

// As the program does.
[[maybe_unused]] const auto kIgnorePipes = std::signal(SIGPIPE, SIG_IGN);

bool Never() { return false; }

CommandTool Tool(std::vector<std::string> command) {
  CommandTool tool;
  tool.tool.name = "tool";
  tool.command = std::move(command);
  return tool;
}

ToolOutput Shell(const std::string& script, const std::string& arguments = "{}") {
  return RunCommandTool(Tool({"sh", "-c", script}), arguments, Never);
}

TEST(ToolRunner, ACommandReadsItsArgumentsAndAnswers) {
  const ToolOutput output = RunCommandTool(Tool({"cat"}), R"({"city": "Köln"})", Never);
  EXPECT_FALSE(output.failed);
  EXPECT_EQ(output.text, "{\"city\": \"Köln\"}\n");
}

TEST(ToolRunner, WordsAreNoShell) {
  EXPECT_EQ(RunCommandTool(Tool({"echo", "$HOME; ls > x", "`id`"}), "{}", Never).text,
            "$HOME; ls > x `id`\n");
}

TEST(ToolRunner, AFailureSaysWhatItWas) {
  const ToolOutput output = Shell("echo out; echo err >&2; exit 3");
  EXPECT_TRUE(output.failed);
  EXPECT_EQ(output.text, "error: exit code 3\nout\n\nerr\n");
  EXPECT_EQ(Shell("kill -TERM $$").text, "error: ended by signal 15");
  const ToolOutput missing = RunCommandTool(Tool({"/nowhere/program"}), "{}", Never);
  EXPECT_TRUE(missing.failed);
  EXPECT_NE(missing.text.find("cannot run /nowhere/program"), std::string::npos);
}

TEST(ToolRunner, OutputIsLimitedAndIsUtf8) {
  const ToolOutput output = Shell("head -c 100000 /dev/zero | tr '\\0' x; printf '\\377'");
  EXPECT_FALSE(output.failed);
  EXPECT_LT(output.text.size(), 33'000u);
  EXPECT_NE(output.text.find("[67233 more bytes left out]"), std::string::npos)
      << output.text.substr(32'000);
  EXPECT_EQ(Shell("printf 'a\\377b'").text, "a\uFFFDb");
}

// What a command leaves in the pipe when it ends is counted too.
TEST(ToolRunner, EveryByteThatIsLeftOutIsCounted) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_NE(
        Shell("head -c 90000 /dev/zero | tr '\\0' x").text.find("[57232 more bytes left out]"),
        std::string::npos);
  }
}

TEST(ToolRunner, OutputIsCutAtACharacterAndSaysHowMuchIsMissing) {
  EXPECT_EQ(CutOutput("0123456789", 4), "0123\n[6 more bytes left out]");
  EXPECT_EQ(CutOutput(CutOutput("0123456789", 4), 2), "01\n[8 more bytes left out]");
  EXPECT_EQ(CutOutput("a\u00fcb", 2), "a\n[3 more bytes left out]");
  EXPECT_EQ(CutOutput("0123", 0), "\n[4 more bytes left out]");
  EXPECT_EQ(CutOutput("0123", 4), "0123");
  EXPECT_EQ(CutOutput("", 4), "");
  // What only looks like it.
  EXPECT_EQ(CutOutput("ab\n[x more bytes left out]", 2), "ab\n[24 more bytes left out]");
}

TEST(ToolRunner, TimeIsLimitedForAllThatACommandStarts) {
  CommandTool tool = Tool({"sh", "-c", "echo begun; sleep 100 & sleep 100"});
  tool.limit = std::chrono::milliseconds(200);
  const auto start = Clock::now();
  const ToolOutput output = RunCommandTool(tool, "{}", Never);
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(20));
  EXPECT_TRUE(output.failed);
  EXPECT_EQ(output.text, "error: stopped after 0.2 seconds\nbegun\n");
}

TEST(ToolRunner, AnEndlessPrinterEnds) {
  CommandTool tool = Tool({"yes"});
  tool.limit = std::chrono::milliseconds(200);
  EXPECT_TRUE(RunCommandTool(tool, "{}", Never).failed);
}

TEST(ToolRunner, TheUserStopsIt) {
  int asked = 0;
  const ToolOutput output =
      RunCommandTool(Tool({"sleep", "100"}), "{}", [&] { return ++asked > 2; });
  EXPECT_TRUE(output.interrupted);
}

TEST(ToolRunner, OneThatReadsNothingAndOneThatClosesEverythingEnd) {
  EXPECT_EQ(Shell("echo done", std::string(1 << 20, 'x')).text, "done\n");
  EXPECT_EQ(Shell("exec >&- 2>&- <&-; sleep 0.2").text, "");
  // A grandchild that keeps the output open does not keep us.
  const auto start = Clock::now();
  EXPECT_EQ(Shell("sleep 100 & echo done").text, "done\n");
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(20));
}

class ToolFile : public ::testing::Test {
 protected:
  Result<std::vector<CommandTool>> Read(std::string_view text) {
    return ReadToolFile(dir_.Write("tools.json", text));
  }

  TempDir dir_;
};

TEST_F(ToolFile, IsReadWhole) {
  const auto tools = Read(R"([{"name": "now", "command": ["date", "-u"]},
      {"name": "weather", "description": "In a city", "timeout_seconds": 2.5,
       "parameters": {"type": "object"}, "command": ["w"]}])");
  ASSERT_TRUE(tools.has_value()) << tools.error().message;
  ASSERT_EQ(tools->size(), 2u);
  EXPECT_EQ((*tools)[0].command, (std::vector<std::string>{"date", "-u"}));
  EXPECT_FALSE((*tools)[0].tool.parameters.has_value());
  EXPECT_EQ((*tools)[1].limit, std::chrono::milliseconds(2500));
  EXPECT_TRUE((*tools)[1].tool.parameters.has_value());
}

TEST_F(ToolFile, ProgramsBesideItAreFoundFromAnywhere) {
  const auto tools = Read(R"([{"name": "a", "command": ["./a", "./b"]},
      {"name": "b", "command": ["../b"]}, {"name": "c", "command": ["c"]},
      {"name": "d", "command": ["/d"]}, {"name": "e", "command": [".e/f"]}])");
  ASSERT_TRUE(tools.has_value()) << tools.error().message;
  const std::string folder = dir_.path().string();
  EXPECT_EQ((*tools)[0].command, (std::vector<std::string>{folder + "/a", "./b"}));
  EXPECT_EQ((*tools)[1].command[0], folder + "/../b");
  EXPECT_EQ((*tools)[2].command[0], "c");
  EXPECT_EQ((*tools)[3].command[0], "/d");
  EXPECT_EQ((*tools)[4].command[0], ".e/f");
}

TEST_F(ToolFile, EveryMistakeIsNamed) {
  const std::pair<const char*, const char*> mistakes[] = {
      {"{}", "an array"},
      {"[]", "an array"},
      {"[3]", "an object"},
      {R"([{"name": "a b", "command": ["x"]}])", "letters"},
      {R"([{"name": "", "command": ["x"]}])", "letters"},
      {R"([{"command": ["x"]}])", "letters"},
      {R"([{"name": "a"}])", "command"},
      {R"([{"name": "a", "command": "date -u"}])", "command"},
      {R"([{"name": "a", "command": [""]}])", "command"},
      {R"([{"name": "a", "command": ["x", 3]}])", "texts in command"},
      {R"([{"name": "a", "command": ["x\u0000y"]}])", "texts in command"},
      {R"([{"name": "a", "command": ["x"], "comand": 1}])", "did you mean command?"},
      {R"([{"name": "a", "command": ["x"], "timeout_seconds": 0}])", "timeout_seconds"},
      {R"([{"name": "a", "command": ["x"], "parameters": 3}])", "schema"},
      {R"([{"name": "a", "command": ["x"]}, {"name": "a", "command": ["x"]}])", "another name"},
  };
  for (const auto& [text, part] : mistakes) {
    const auto tools = Read(text);
    ASSERT_FALSE(tools.has_value()) << text;
    EXPECT_NE(tools.error().message.find(part), std::string::npos) << tools.error().message;
    EXPECT_NE(tools.error().message.find("tools.json"), std::string::npos);
  }
}

}  // namespace
}  // namespace fairlead

// `fairlead chat` without a terminal.
#include <fmt/format.h>

#include <algorithm>

#include "tests/e2e/chat_model.h"
#include "tests/e2e/program.h"

namespace fairlead::e2e {
namespace {

namespace fs = std::filesystem;

class Chat : public ProgramTest {
 protected:
  static std::vector<std::string> Arguments(const std::vector<std::string>& more,
                                            const std::vector<std::string>& shape) {
    std::vector<std::string> arguments = {"chat", TinyModel().string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    if (std::find(more.begin(), more.end(), "--date") == more.end()) {
      arguments.insert(arguments.end(), {"--date", "none"});
    }
    arguments.insert(arguments.end(), shape.begin(), shape.end());
    return arguments;
  }
  Outcome Ask(const std::string& input, const std::vector<std::string>& more = {},
              const std::vector<std::string>& shape = ThinkingThenText()) const {
    return Fairlead({.arguments = Arguments(more, shape), .input = input});
  }
  Json AskJson(const std::string& input, std::vector<std::string> more = {},
               const std::vector<std::string>& shape = ThinkingThenText()) const {
    more.emplace_back("--json");
    const Outcome outcome = Ask(input, more, shape);
    EXPECT_EQ(outcome.exit_code, 0) << outcome;
    return Json::parse(outcome.out);
  }
  fs::path WriteTools(const std::string& command, const std::string& more = "") {
    return Write("tools.json", DateTool(command, more));
  }
  // Every kind of error is one line and ends with `code`.
  void ExpectError(const Outcome& outcome, int code, const std::string& part) const {
    EXPECT_EQ(outcome.exit_code, code) << outcome;
    EXPECT_EQ(outcome.out, "");
    ASSERT_FALSE(outcome.ErrorLines().empty());
    EXPECT_NE(outcome.ErrorLines().back().find(part), std::string::npos) << outcome;
  }
};

TEST_F(Chat, APipeGetsTheAnswerAndNothingElse) {
  const Outcome outcome = Ask("What is 17+25?\n");
  EXPECT_EQ(outcome.exit_code, 0) << outcome;
  const Json json = AskJson("What is 17+25?\n");
  const Json& choice = json["choices"][0];
  EXPECT_EQ(outcome.out, choice["message"]["content"].get<std::string>() + "\n");
  EXPECT_FALSE(choice["message"]["reasoning"].get<std::string>().empty());
  EXPECT_EQ(choice["finish_reason"], "stop");
  EXPECT_EQ(json["object"], "chat.completion");
  EXPECT_EQ(json["model"], TinyModel().filename().string());
  const Json& usage = json["usage"];
  EXPECT_GT(usage["completion_tokens_details"]["reasoning_tokens"], 0);
  EXPECT_EQ(usage["total_tokens"].get<int>(),
            usage["prompt_tokens"].get<int>() + usage["completion_tokens"].get<int>());
}

TEST_F(Chat, AllOfStdinIsOneMessage) {
  const int one = AskJson("Hello")["usage"]["prompt_tokens"];
  EXPECT_EQ(AskJson("Hello\n\n")["usage"]["prompt_tokens"], one);
  EXPECT_GT(AskJson("Hello\nand\n/help\n")["usage"]["prompt_tokens"], one);
}

TEST_F(Chat, NothingToAnswerIsAUsageError) {
  ExpectError(Ask(""), 2, "expected a message");
  ExpectError(Ask(" \n\n"), 2, "expected a message");
  ExpectError(Ask("broken \xff text"), 2, "UTF-8");
  ExpectError(Ask("", {"--message", ""}), 2, "expected a message");
  ExpectError(Ask("", {"--message", "Hello", "--message", " \n"}), 2, "expected a message");
}

TEST_F(Chat, AMessageLongerThanTheContextIsAUsageError) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += fmt::format("{} ", i);
  ExpectError(Ask(text), 2, "expected at most 1023 tokens");
}

TEST_F(Chat, ThinkingAloneIsNoAnswer) {
  const Outcome outcome = Ask("Hello", {"--max_tokens", "10"}, EndlessAnswer());
  ExpectError(outcome, 1, "expected text");
  EXPECT_EQ(outcome.ErrorLines().size(), 2u + 2u) << outcome;  // and what the cache says
  EXPECT_EQ(
      AskJson("Hello", {"--max_tokens", "10"}, EndlessAnswer())["choices"][0]["finish_reason"],
      "length");
}

// Of a header that was cut off, nothing is an answer; of a text that was, everything.
TEST_F(Chat, AnAnswerBeginsBehindItsHeader) {
  const Json whole = AskJson("Hello")["choices"][0]["message"];
  const std::string content = whole["content"];
  const std::string reasoning = whole["reasoning"];
  const int tokens = AskJson("Hello")["usage"]["completion_tokens"];
  ASSERT_GT(tokens, 20);
  for (int limit = 1; limit < tokens; ++limit) {
    // Near both headers: that of the thinking, and that of the answer.
    if (limit > 12 && limit < tokens - 18) continue;
    const std::vector<std::string> shape = {"--temperature", "0", "--max_tokens",
                                            fmt::format("{}", limit)};
    const Json cut = AskJson("Hello", {}, shape)["choices"][0]["message"];
    const std::string said = cut.value("content", "");
    EXPECT_TRUE(content.starts_with(said)) << limit << ": " << cut;
    EXPECT_TRUE(reasoning.starts_with(cut.value("reasoning", ""))) << limit << ": " << cut;
    const Outcome outcome = Ask("Hello", {}, shape);
    EXPECT_EQ(outcome.exit_code, said.empty() ? 1 : 0) << limit << ": " << outcome;
    EXPECT_EQ(outcome.out, said.empty() ? "" : said + "\n") << limit << ": " << outcome;
    const Outcome free = Ask("Hello", {"--no_header_constraint"}, shape);
    EXPECT_EQ(free.out, outcome.out) << limit;
  }
}

TEST_F(Chat, MessagesMakeATranscript) {
  const std::string out =
      Succeed(Arguments({"--message", "Hello", "--message", "And now?"}, ThinkingThenText()));
  const auto lines = Lines(out);
  ASSERT_GE(lines.size(), 5u) << out;
  EXPECT_EQ(lines[0], "> Hello");
  EXPECT_TRUE(lines[1].starts_with("thought for ")) << out;
  EXPECT_NE(std::find(lines.begin(), lines.end(), "> And now?"), lines.end()) << out;
  EXPECT_EQ(out.find('\x1b'), std::string::npos);
}

TEST_F(Chat, ColourComesWhenItIsAskedFor) {
  const std::vector<std::string> hello = {"--message", "Hello", "--color", "always"};
  const std::string out = Succeed(Arguments(hello, ThinkingThenText()));
  EXPECT_NE(out.find("\x1b[1m> Hello\x1b[0m"), std::string::npos) << out;
}

TEST_F(Chat, TheSameSeedSaysTheSame) {
  const auto answer = [&](const std::string& seed) {
    return AskJson("Hello", {"--seed", seed}, Babble())["choices"][0]["message"];
  };
  const Json one = answer("1");
  EXPECT_FALSE(one.value("reasoning", "").empty() && one.value("content", "").empty()) << one;
  EXPECT_EQ(answer("1"), one);
  EXPECT_TRUE(answer("2") != one || answer("3") != one) << one;
}

TEST_F(Chat, EffortDeveloperSystemAndDateReachTheModel) {
  const int plain = AskJson("Hello")["usage"]["prompt_tokens"];
  EXPECT_GT(AskJson("Hello", {"--developer", "Rhyme."})["usage"]["prompt_tokens"], plain);
  EXPECT_LT(AskJson("Hello", {"--system", "I"})["usage"]["prompt_tokens"], plain);
  const auto answer = [&](const std::string& effort) {
    return AskJson("Hello", {"--effort", effort})["choices"][0]["message"];
  };
  EXPECT_NE(answer("high"), answer("low"));
  EXPECT_GT(AskJson("Hello", {"--date", "2026-01-01"})["usage"]["prompt_tokens"], plain);
}

TEST_F(Chat, BadOptionsAreUsageErrors) {
  ExpectError(Ask("x", {"--effort", "most"}), 2, "--effort");
  ExpectError(Ask("x", {"--think", "loud"}), 2, "--think");
  ExpectError(Ask("x", {"--color", "red"}), 2, "--color");
  ExpectError(Ask("x", {"--tool_choice", "required"}), 2, "tool_choice");
  ExpectError(Ask("x", {"--tools", "nowhere.json"}), 1, "nowhere.json");
  ExpectError(Ask("x", {"--load", "nowhere.json"}), 1, "nowhere.json");
}

TEST_F(Chat, ATokenizerWithoutHarmonyIsRefused) {
  const fs::path model = dir() / "model";
  fs::copy(TinyModel(), model, fs::copy_options::recursive);
  std::string tokenizer = ReadText(model / "tokenizer.json");
  const std::string_view token = "<|channel|>";
  for (size_t at = 0; (at = tokenizer.find(token)) != std::string::npos;) {
    tokenizer.replace(at, token.size(), "<|another|>");
  }
  Write("model/tokenizer.json", tokenizer);
  ExpectError(Fairlead({.arguments = {"chat", model.string()}, .input = "x"}), 1, "<|channel|>");
}

TEST_F(Chat, ToolsRunOnlyWhereTheyAreAllowedTo) {
  const fs::path mark = dir() / "mark";
  const fs::path tools = WriteTools(fmt::format(R"(["touch", "{}"])", mark.string()));
  const std::vector<std::string> call = {"--tools", tools.string(), "--tool_choice", "required"};
  const Outcome asked = Ask(kDateQuestion, call, DateCall());
  EXPECT_NE(asked.err.find("--yes_to_tools"), std::string::npos) << asked;
  EXPECT_FALSE(fs::exists(mark));
  std::vector<std::string> yes = call;
  yes.emplace_back("--yes_to_tools");
  Ask(kDateQuestion, yes, DateCall());
  EXPECT_TRUE(fs::exists(mark));
}

TEST_F(Chat, WhatAToolPrintsIsInTheTranscript) {
  const fs::path tools = WriteTools(R"(["cat"])");
  const std::string out = Succeed(Arguments({"--tools", tools.string(), "--tool_choice", "required",
                                             "--yes_to_tools", "--message", kDateQuestion},
                                            DateCall()));
  EXPECT_NE(out.find("functions.today → {}"), std::string::npos) << out;  // its arguments
}

// 33,000 tokens for a context of 1,024: the model gets what fits, and answers.
TEST_F(Chat, AToolMayPrintMoreThanTheContextHolds) {
  const fs::path tools = WriteTools(R"(["seq", "100000"])");
  const Json json = AskJson(
      kDateQuestion, {"--tools", tools.string(), "--tool_choice", "required", "--yes_to_tools"},
      DateCall());
  EXPECT_NE(json["choices"][0]["message"]["content"], "") << json;
  const int prompt = json["usage"]["prompt_tokens"];  // of both answers
  EXPECT_GT(prompt, 600) << json;
  EXPECT_LT(prompt, 2 * 1024) << json;
}

TEST_F(Chat, ArgumentsThatAreNoJsonAreAnErrorForTheModelAlone) {
  const fs::path tools = WriteTools(R"(["cat"])", R"(, "parameters": {"type": "object"})");
  const std::string out = Succeed(Arguments({"--tools", tools.string(), "--tool_choice", "required",
                                             "--yes_to_tools", "--message", kDateQuestion},
                                            EmptyCall()));
  EXPECT_NE(out.find("functions.today → error: "), std::string::npos) << out;
}

TEST_F(Chat, AHostileConversationIsOneLineOfError) {
  for (const char* text : {"", "{", "[]", "null", "{\"messages\": 3}", "{\"messages\": [3]}",
                           "{\"messages\": [{\"role\": \"pirate\", \"content\": \"x\"}]}",
                           "{\"messages\": [{\"role\": \"assistant\", \"content\": \"x\"}]}",
                           "{\"messages\": [], \"settings\": 3}",
                           "{\"messages\": [], \"settings\": {\"temperature\": \"hot\"}}",
                           "{\"messages\": [], \"settings\": {\"max_tokens\": 0}}"}) {
    const fs::path file = Write("talk.json", text);
    const Outcome outcome = Ask("x", {"--load", file.string()});
    EXPECT_NE(outcome.exit_code, 0) << text;
    EXPECT_NE(outcome.ErrorLines().back().find("talk.json"), std::string::npos) << outcome;
  }
}

TEST_F(Chat, AConversationOfOpenAiHarmonyGoesOn) {
  const fs::path file = Write("talk.json", R"({"messages": [
      {"role": "user", "content": "Hello"},
      {"role": "assistant", "channel": "final", "content": [{"type": "text", "text": "Hi."}]}]})");
  const int plain = AskJson("x")["usage"]["prompt_tokens"];
  EXPECT_GT(AskJson("x", {"--load", file.string()})["usage"]["prompt_tokens"], plain);
}

TEST_F(Chat, FreeHeadersAreAnswersToo) {
  const Outcome outcome = Ask("Hello", {"--no_header_constraint"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome;
  EXPECT_FALSE(outcome.out.empty());
}

TEST_F(Chat, CtrlCEndsAPipeAsASignalDoes) {
  std::vector<std::string> shape = EndlessAnswer();
  shape.insert(shape.end(), {"--backend", "reference"});
  Ask("warm the cache", {"--max_tokens", "1"}, shape);
  const Outcome outcome = Fairlead({.arguments = Arguments({}, shape),
                                    .input = "Hello",
                                    .kill_after = std::chrono::milliseconds(300),
                                    .kill_signal = 2});
  EXPECT_TRUE(outcome.exit_code == 130 || outcome.signal == 2) << outcome;
}

}  // namespace
}  // namespace fairlead::e2e

// Suites of eval items: what is read, and what is refused with file, line and path.
#include "cli/eval/suite_file.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>

#include "chat/openai/contains.h"
#include "tests/base/temp_dir.h"

namespace fairlead {
namespace {

const std::string kRequest =
    R"({"messages": [{"role": "user", "content": "Is it warm in Oslo?"}],
"tools": [{"type": "function", "function": {"name": "weather"}},
{"type": "function", "function": {"name": "clock"}}], "reasoning_effort": "low"})";
const std::string kPlain = R"({"messages": [{"role": "user", "content": "Hello"}]})";
const std::string kCall =
    R"({"call": {"name": "weather", "arguments": {"city": "Oslo"}}, "result": "5 C"})";

std::string OneLineOf(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

std::string ItemOf(const std::string& request, const std::string& expect,
                   const std::string& id = "a/1") {
  return OneLineOf(
      fmt::format(R"({{"id": "{}", "request": {}, "expect": {}}})", id, request, expect));
}

class SuiteFile : public ::testing::Test {
 protected:
  Result<EvalSuite> Read(const std::string& text) {
    return ReadEvalSuite(temp_.Write("sums.jsonl", text));
  }
  std::filesystem::path file() const { return temp_.path() / "sums.jsonl"; }
  EvalItem Item(const std::string& line) {
    auto suite = Read(line);
    EXPECT_TRUE(suite) << suite.error().message;
    return suite ? suite->items.at(0) : EvalItem();
  }
  // A good line, then `line`, of which `message` is said.
  void ExpectBad(const std::string& line, const std::string& message) {
    const auto suite = Read(ItemOf(kPlain, R"([{"final": "Hi"}])", "good") + "\n" + line);
    ASSERT_FALSE(suite) << line;
    EXPECT_EQ(suite.error().message, fmt::format("[eval] {}:2: {}", file().string(), message));
    EXPECT_EQ(suite.error().code, ErrorCode::kInvalidArgument) << line;
  }
  void ExpectBadSteps(const std::string& expect, const std::string& message) {
    ExpectBad(ItemOf(kRequest, expect), message);
  }

  TempDir temp_;
};

TEST_F(SuiteFile, HasItsNameAndItemsInTheirOrder) {
  const auto suite = Read(ItemOf(kPlain, R"([{"final": "Hi"}])", "b") + "\n" +
                          ItemOf(kPlain, R"([{"json": null}])", "a") + "\n\n");
  ASSERT_TRUE(suite) << suite.error().message;
  EXPECT_EQ(suite->name, "sums");
  ASSERT_EQ(suite->items.size(), 2u);
  EXPECT_EQ(suite->items[0].id, "b");
  EXPECT_EQ(suite->items[1].id, "a");
  EXPECT_EQ(std::get<ExpectedText>(suite->items[0].steps.at(0)).text, "Hi");
  EXPECT_EQ(std::get<ExpectedJson>(suite->items[1].steps.at(0)).value, Json(nullptr));
}

TEST_F(SuiteFile, AnItemIsARequestAndWhatIsExpected) {
  const EvalItem item = Item(ItemOf(kRequest, "[" + kCall + R"(, {"final": "Cold"}])"));
  EXPECT_EQ(item.Question(), "Is it warm in Oslo?");
  ASSERT_EQ(item.steps.size(), 2u);
  const auto& call = std::get<ExpectedCall>(item.steps[0]);
  EXPECT_EQ(call.name, "weather");
  EXPECT_EQ(call.arguments, Json({{"city", "Oslo"}}));
  EXPECT_EQ(call.result, "5 C");
  EXPECT_EQ(item.expect.size(), 2u);
  EXPECT_TRUE(Contains(item.request.callable, "functions.clock"));
}

TEST_F(SuiteFile, TheSystemMessageHasTheEffortAndOnlyTheDateThatIsGiven) {
  const auto system = [](const EvalItem& item) {
    return std::get<SystemContent>(item.request.conversation.messages.at(0).content.at(0));
  };
  const EvalItem without = Item(ItemOf(kRequest, R"([{"final": "Hi"}])"));
  EXPECT_EQ(system(without).conversation_start_date, std::nullopt);
  EXPECT_EQ(system(without).reasoning_effort, ReasoningEffort::kLow);
  const EvalItem with = Item(OneLineOf(R"({"id": "a", "date": "2026-11-23", "request": )" + kPlain +
                                       R"(, "expect": [{"final": "Hi"}]})"));
  EXPECT_EQ(system(with).conversation_start_date, "2026-11-23");
  EXPECT_EQ(system(with).reasoning_effort, ReasoningEffort::kMedium);
}

TEST_F(SuiteFile, BadLinesAreErrorsWithTheirNumber) {
  const std::string path = file().string();
  EXPECT_EQ(Read("\n \n").error().message,
            fmt::format("[eval] {}: expected at least one item, got none", path));
  EXPECT_EQ(Read("{").error().message, fmt::format("[eval] {}:1: invalid JSON at byte 2", path));
  ExpectBad("{\"id\": \"\xff\"}", "invalid JSON at byte 9");
  ExpectBad(R"({"id": 1, "id": 2})", "duplicate key \"id\"");
  ExpectBad("[]", "expected an object, got []");
  ExpectBad("7", "expected an object, got 7");
}

TEST_F(SuiteFile, BadItemsAreErrorsWithTheirPath) {
  const std::string rest =
      OneLineOf(R"(, "request": )" + kPlain + R"(, "expect": [{"final": "a"}]})");
  ExpectBad("{}", "id: expected a string, got nothing");
  ExpectBad(R"({"id": 7)" + rest, "id: expected a string, got a number");
  ExpectBad(R"({"id": "")" + rest, "id: expected 1 to 100 bytes, got \"\"");
  ExpectBad(R"({"id": "good")" + rest, "id: expected one that no line above has, got \"good\"");
  ExpectBad(R"({"id": "a", "dat": "2026-11-23")" + rest,
            "dat: expected no such member, got \"2026-11-23\"; did you mean date?");
  ExpectBad(R"({"id": "a", "date": "today")" + rest,
            "date: expected a date such as \"2026-11-23\", got \"today\"");
  ExpectBad(R"({"id": "a", "date": "2026-11-231")" + rest,
            "date: expected a date such as \"2026-11-23\", got \"2026-11-231\"");
  for (const std::string date : {"9999-99-99", "2026-02-29", "2026-00-01", "2026-11-00"}) {
    ExpectBad(fmt::format(R"({{"id": "a", "date": "{}")", date) + rest,
              fmt::format("date: expected a date such as \"2026-11-23\", got \"{}\"", date));
  }
  ExpectBad(R"({"a\nb": "good")" + rest, R"("a\nb": expected no such member, got "good")");
  ExpectBad(fmt::format(R"({{"{}": 1)", std::string(1000000, 'x')) + rest,
            fmt::format("\"{}\"...: expected no such member, got a number", std::string(200, 'x')));
  ExpectBad(R"({"id": "a", "date": null)" + rest,
            "date: expected a date such as \"2026-11-23\", got null");
  ExpectBad(R"({"id": "a"})", "request: expected an object, got nothing");
  ExpectBad(OneLineOf(R"({"id": "a", "request": )" + kPlain + "}"),
            "expect: expected a list, got nothing");
}

TEST_F(SuiteFile, BadRequestsAreErrorsWithTheirPath) {
  const auto bad = [&](const std::string& request, const std::string& message) {
    ExpectBad(ItemOf(request, R"([{"final": "Hi"}])"), message);
  };
  bad("[]", "request: expected an object, got an empty list");
  bad("{}", "request.messages: expected a list of messages, got nothing");
  bad(R"({"messages": [{"role": "user", "content": 7}]})",
      "request.messages[0].content: expected a string or a list of text parts, got a number");
  bad(R"({"messages": [{"role": "wizard", "content": "Hi"}]})",
      "request.messages[0].role: expected \"system\", \"developer\", \"user\", \"assistant\" or "
      "\"tool\", got \"wizard\"");
  bad(R"({"message": [{"role": "user", "content": "Hi"}]})",
      "request.message: expected no such member, got a list; did you mean messages?");
  bad(R"({"messages": [], "temperature": 1})",
      "request.temperature: expected no such member, got a number");
}

TEST_F(SuiteFile, BadStepsAreErrorsWithTheirPath) {
  ExpectBadSteps("{}", "expect: expected a list, got an object");
  ExpectBadSteps("[]", "expect: expected 1 to 8 steps, got 0");
  std::string nine = "[";
  for (int i = 0; i < 8; ++i) nine += kCall + ", ";
  ExpectBadSteps(nine + R"({"final": "a"}])", "expect: expected 1 to 8 steps, got 9");
  ExpectBadSteps("[7]", "expect[0]: expected an object, got a number");
  ExpectBadSteps("[{}]",
                 "expect[0]: expected \"final\" or \"json\", as it is the last one, got an object");
  ExpectBadSteps(R"([{"final": "a", "json": 1}])",
                 "expect[0]: expected either \"final\" or \"json\", not both, got an object");
  ExpectBadSteps(R"([{"final": 7}])", "expect[0].final: expected a string, got a number");
  ExpectBadSteps("[" + kCall + "]", "expect[0].call: expected no such member, got an object");
  ExpectBadSteps(R"([{"final": "a"}, {"final": "a"}])",
                 "expect[0].final: expected no such member, got \"a\"");
  ExpectBadSteps(R"([{"finale": "a"}])",
                 "expect[0].finale: expected no such member, got \"a\"; did you mean final?");
}

TEST_F(SuiteFile, BadCallsAreErrorsWithTheirPath) {
  const auto bad = [&](const std::string& step, const std::string& message) {
    ExpectBadSteps("[" + step + R"(, {"final": "a"}])", message);
  };
  bad(R"({"call": "weather", "result": "a"})",
      "expect[0].call: expected an object, got \"weather\"");
  bad(R"({"result": "a"})", "expect[0].call: expected an object, got nothing");
  bad(R"({"call": {"name": "wether", "arguments": {}}, "result": "a"})",
      "expect[0].call.name: expected a tool of the request (weather, clock), got \"wether\"");
  bad(R"({"call": {"name": 5, "arguments": {}}, "result": "a"})",
      "expect[0].call.name: expected a string, got a number");
  bad(R"({"call": {"name": "clock", "arguments": "{}"}, "result": "a"})",
      "expect[0].call.arguments: expected an object, got \"{}\"");
  bad(R"({"call": {"name": "clock"}, "result": "a"})",
      "expect[0].call.arguments: expected an object, got nothing");
  bad(R"({"call": {"name": "clock", "argument": {}}, "result": "a"})",
      "expect[0].call.argument: expected no such member, got an object; did you mean arguments?");
  bad(R"({"call": {"name": "clock", "arguments": {}}, "result": 12})",
      "expect[0].result: expected a string, got a number");
  bad(R"({"call": {"name": "clock", "arguments": {}}})",
      "expect[0].result: expected a string, got nothing");
  ExpectBad(ItemOf(kPlain, "[" + kCall + R"(, {"final": "a"}])"),
            "expect[0].call.name: expected no call, as the request has no tools, got \"weather\"");
}

TEST_F(SuiteFile, StepsAreWhatToolChoiceAllows) {
  const auto request = [](const std::string& choice) {
    return kRequest.substr(0, kRequest.size() - 1) + R"(, "tool_choice": )" + choice + "}";
  };
  const std::string clock = request(R"({"type": "function", "function": {"name": "clock"}})");
  const std::string clock_call = R"({"call": {"name": "clock", "arguments": {}}, "result": "9"})";
  const std::string last = R"({"final": "a"}])";
  const std::string no_call =
      "expect[0]: expected a call and then the last step, as tool_choice requires one, got an "
      "object";
  ExpectBad(ItemOf(request(R"("required")"), "[" + last), no_call);
  ExpectBad(ItemOf(clock, "[" + last), no_call);
  ExpectBad(ItemOf(clock, "[" + kCall + ", " + last),
            "expect[0].call.name: expected the tool of tool_choice (clock), got \"weather\"");
  ExpectBad(ItemOf(request(R"("none")"), "[" + kCall + ", " + last),
            "expect[0].call.name: expected no call, as tool_choice is \"none\", got \"weather\"");
  // The choice is that of the first call.
  Item(ItemOf(clock, "[" + clock_call + ", " + kCall + ", " + last));
  Item(ItemOf(request(R"("required")"), "[" + kCall + ", " + last));
  Item(ItemOf(request(R"("none")"), "[" + last));
}

TEST_F(SuiteFile, NumbersAreThoseThatAreReadExactly) {
  const std::string expected = "expected integers of 64 bits and other numbers below 2^63, got ";
  ExpectBadSteps(R"([{"json": 18446744073709551617}])", "expect[0].json: " + expected + "a number");
  ExpectBadSteps(R"([{"json": [{"a": -9223372036854775809}]}])",
                 "expect[0].json: " + expected + "a list");
  ExpectBadSteps(
      R"([{"call": {"name": "clock", "arguments": {"n": 1e30}}, "result": "a"}, {"final": "a"}])",
      "expect[0].call.arguments: " + expected + "an object");
  Item(
      ItemOf(kRequest, R"([{"json": [18446744073709551615, -9223372036854775808, 0.5, "1e30"]}])"));
}

TEST_F(SuiteFile, IsARegularFileOfLimitedSize) {
  ASSERT_EQ(::mkfifo(file().c_str(), 0600), 0);
  EXPECT_EQ(ReadEvalSuite(file()).error().message,
            fmt::format("[eval] {}: expected a regular file", file().string()));
  std::filesystem::remove(file());
  temp_.Write("sums.jsonl", "{}");
  std::filesystem::resize_file(file(), (uint64_t{1} << 30) + 1);  // it takes no room
  EXPECT_EQ(
      ReadEvalSuite(file()).error().message,
      fmt::format("[eval] {}: expected at most 1073741824 bytes, got 1073741825", file().string()));
  std::filesystem::create_symlink(temp_.Write("real", ItemOf(kPlain, R"([{"final": "Hi"}])")),
                                  temp_.path() / "link.jsonl");
  const auto linked = ReadEvalSuite(temp_.path() / "link.jsonl");
  ASSERT_TRUE(linked) << linked.error().message;
  EXPECT_EQ(linked->name, "link");
}

class SuiteFolder : public ::testing::Test {
 protected:
  SuiteFolder() {
    for (const char* name : {"sums.jsonl", "dates.jsonl", "notes.txt", ".sums.jsonl"}) {
      temp_.Write(name, ItemOf(kPlain, R"([{"final": "Hi"}])"));
    }
  }
  std::vector<std::string> Names(const std::vector<std::string>& wanted) {
    std::vector<std::string> names;
    const auto suites = ReadEvalSuites(temp_.path(), wanted);
    EXPECT_TRUE(suites) << suites.error().message;
    for (const EvalSuite& suite : suites.value_or(std::vector<EvalSuite>())) {
      names.push_back(suite.name);
    }
    return names;
  }

  TempDir temp_;
};

using SuiteNames = std::vector<std::string>;

TEST_F(SuiteFolder, HasItsSuitesInTheOrderOfTheirNames) {
  EXPECT_EQ(Names({}), (SuiteNames{"dates", "sums"}));
  EXPECT_EQ(Names({"sums"}), SuiteNames{"sums"});
  EXPECT_EQ(Names({"sums", "dates", "sums"}), (SuiteNames{"dates", "sums"}));
}

TEST_F(SuiteFolder, UnknownNamesAreErrorsThatListTheOthers) {
  const auto suites = ReadEvalSuites(temp_.path(), {"sums", "datse"});
  ASSERT_FALSE(suites);
  EXPECT_EQ(suites.error().message,
            "[eval] --suite \"datse\": expected one of dates, sums; did you mean dates?");
  EXPECT_EQ(suites.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(SuiteFolder, NoSuitesAreAnError) {
  const std::filesystem::path none = temp_.path() / "none";
  EXPECT_EQ(ReadEvalSuites(none, {}).error().message,
            fmt::format("[eval] {}: expected a folder of suites (NAME.jsonl), got none; --suites "
                        "DIR names another",
                        none.string()));
  std::filesystem::create_directory(none);
  EXPECT_EQ(ReadEvalSuites(none, {}).error().message,
            fmt::format("[eval] {}: expected suites (NAME.jsonl), got none", none.string()));
  std::filesystem::create_directory(none / "a.jsonl");
  EXPECT_EQ(ReadEvalSuites(none, {}).error().message,
            fmt::format("[eval] {}: expected a regular file", (none / "a.jsonl").string()));
}

}  // namespace
}  // namespace fairlead

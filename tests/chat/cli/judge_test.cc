// Which answers are right.
#include "cli/eval/judge.h"

#include <gtest/gtest.h>

#include "tests/chat/parsed.h"

namespace fairlead {
namespace {

using testing::Parsed;

const std::vector<std::string> kTools = {"functions.weather", "functions.clock"};
const ParsedMessage kThought = Parsed("analysis", "Let me see.");
const ParsedMessage kPreamble = Parsed("commentary", "I look it up.");

ParsedMessage CallOf(const std::string& name, const std::string& arguments) {
  return Parsed("commentary", arguments, "functions." + name);
}

bool Right(const ExpectedStep& step, std::vector<ParsedMessage> messages,
           FinishReason finish = FinishReason::kStop) {
  return IsRight(step, {std::move(messages), finish}, kTools);
}

const ExpectedStep kText = ExpectedText{"It is 5 degrees."};
const ExpectedStep kCall = ExpectedCall{"weather", {{"city", "Oslo"}, {"days", 1}}, "5 C"};
const ExpectedStep kClock = ExpectedCall{"clock", Json::object(), "12:30"};
const std::string kArguments = R"({"city": "Oslo", "days": 1})";

TEST(Judge, ATextIsRightWhenTheFinalMessageSaysIt) {
  EXPECT_TRUE(Right(kText, {Parsed("final", "It is 5 degrees.")}));
  EXPECT_TRUE(Right(kText, {kThought, kPreamble, Parsed("final", "It is 5 degrees.")}));
  EXPECT_TRUE(Right(kText, {Parsed("final", " \n\tIt is 5 degrees.\r\n")}));
  EXPECT_TRUE(Right(ExpectedText{" 42\n"}, {Parsed("final", "42")}));
  EXPECT_TRUE(Right(ExpectedText{""}, {Parsed("final", " ")}));
  EXPECT_FALSE(Right(kText, {Parsed("final", "It is  5 degrees.")}));
  EXPECT_FALSE(Right(kText, {Parsed("final", "it is 5 degrees.")}));
  EXPECT_FALSE(Right(kText, {Parsed("final", "It is 5 degrees. It is cold.")}));
  EXPECT_FALSE(Right(kText, {Parsed("final", "")}));
}

TEST(Judge, ATextHasToBeTheOnlyFinalMessage) {
  EXPECT_FALSE(Right(kText, {}));
  EXPECT_FALSE(Right(kText, {Parsed("analysis", "It is 5 degrees.")}));
  EXPECT_FALSE(Right(kText, {Parsed("commentary", "It is 5 degrees.")}));
  EXPECT_FALSE(Right(kText, {Parsed(std::nullopt, "It is 5 degrees.")}));
  EXPECT_FALSE(Right(kText, {Parsed("final", "Well."), Parsed("final", "It is 5 degrees.")}));
  EXPECT_FALSE(Right(kText, {CallOf("clock", "{}"), Parsed("final", "It is 5 degrees.")}));
}

TEST(Judge, AnAnswerThatDoesNotEndByItselfIsWrong) {
  for (const FinishReason reason :
       {FinishReason::kLength, FinishReason::kCancelled, FinishReason::kError}) {
    EXPECT_FALSE(Right(kText, {Parsed("final", "It is 5 degrees.")}, reason));
    EXPECT_FALSE(Right(kCall, {CallOf("weather", kArguments)}, reason));
  }
}

TEST(Judge, JsonIsComparedAsAValue) {
  const ExpectedStep json = ExpectedJson{{{"name", "Ann"}, {"ages", {1, 2}}}};
  EXPECT_TRUE(Right(json, {Parsed("final", R"({"name": "Ann", "ages": [1, 2]})")}));
  EXPECT_TRUE(Right(json, {Parsed("final", " {\"ages\":[1.0,2],\n\"name\":\"Ann\"}\n")}));
  EXPECT_FALSE(Right(json, {Parsed("final", R"({"name": "Ann", "ages": [2, 1]})")}));
  EXPECT_FALSE(Right(json, {Parsed("final", R"({"name": "Ann", "ages": ["1", 2]})")}));
  EXPECT_FALSE(Right(json, {Parsed("final", R"({"name": "Ann", "ages": [1, 2], "x": null})")}));
  EXPECT_FALSE(Right(json, {Parsed("final", R"({"name": "Ann"})")}));
  EXPECT_FALSE(Right(json, {Parsed("final", R"({"name": "Ann", "ages": [1, 2]} x)")}));
  EXPECT_FALSE(Right(json, {Parsed("final", "Ann")}));
  EXPECT_FALSE(Right(json, {Parsed("final", R"({"name": "A", "name": "Ann", "ages": [1, 2]})")}));
  EXPECT_TRUE(Right(ExpectedJson{nullptr}, {Parsed("final", "null")}));
  EXPECT_FALSE(Right(ExpectedJson{nullptr}, {Parsed("final", "")}));
  EXPECT_FALSE(Right(ExpectedJson{true}, {Parsed("final", "1")}));
}

TEST(Judge, NumbersAreComparedExactly) {
  const auto same = [](const char* expected, const char* answer) {
    const Json json = Json::parse(expected);
    return Right(ExpectedJson{json}, {Parsed("final", answer)}) &&
           Right(ExpectedJson{Json::array({json})}, {Parsed("final", fmt::format("[{}]", answer))});
  };
  EXPECT_TRUE(same("1", "1.0"));
  EXPECT_TRUE(same("1.0", "1"));
  EXPECT_TRUE(same("-2", "-2e0"));
  EXPECT_TRUE(same("0", "-0.0"));
  EXPECT_TRUE(same("0.1", "1e-1"));
  EXPECT_TRUE(same("18446744073709551615", "18446744073709551615"));
  EXPECT_TRUE(same("9007199254740992", "9007199254740992.0"));
  EXPECT_FALSE(same("1", "1.5"));
  EXPECT_FALSE(same("0.1", "0.2"));
  EXPECT_FALSE(same("-1", "18446744073709551615"));
  EXPECT_FALSE(same("18446744073709551615", "-1"));
  EXPECT_FALSE(same("9007199254740993", "9007199254740992.0"));
  EXPECT_FALSE(same("9007199254740992.0", "9007199254740993"));
  EXPECT_FALSE(same("18446744073709551615", "18446744073709551616"));
  EXPECT_FALSE(same("-9223372036854775808", "9223372036854775808"));
  EXPECT_FALSE(same("-9223372036854775808", "-1e300"));
  EXPECT_FALSE(same("1", "true"));
  EXPECT_FALSE(same("1", "\"1\""));
}

TEST(Judge, NestedMembersMayBeInAnyOrder) {
  const ExpectedStep json = ExpectedJson{{{{"a", {{"b", 1}, {"c", 2}}}}}};
  EXPECT_TRUE(Right(json, {Parsed("final", R"([{"a": {"c": 2, "b": 1}}])")}));
  EXPECT_FALSE(Right(json, {Parsed("final", R"([{"a": {"c": 1, "b": 2}}])")}));
}

TEST(Judge, ACallIsRightWithItsNameAndArguments) {
  EXPECT_TRUE(Right(kCall, {CallOf("weather", kArguments)}));
  EXPECT_TRUE(Right(kCall, {kThought, kPreamble, CallOf("weather", kArguments)}));
  EXPECT_TRUE(Right(kCall, {CallOf("weather", R"( {"days":1,"city":"Oslo"} )")}));
  EXPECT_TRUE(Right(kCall, {Parsed("analysis", kArguments, "functions.weather")}));
  EXPECT_FALSE(Right(kCall, {CallOf("clock", kArguments)}));
  EXPECT_FALSE(Right(kCall, {CallOf("wether", kArguments)}));
  EXPECT_FALSE(Right(kCall, {CallOf("weather", R"({"city": "Oslo"})")}));
  EXPECT_FALSE(Right(kCall, {CallOf("weather", R"({"city": "Rome", "days": 1})")}));
  EXPECT_FALSE(Right(kCall, {CallOf("weather", R"({"city": "Oslo", "days": "1"})")}));
  EXPECT_FALSE(Right(kCall, {CallOf("weather", R"({"city": "Oslo", "days": 1)")}));
  EXPECT_FALSE(Right(kCall, {CallOf("weather", "")}));
}

TEST(Judge, ACallHasToBeTheOnlyOneAndWithoutAFinalMessage) {
  const ParsedMessage call = CallOf("weather", kArguments);
  EXPECT_FALSE(Right(kCall, {}));
  EXPECT_FALSE(Right(kCall, {kThought}));
  EXPECT_FALSE(Right(kCall, {call, call}));
  EXPECT_FALSE(Right(kCall, {call, CallOf("clock", "{}")}));
  EXPECT_FALSE(Right(kCall, {Parsed("final", "It is 5 degrees."), call}));
  EXPECT_FALSE(Right(kCall, {Parsed("final", kArguments)}));
}

TEST(Judge, NoArgumentsMayBeWrittenAsNothing) {
  EXPECT_TRUE(Right(kClock, {CallOf("clock", "{}")}));
  EXPECT_TRUE(Right(kClock, {CallOf("clock", "")}));
  EXPECT_FALSE(Right(kClock, {CallOf("clock", R"({"zone": 1})")}));
  EXPECT_FALSE(Right(kClock, {CallOf("clock", "[]")}));
}

TEST(Judge, DescribesWhatWasExpectedAndAnswered) {
  EXPECT_EQ(Describe(kText), "It is 5 degrees.");
  EXPECT_EQ(Describe(kCall), R"(call of weather {"city":"Oslo","days":1})");
  EXPECT_EQ(Describe(ExpectedJson{{1, 2}}), "[1,2]");
  const auto got = [](std::vector<ParsedMessage> messages,
                      FinishReason finish = FinishReason::kStop) {
    return Describe(EvalAnswer{std::move(messages), finish}, kTools);
  };
  EXPECT_EQ(got({kThought, CallOf("clock", "")}), "call of clock {}");
  EXPECT_EQ(got({CallOf("clock", "{}"), Parsed("final", "Noon")}), "call of clock {}; Noon");
  EXPECT_EQ(got({kThought}), "(no answer)");
  EXPECT_EQ(got({kThought}, FinishReason::kLength), "(cut off)");
  EXPECT_EQ(got({Parsed("final", "No")}, FinishReason::kLength), "No; (cut off)");
}

}  // namespace
}  // namespace fairlead

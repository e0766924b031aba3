// The strict parser against openai-harmony's answers in tests/data/harmony/completions.jsonl (made
// by tools/goldens_harmony), and the lines of `fairlead harmony parse`.
#include "chat/harmony/openai_parser.h"

#include <gtest/gtest.h>

#include "chat/harmony/lines.h"
#include "tests/chat/parse_checks.h"
#include "tests/tokenizer/vocabularies.h"

namespace fairlead::testing {
namespace {

const Tokenizer::Pointer& O200k() {
  static const Tokenizer::Pointer tokenizer = Vocabulary("o200k");
  return tokenizer;
}

HarmonyTokens Tokens() { return FindHarmonyTokens(*O200k()).value(); }

Json Answer(const Json& request) {
  return Json::parse(ParseLine(O200k(), Tokens(), request.dump()));
}

const std::vector<Json>& Goldens() {
  static const std::vector<Json> goldens = ReadGoldens("../harmony/completions.jsonl");
  return goldens;
}

// The wording of an error is each program's own.
Json WithoutErrorText(Json answer) {
  answer["error"] = !answer["error"].is_null();
  return answer;
}

void ExpectSameAnswer(const Json& answer, const Json& golden, const std::string& name) {
  EXPECT_EQ(answer["messages"], golden["messages"]) << name;
  EXPECT_EQ(answer["error"].is_null(), golden["error"].is_null()) << name << answer["error"];
  ASSERT_EQ(answer.contains("steps"), golden.contains("steps")) << name;
  if (!golden.contains("steps")) return;
  ASSERT_EQ(answer["steps"].size(), golden["steps"].size()) << name;
  for (size_t i = 0; i < golden["steps"].size(); ++i) {
    EXPECT_EQ(WithoutErrorText(answer["steps"][i]), WithoutErrorText(golden["steps"][i]))
        << name << ", step " << i;
  }
}

TEST(OpenAiParser, AnswersAsOpenAiHarmonyInBothModes) {
  ASSERT_GT(Goldens().size(), 400u);
  for (const Json& golden : Goldens()) {
    for (const bool strict : {true, false}) {
      const Json& expected = golden[strict ? "strict" : "loose"];
      const Json answer = Answer({{"ids", golden["ids"]},
                                  {"role", golden["role"]},
                                  {"strict", strict},
                                  {"trace", expected.contains("steps")}});
      ExpectSameAnswer(answer, expected, golden["name"].get<std::string>());
    }
  }
}

TEST(HarmonyParser, AnswersAsOpenAiHarmonyToWhatIsWellFormed) {
  size_t well_formed = 0;
  for (const Json& golden : Goldens()) {
    if (!golden["well_formed"].get<bool>()) continue;
    ++well_formed;
    const Json answer = Answer({{"ids", golden["ids"]}, {"role", golden["role"]}});
    EXPECT_EQ(answer["messages"], golden["strict"]["messages"]) << golden["name"];
    EXPECT_EQ(answer["repairs"], Json::array()) << golden["name"];
    EXPECT_TRUE(golden["strict"]["error"].is_null()) << golden["name"];
  }
  EXPECT_GT(well_formed, 20u);
}

TEST(HarmonyParser, LosesNoTextOfAnyGolden) {
  for (const Json& golden : Goldens()) {
    const Json& role = golden["role"];
    const auto ids = golden["ids"].get<std::vector<int32_t>>();
    const CheckedParse parsed =
        ParseAndCheck(O200k(), Tokens(), ids,
                      role.is_null() ? std::nullopt : RoleFromName(role.get<std::string>()));
    EXPECT_EQ(parsed.violation, "") << golden["name"];
  }
}

std::vector<int32_t> Ids(std::string_view text) { return O200k()->Encode(text, true).value(); }

TEST(ParseLine, TellsWhatWasRepairedInWhichMessage) {
  const Json answer =
      Answer({{"ids", Ids("<|channel|>final It is.<|return|>")}, {"role", "assistant"}});
  EXPECT_EQ(answer, Json::parse(R"({
    "messages": [{"role": "assistant", "name": null,
                  "content": [{"type": "text", "text": "It is."}], "channel": "final"}],
    "repairs": [{"message": 0, "kind": "missing message marker", "text": ""}],
    "error": null})"));
}

TEST(ParseLine, TracesARecoveryTokenByToken) {
  const auto ids = Ids("<|channel|>final<|message|>Yes.<|return|>");
  const Json steps = Answer({{"ids", ids}, {"role", "assistant"}, {"trace", true}})["steps"];
  ASSERT_EQ(steps.size(), ids.size() + 1);
  EXPECT_EQ(steps[0], Json::parse(R"({"state": "Header", "role": "assistant", "channel": null,
    "recipient": null, "content_type": null, "content": "", "delta": null, "messages": [],
    "error": null})"));
  EXPECT_EQ(steps[ids.size() - 1]["state"], "Content");
  EXPECT_EQ(steps[ids.size() - 1]["content"], "Yes.");
  EXPECT_EQ(steps[ids.size() - 1]["delta"], ".");
  EXPECT_EQ(steps[ids.size() - 1]["channel"], "final");
  EXPECT_EQ(steps.back()["state"], "ExpectStart");
  EXPECT_EQ(steps.back()["messages"].size(), 1u);
  EXPECT_TRUE(steps.back()["role"].is_null());
}

TEST(ParseLine, TakesAnyIntegersForIds) {
  const char* line = R"({"ids": [-1, 99999999999, 18446744073709551615, -9000000000]})";
  const Json answer = Json::parse(ParseLine(O200k(), Tokens(), line));
  EXPECT_TRUE(answer["error"].is_null());
  EXPECT_EQ(answer["messages"].size(), 1u);
  EXPECT_EQ(answer["repairs"].size(), 3u);  // the two that are too large are one
  EXPECT_EQ(answer["repairs"][1]["text"], "2147483647 or more");
  const Json strict = Answer({{"ids", {-1}}, {"role", "assistant"}, {"strict", true}});
  EXPECT_FALSE(strict["error"].is_null());
}

TEST(ParseLine, TakesNullForAbsentAndLeavesOtherMembersAlone) {
  const std::string plain = ParseLine(O200k(), Tokens(), R"({"ids": []})");
  EXPECT_EQ(ParseLine(O200k(), Tokens(),
                      R"({"ids": [], "text": "", "role": null, "strict": null, "trace": null})"),
            plain);
}

TEST(ParseLine, RefusesWhatIsNoRequest) {
  for (const char* line :
       {"", "{", "[]", "{}", R"({"ids": 1})", R"({"ids": ["a"]})", R"({"ids": [1.5]})",
        R"({"ids": [], "role": "robot"})", R"({"ids": [], "role": 1})",
        R"({"ids": [], "strict": 0})", R"({"ids": [], "trace": 1})", R"({"ids": null})"}) {
    const Json answer = Json::parse(ParseLine(O200k(), Tokens(), line));
    ASSERT_TRUE(answer.contains("error")) << line;
    EXPECT_TRUE(answer["error"].get<std::string>().starts_with("[harmony] line: ")) << answer;
    EXPECT_EQ(answer.size(), 1u) << line;
  }
}

}  // namespace
}  // namespace fairlead::testing

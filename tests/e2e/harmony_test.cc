// `fairlead harmony` on the bundled model's vocabulary.
#include <fmt/format.h>

#include "tests/e2e/program.h"

namespace fairlead::e2e {
namespace {

constexpr const char* kLine =
    R"({"conversation":{"messages":[{"role":"user","content":"Where is the ship?"}]},)"
    R"("next_role":"assistant"})";

class Harmony : public ProgramTest {
 protected:
  std::vector<Json> Answers(const std::string& command, const std::string& lines) const {
    std::vector<Json> answers;
    const std::string out =
        Succeed({{"harmony", command, "--model", TinyModel(), "--input", "-"}, {}, lines});
    for (const std::string& line : Lines(out)) answers.push_back(Json::parse(line));
    return answers;
  }
};

TEST_F(Harmony, RendersConversationsToIdsOfTheModel) {
  const auto answers = Answers("render", fmt::format("{}\n", kLine));
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0]["text"],
            "<|start|>user<|message|>Where is the ship?<|end|><|start|>assistant");
  EXPECT_EQ(Json(TinyIds("<|start|>")), Json::array({answers[0]["ids"][0]}));
}

TEST_F(Harmony, AnswersEveryLineInItsPlace) {
  const auto answers = Answers("render", fmt::format("not json\n\n{}\n{{}}\n[]\n{}", kLine, kLine));
  ASSERT_EQ(answers.size(), 6u);
  for (const size_t i : {0, 1, 3, 4}) {
    EXPECT_TRUE(answers[i].contains("error")) << answers[i];
    EXPECT_EQ(answers[i].size(), 1u) << answers[i];
  }
  EXPECT_TRUE(answers[2].contains("ids"));
  EXPECT_EQ(answers[5], answers[2]);
}

TEST_F(Harmony, FilesNeedNothingOfTheModelButItsTokenizer) {
  Write("vocabulary/tokenizer.json", ReadText(TinyModel() / "tokenizer.json"));
  const auto input = Write("in.jsonl", fmt::format("{0}\n{0}\n", kLine));
  const auto output = dir() / "out.jsonl";
  EXPECT_EQ(Succeed({"harmony", "render", "--model", dir() / "vocabulary", "--input", input,
                     "--output", output}),
            "");
  const std::vector<std::string> lines = Lines(ReadText(output));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(Json::parse(lines[0]), Answers("render", kLine).at(0));
  EXPECT_FALSE(std::filesystem::exists(cache()));
}

TEST_F(Harmony, ParsesWhatItRendered) {
  const Json rendered =
      Answers("render",
              R"({"conversation":{"messages":[{"role":"user","content":"Where is the ship?"}]}})")
          .at(0);
  const Json parsed = Answers("parse", Json{{"ids", rendered.at("ids")}}.dump()).at(0);
  ASSERT_EQ(parsed.at("messages").size(), 1u) << parsed;
  EXPECT_EQ(parsed.at("messages")[0]["role"], "user");
  EXPECT_EQ(parsed.at("messages")[0]["content"][0]["text"], "Where is the ship?");
}

TEST_F(Harmony, HelpShowsTheLinesThatCommandsTake) {
  for (const std::string command : {"render", "parse"}) {
    const Outcome outcome = Fairlead({"harmony", command, "--help"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome;
    for (const char* word : {"\n  --model ", "\n  --input ", "\n  --output ", "{\"error\": "}) {
      EXPECT_NE(outcome.out.find(word), std::string::npos) << word << " in " << outcome;
    }
  }
}

}  // namespace
}  // namespace fairlead::e2e

// `fairlead tokenize` on the bundled model's vocabulary.
#include <fmt/format.h>

#include "tests/e2e/program.h"

namespace fairlead::e2e {
namespace {

constexpr const char* kText = "The ship left Marrow Bay – 12 sailors' café.";

class Tokenize : public ProgramTest {
 protected:
  std::vector<Json> Answers(const std::string& lines) const {
    std::vector<Json> answers;
    const std::string out = Succeed({{"tokenize", TinyModel(), "--input", "-"}, {}, lines});
    for (const std::string& line : Lines(out)) answers.push_back(Json::parse(line));
    return answers;
  }
  std::vector<int32_t> Ids(const std::string& text) const {
    return Json::parse(fmt::format("[{}]", Succeed({"tokenize", TinyModel(), "--text", text})));
  }
};

TEST_F(Tokenize, TextAndBack) {
  const std::vector<int32_t> ids = Ids(kText);
  EXPECT_GT(ids.size(), 8u);
  const auto answers = Answers(Json{{"ids", ids}}.dump() + "\n" + Json{{"text", kText}}.dump());
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[0], (Json{{"text", kText}}));
  EXPECT_EQ(answers[1], (Json{{"ids", ids}}));
}

TEST_F(Tokenize, ChunksOfAStreamAreTheText) {
  const std::vector<int32_t> ids = Ids(kText);
  const auto answers = Answers(Json{{"ids", ids}, {"stream", true}}.dump());
  ASSERT_EQ(answers.size(), 1u);
  const auto chunks = answers[0]["chunks"].get<std::vector<std::string>>();
  EXPECT_EQ(chunks.size(), ids.size());
  std::string text;
  for (const std::string& chunk : chunks) text += chunk;
  EXPECT_EQ(text + answers[0]["tail"].get<std::string>(), kText);
}

TEST_F(Tokenize, SpecialTokensOnlyWhereAsked) {
  const auto plain = Ids("<|end|>");
  EXPECT_GT(plain.size(), 1u);
  const auto special = TinyIds("<|end|>");
  ASSERT_EQ(special.size(), 1u);
  const auto answers =
      Answers(fmt::format("{{\"text\":\"<|end|>\",\"parse_special\":true}}\n"
                          "{{\"text\":\"<|end|>\",\"parse_special\":false}}\n{{\"ids\":[{}]}}\n",
                          special[0]));
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_EQ(answers[0]["ids"], Json(special));
  EXPECT_EQ(answers[1]["ids"].get<std::vector<int32_t>>(), plain);
  EXPECT_EQ(answers[2]["text"], "<|end|>");
}

TEST_F(Tokenize, FilesAnswerLineByLine) {
  const auto input = Write("in.jsonl", "{\"text\":\"a\"}\n{\"text\":\"\"}\n");
  const auto output = dir() / "out.jsonl";
  EXPECT_EQ(Succeed({"tokenize", TinyModel(), "--input", input, "--output", output}), "");
  EXPECT_EQ(ReadText(output), Succeed({"tokenize", TinyModel(), "--input", input}));
  const std::vector<std::string> lines = Lines(ReadText(output));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(Json::parse(lines[1])["ids"], Json::array());
}

TEST_F(Tokenize, LinesThatCannotBeAnsweredAreErrorsInTheirPlace) {
  const auto answers = Answers(
      "{\"ids\":[1000000]}\n{\"ids\":[-1]}\nnot json\n\n{\"text\":1}\n{}\n[]\n"
      "{\"text\":\"a\\ud800\"}\n{\"text\":\"good\"}\n");
  ASSERT_EQ(answers.size(), 9u);
  for (size_t i = 0; i + 1 < answers.size(); ++i) {
    EXPECT_TRUE(answers[i].contains("error")) << i << " " << answers[i];
    EXPECT_EQ(answers[i].size(), 1u) << i << " " << answers[i];
  }
  EXPECT_EQ(answers.back()["ids"].get<std::vector<int32_t>>(), Ids("good"));
}

TEST_F(Tokenize, NeedsNothingButTokenizerJson) {
  Write("vocabulary/tokenizer.json", ReadText(TinyModel() / "tokenizer.json"));
  EXPECT_EQ(Succeed({"tokenize", dir() / "vocabulary", "--text", kText}),
            Succeed({"tokenize", TinyModel(), "--text", kText}));
  EXPECT_FALSE(std::filesystem::exists(cache()));
}

TEST_F(Tokenize, ArtifactsTokenizeLikeTheirCheckpoint) {
  const auto artifact = dir() / "artifact";
  Succeed({"export", "--model", TinyModel(), artifact});
  EXPECT_EQ(Succeed({"tokenize", artifact, "--text", kText}),
            Succeed({"tokenize", TinyModel(), "--text", kText}));
}

}  // namespace
}  // namespace fairlead::e2e

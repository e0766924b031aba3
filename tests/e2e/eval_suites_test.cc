// The bundled model on its own suites: it answers well, and every way to compute answers alike.
#include <fmt/format.h>

#include <map>

#include "tests/e2e/program.h"

namespace fairlead::e2e {
namespace {

namespace fs = std::filesystem;

constexpr double kFloor = 0.35;  // of the answers to each suite are right
constexpr int kItems = 100;      // of each suite
constexpr int kFewItems = 20;    // where computing takes long
constexpr int kNetLoss = 2;      // right answers that a suite may lose on balance

// By suite, then by item: whether the answer was right.
using Answers = std::map<std::string, std::map<std::string, bool>>;

int CountRight(const std::map<std::string, bool>& items) {
  int count = 0;
  for (const auto& [id, correct] : items) count += correct ? 1 : 0;
  return count;
}

class EvalSuites : public ProgramTest {
 protected:
  // One cache for all tests, so that the model is exported once for each degree.
  Answers Ask(int items, const std::vector<std::string>& options = {}) const {
    static const TempDir cache;
    const fs::path file = dir() / "answers.jsonl";
    std::vector<std::string> arguments = {
        "eval", TinyModel(), "--limit", std::to_string(items), "--answers", file, "--json"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    Invocation invocation{arguments, {{"FAIRLEAD_CACHE", cache.path().string()}}};
    invocation.limit = std::chrono::minutes(4);
    Succeed(invocation);
    Answers answers;
    for (const std::string& line : Lines(ReadText(file))) {
      const Json answer = Json::parse(line);
      answers[answer["suite"]][answer["id"]] = answer["correct"];
    }
    EXPECT_FALSE(answers.empty());
    return answers;
  }
  // The answers to the items of `changed` are as good as they were in `before`.
  static void ExpectAlike(const Answers& before, const Answers& changed) {
    for (const auto& [suite, items] : changed) {
      int lost = 0, gained = 0;
      for (const auto& [id, correct] : items) {
        const bool was = before.at(suite).at(id);
        lost += was && !correct ? 1 : 0;
        gained += !was && correct ? 1 : 0;
      }
      RecordProperty(suite, fmt::format("{} lost, {} gained of {}", lost, gained, items.size()));
      EXPECT_LE(lost - gained, kNetLoss)
          << suite << ": " << lost << " lost, " << gained << " gained";
    }
  }
};

TEST_F(EvalSuites, MostAnswersAreRight) {
  for (const auto& [suite, items] : Ask(kItems)) {
    const int right = CountRight(items);
    RecordProperty(suite, right);
    EXPECT_GE(right, kFloor * static_cast<double>(items.size()))
        << suite << ": " << right << " of " << items.size();
  }
}

TEST_F(EvalSuites, TwoRanksAnswerAlike) {
  ExpectAlike(Ask(kItems), Ask(kItems, {"--tensor_parallel_size", "2"}));
}

TEST_F(EvalSuites, TheReferenceAnswersAlike) {
  ExpectAlike(Ask(kFewItems), Ask(kFewItems, {"--backend", "reference"}));
}

}  // namespace
}  // namespace fairlead::e2e

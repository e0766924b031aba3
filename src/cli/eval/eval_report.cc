#include "cli/eval/eval_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/log.h"
#include "cli/eval/judge.h"

namespace fairlead {
namespace {

struct Score {
  size_t items = 0;
  size_t right = 0;
  size_t cut_off = 0;
  size_t tokens = 0;  // that the model wrote

  double share() const { return static_cast<double>(right) / static_cast<double>(items); }
};

Score ScoreOf(const SuiteResult& suite) {
  Score score;
  score.items = suite.results.size();
  for (const EvalResult& result : suite.results) {
    score.right += result.right ? 1 : 0;
    score.cut_off += result.steps.back().finish_reason == FinishReason::kLength ? 1 : 0;
    for (const EvalStepRecord& step : result.steps) score.tokens += step.ids.size();
  }
  return score;
}

double Mean(const std::vector<SuiteResult>& results) {
  double sum = 0;
  for (const SuiteResult& suite : results) sum += ScoreOf(suite).share();
  return sum / static_cast<double>(results.size());
}

std::string Percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

// For people: one line, cut after so many characters.
std::string Excerpt(const std::string& text) {
  constexpr size_t kMost = 500;
  size_t characters = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool begins = (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80;
    if (begins && ++characters > kMost) return OneLine(text.substr(0, i)) + "...";
  }
  return OneLine(text);
}

}  // namespace

Json ScoresJson(const std::vector<SuiteResult>& results, const EvalOptions& options) {
  const RunOptions& run = options.generate.run;
  Json json = {{"model", ModelName(run)}, {"backend", run.backend}, {"profile", run.profile}};
  Json& suites = json["suites"] = Json::object();
  for (const SuiteResult& suite : results) {
    const Score score = ScoreOf(suite);
    suites[suite.suite->name] = {
        {"n", score.items}, {"correct", score.right}, {"exact_match", score.share()}};
  }
  json["mean"] = Mean(results);
  return json;
}

std::string ScoresTable(const std::vector<SuiteResult>& results) {
  size_t width = std::string_view("suite").size();
  for (const SuiteResult& suite : results) width = std::max(width, suite.suite->name.size());
  std::string table = fmt::format("{:<{}}  {:>6}  {:>6}  {:>8}  {:>7}  {:>11}\n", "suite", width,
                                  "items", "right", "share", "cut off", "tokens/item");
  for (const SuiteResult& suite : results) {
    const Score score = ScoreOf(suite);
    table +=
        fmt::format("{:<{}}  {:>6}  {:>6}  {:>8}  {:>7}  {:>11.1f}\n", OneLine(suite.suite->name),
                    width, score.items, score.right, Percent(score.share()), score.cut_off,
                    static_cast<double>(score.tokens) / static_cast<double>(score.items));
  }
  return table + fmt::format("{:<{}}  {:>6}  {:>6}  {:>8}\n", "mean", width, "", "",
                             Percent(Mean(results)));
}

std::string WrongAnswers(const std::vector<SuiteResult>& results, size_t count) {
  std::string text;
  for (const SuiteResult& suite : results) {
    for (size_t i = 0; i < suite.results.size() && count > 0; ++i) {
      const EvalResult& result = suite.results[i];
      if (result.right) continue;
      --count;
      const EvalItem& item = suite.suite->items[i];
      const std::string step =
          item.steps.size() == 1
              ? ""
              : fmt::format(", step {} of {}", result.wrong_step + 1, item.steps.size());
      text +=
          fmt::format("{}: {}{}\n  asked     {}\n  expected  {}\n  got       {}\n",
                      OneLine(suite.suite->name), OneLine(item.id), step, Excerpt(item.Question()),
                      Excerpt(Describe(item.steps[result.wrong_step])), Excerpt(result.got));
    }
  }
  return text;
}

std::string EvalAnswerLines(const std::vector<SuiteResult>& results) {
  std::string lines;
  for (const SuiteResult& suite : results) {
    for (size_t i = 0; i < suite.results.size(); ++i) {
      const EvalResult& result = suite.results[i];
      const EvalItem& item = suite.suite->items[i];
      Json line = {{"suite", suite.suite->name},
                   {"id", item.id},
                   {"correct", result.right},
                   {"steps", Json::array()},
                   {"expected", item.expect}};
      for (const EvalStepRecord& step : result.steps) {
        line["steps"].push_back({{"prompt_ids", step.prompt_ids},
                                 {"ids", step.ids},
                                 {"text", step.text},
                                 {"finish_reason", FinishReasonName(step.finish_reason)}});
      }
      lines += DumpJson(line) + "\n";
    }
  }
  return lines;
}

}  // namespace fairlead

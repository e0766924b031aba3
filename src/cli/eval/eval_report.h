// What an evaluation came to, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "cli/eval/eval_options.h"
#include "cli/eval/eval_run.h"

namespace fairlead {

// {"model", "backend", "profile", "suites": {NAME: {"n", "correct", "exact_match"}}, "mean"}. The
// mean is that of the suites, however many items each has.
Json ScoresJson(const std::vector<SuiteResult>& results, const EvalOptions& options);

// The same as a table, with how many answers were cut off and how many tokens an item took.
std::string ScoresTable(const std::vector<SuiteResult>& results);

// The first `count` wrong answers: what was asked, expected and answered, each cut after 500
// characters.
std::string WrongAnswers(const std::vector<SuiteResult>& results, size_t count);

// A line for every item: {"suite", "id", "correct", "steps": [{"prompt_ids", "ids", "text",
// "finish_reason"}], "expected"}.
std::string EvalAnswerLines(const std::vector<SuiteResult>& results);

}  // namespace fairlead

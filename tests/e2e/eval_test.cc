// `fairlead eval` on the bundled model. What the model says is learned first, so that these tests
// hold for any model that ends its answers.
#include <fmt/format.h>

#include <csignal>
#include <regex>

#include "tests/e2e/chat_model.h"
#include "tests/e2e/program.h"

namespace fairlead::e2e {
namespace {

namespace fs = std::filesystem;

constexpr const char* kToday = R"({"day": "Monday", "date": 12})";
constexpr const char* kNothingSaysThis = "\u2603 what no model says";

Json User(const std::string& text) { return {{"role", "user"}, {"content", text}}; }

Json ItemOf(const std::string& id, const std::string& question, const Json& last) {
  return {{"id", id},
          {"request", {{"messages", Json::array({User(question)})}, {"reasoning_effort", "low"}}},
          {"expect", Json::array({last})}};
}

// The model has to call the tool that tells the date, as it does with {}.
Json DateItem(const std::string& id, const Json& last) {
  const Json date = {{"name", kDateTool}, {"description", kDateToolDescription}};
  const Json city = {{"type", "object"}, {"properties", {{"city", {{"type", "string"}}}}}};
  const Json weather = {
      {"name", "weather"}, {"description", "Tells the weather."}, {"parameters", city}};
  Json tools = Json::array();
  for (const Json& function : {date, weather}) {
    tools.push_back({{"type", "function"}, {"function", function}});
  }
  const Json choice = {{"type", "function"}, {"function", {{"name", kDateTool}}}};
  const Json call = {{"name", kDateTool}, {"arguments", Json::object()}};
  return {{"id", id},
          {"request",
           {{"messages", Json::array({User(kDateQuestion)})},
            {"tools", tools},
            {"tool_choice", choice}}},
          {"expect", Json::array({{{"call", call}, {"result", kToday}}, last})}};
}

std::string Joined(const std::vector<Json>& lines) {
  std::string text;
  for (const Json& line : lines) text += line.dump() + "\n";
  return text;
}

using Ids = std::vector<int32_t>;

Ids IdsOf(const Json& json) { return json.get<Ids>(); }

class Eval : public ProgramTest {
 protected:
  static const fs::path& Model() {
    static const TempDir folder;
    static const fs::path model = folder.path() / "model";
    if (!fs::exists(model)) {
      const Outcome made = RunFairlead({{"export", "--model", TinyModel(), model}});
      EXPECT_EQ(made.exit_code, 0) << made;
    }
    return model;
  }
  fs::path suites() const { return dir() / "suites"; }
  void WriteSuite(const std::string& name, const std::vector<Json>& items) {
    Write("suites/" + name + ".jsonl", Joined(items));
  }
  Invocation Command(const std::vector<std::string>& more = {}) const {
    Invocation invocation{{"eval", Model(), "--suites", suites()}};
    invocation.arguments.insert(invocation.arguments.end(), more.begin(), more.end());
    return invocation;
  }
  Json Scores(std::vector<std::string> more = {}) const {
    more.emplace_back("--json");
    return Json::parse(Succeed(Command(more)));
  }
  // What --answers writes for each item.
  std::vector<Json> AnswersTo(Invocation invocation) const {
    const fs::path file = dir() / "answers.jsonl";
    invocation.arguments.insert(invocation.arguments.end(), {"--answers", file});
    Succeed(std::move(invocation));
    std::vector<Json> answers;
    for (const std::string& line : Lines(ReadText(file))) answers.push_back(Json::parse(line));
    return answers;
  }
  std::vector<Json> Answers(const std::vector<std::string>& more = {}) const {
    return AnswersTo(Command(more));
  }
  Json Messages(const Ids& ids, const Json& role) const {
    const Json line = {{"ids", ids}, {"role", role}};
    return Json::parse(Succeed({{"harmony", "parse", "--model", TinyModel(), "--input", "-"},
                                {},
                                line.dump()}))["messages"];
  }
  // What the model says at last to each item.
  std::vector<std::string> Finals(const std::vector<Json>& items) {
    Write("learn/all.jsonl", Joined(items));
    std::vector<std::string> finals;
    for (const Json& answer : AnswersTo({{"eval", Model(), "--suites", dir() / "learn"}})) {
      const Json& last = answer["steps"].back();
      EXPECT_EQ(last["finish_reason"], "stop") << answer;
      const Json message = Messages(IdsOf(last["ids"]), "assistant").back();
      EXPECT_EQ(message["channel"], "final") << message;
      finals.push_back(message["content"][0]["text"]);
    }
    return finals;
  }
  // One suite with a right and a wrong item, one whose item is right and has a call.
  void WriteSuites() {
    const Json nothing = {{"final", kNothingSaysThis}};
    const auto finals = Finals({ItemOf("a", "Hello", nothing), DateItem("b", nothing)});
    ASSERT_EQ(finals.size(), 2u);
    WriteSuite("talk", {ItemOf("talk/1", "Hello", {{"final", finals[0] + " \n"}}),
                        ItemOf("talk/2", "What is a fairlead?", nothing)});
    WriteSuite("tools", {DateItem("tools/1", {{"final", finals[1]}})});
  }
  void ExpectError(const Outcome& outcome, int code, const std::string& part) const {
    EXPECT_EQ(outcome.exit_code, code) << outcome;
    EXPECT_EQ(outcome.out, "") << outcome;
    ASSERT_FALSE(outcome.ErrorLines().empty()) << outcome;
    EXPECT_NE(outcome.ErrorLines().back().find(part), std::string::npos) << part << outcome;
  }
};

TEST_F(Eval, CountsRightAnswersOfEverySuite) {
  WriteSuites();
  const Json scores = Scores();
  const Json expected = {{"talk", {{"n", 2}, {"correct", 1}, {"exact_match", 0.5}}},
                         {"tools", {{"n", 1}, {"correct", 1}, {"exact_match", 1.0}}}};
  EXPECT_EQ(scores["suites"], expected);
  EXPECT_EQ(scores["mean"], 0.75);
  EXPECT_EQ(scores["model"], "model");
  EXPECT_EQ(scores["backend"], "cpu");
  EXPECT_EQ(scores["profile"], "exact");
  EXPECT_EQ(Scores({"--suite", "tools"})["mean"], 1.0);
  EXPECT_EQ(Scores({"--suite", "tools"})["suites"].size(), 1u);
  EXPECT_EQ(Scores({"--limit", "1"})["mean"], 1.0);
  EXPECT_EQ(Scores({"--limit", "1"})["suites"]["talk"]["n"], 1);
  EXPECT_EQ(Scores({"--limit", "7"}), scores);
}

TEST_F(Eval, PrintsATableAndWritesTheScores) {
  WriteSuites();
  const fs::path output = dir() / "scores.json";
  const Outcome outcome = Fairlead(Command({"--output", output}));
  ASSERT_EQ(outcome.exit_code, 0) << outcome;
  const std::vector<std::string> lines = Lines(outcome.out);
  ASSERT_EQ(lines.size(), 4u) << outcome;
  EXPECT_TRUE(lines[0].starts_with("suite   items   right     share")) << outcome;
  EXPECT_TRUE(lines[1].starts_with("talk        2       1    50.0 %")) << outcome;
  EXPECT_TRUE(lines[2].starts_with("tools       1       1   100.0 %")) << outcome;
  EXPECT_EQ(lines[3], "mean                     75.0 %") << outcome;
  EXPECT_EQ(Json::parse(ReadText(output)), Scores());
  // It takes the place of what was there.
  Write("scores.json", "something else");
  Succeed(Command({"--output", output}));
  EXPECT_EQ(Json::parse(ReadText(output)), Scores());
}

TEST_F(Eval, ShowsWrongAnswers) {
  WriteSuites();
  const std::string out = Succeed(Command({"--show_wrong", "3"}));
  const std::vector<std::string> lines = Lines(out);
  ASSERT_EQ(lines.size(), 8u) << out;
  EXPECT_EQ(lines[0], "talk: talk/2");
  EXPECT_EQ(lines[1], "  asked     What is a fairlead?");
  EXPECT_EQ(lines[2], fmt::format("  expected  {}", kNothingSaysThis));
  EXPECT_TRUE(lines[3].starts_with("  got       ")) << out;
  EXPECT_GT(lines[3].size(), 12u);
}

TEST_F(Eval, ShowsAsManyWrongAnswersAsWantedAndNotAllOfALongOne) {
  Json long_item = ItemOf("b", "Hello", {{"final", std::string(100000, 'x') + "\u2603"}});
  WriteSuite("talk", {ItemOf("a", "Hello", {{"final", kNothingSaysThis}}), long_item,
                      ItemOf("c", "Hello", {{"final", kNothingSaysThis}})});
  const std::string out = Succeed(Command({"--show_wrong", "2"}));
  const std::vector<std::string> lines = Lines(out);
  ASSERT_EQ(lines.size(), 8u + 3u) << out;
  EXPECT_EQ(lines[0], "talk: a");
  EXPECT_EQ(lines[4], "talk: b");
  EXPECT_EQ(lines[6], "  expected  " + std::string(500, 'x') + "...");
}

TEST_F(Eval, CountsWhatWasCutOffAndTokens) {
  const Json nothing = {{"final", kNothingSaysThis}};
  WriteSuite("talk", {ItemOf("a", "Hello", nothing), ItemOf("b", "What is a fairlead?", nothing)});
  const std::string whole = Lines(Succeed(Command()))[1];
  EXPECT_TRUE(whole.starts_with("talk        2       0     0.0 %        0  ")) << whole;
  size_t tokens = 0;
  for (const Json& answer : Answers()) tokens += answer["steps"][0]["ids"].size();
  EXPECT_TRUE(whole.ends_with(fmt::format(" {:.1f}", static_cast<double>(tokens) / 2))) << whole;
  EXPECT_EQ(Lines(Succeed(Command({"--max_tokens", "3"})))[1],
            "talk        2       0     0.0 %        2          3.0");
}

TEST_F(Eval, NamesNeedNotBeUtf8) {
  const std::string name = "t\xff";
  WriteSuite(name, {ItemOf("a", "Hello", {{"final", kNothingSaysThis}})});
  EXPECT_TRUE(Scores()["suites"].contains("t\ufffd"));
  EXPECT_EQ(Answers().at(0)["suite"], "t\ufffd");
  Succeed(Command({"--show_wrong", "1"}));
}

TEST_F(Eval, StatisticsGoToStderr) {
  WriteSuites();
  const Outcome outcome = Fairlead(Command({"--stats"}));
  EXPECT_EQ(outcome.exit_code, 0) << outcome;
  EXPECT_EQ(outcome.out, Succeed(Command()));
  EXPECT_NE(outcome.err.find("KV cache: "), std::string::npos) << outcome;
}

class EvalWithLittleMemory : public Eval {
 protected:
  // The smallest KV cache that is accepted.
  std::vector<std::string> Least() const {
    const Outcome refused = Fairlead(Command({"--kv_cache_memory", "1kB"}));
    std::smatch match;
    const bool told = std::regex_search(refused.err, match, std::regex(R"(at least (\d+) bytes)"));
    EXPECT_TRUE(told) << refused;
    return {"--kv_cache_memory", told ? match[1].str() + "B" : ""};
  }
  static std::vector<std::string> With(std::vector<std::string> options,
                                       const std::vector<std::string>& more) {
    options.insert(options.end(), more.begin(), more.end());
    return options;
  }
};

TEST_F(EvalWithLittleMemory, AnswersAreTheSame) {
  WriteSuites();
  EXPECT_EQ(Answers(With(Least(), {"--max_tokens", "300"})), Answers({"--max_tokens", "300"}));
}

TEST_F(EvalWithLittleMemory, AnItemWithoutRoomIsSaidBeforeTheModelRuns) {
  WriteSuites();
  const Outcome outcome = Fairlead(Command(With(Least(), {"--max_tokens", "2000"})));
  ExpectError(outcome, 1, "[eval] talk \"talk/1\": group ");
  EXPECT_TRUE(outcome.ErrorLines().back().ends_with(
      "; expected more --kv_cache_memory or fewer --max_tokens"))
      << outcome;
}

TEST_F(EvalWithLittleMemory, AStepWithoutRoomIsAnErrorAndNotAWrongAnswer) {
  Json item = DateItem("a", {{"final", kNothingSaysThis}});
  std::string result;
  for (int i = 0; i < 700; ++i) result += "a ";
  item["expect"][0]["result"] = result;
  WriteSuite("tools", {item});
  const std::vector<std::string> few = {"--max_tokens", "100"};
  EXPECT_EQ(Answers(few).at(0)["steps"].size(), 2u);
  ExpectError(Fairlead(Command(With(Least(), few))), 1, "[eval] tools \"a\": group ");
}

TEST_F(Eval, AnOutputThatCannotBeWrittenCostsNothingElse) {
  WriteSuites();
  const fs::path scores = dir() / "scores.json";
  Invocation invocation = Command({"--output", scores, "--answers", dir() / "all.jsonl"});
  invocation.largest_file = 1000;  // which the answers exceed
  const Outcome outcome = Fairlead(invocation);
  EXPECT_EQ(outcome.exit_code, 1) << outcome;
  EXPECT_EQ(outcome.out, Succeed(Command()));
  EXPECT_NE(outcome.ErrorLines().back().find("all.jsonl: cannot write it: "), std::string::npos)
      << outcome;
  EXPECT_EQ(Json::parse(ReadText(scores)), Scores());
  EXPECT_FALSE(fs::exists(dir() / "all.jsonl"));
}

TEST_F(Eval, OutputsAreFilesOfTheirOwn) {
  WriteSuites();
  const auto refuse = [&](const std::vector<std::string>& options, int code,
                          const std::string& part) {
    ExpectError(Fairlead(Command(options)), code, part);
  };
  fs::create_directory_symlink(dir(), dir() / "here");
  const std::string same = "expected another file than --output, got the same";
  refuse({"--output", dir() / "a", "--answers", dir() / "." / "a"}, 2, same);
  refuse({"--output", dir() / "a", "--answers", dir() / "here" / "a"}, 2, same);
  fs::create_symlink(suites() / "talk.jsonl", dir() / "link");
  const std::string suite = "expected a file that is no suite";
  for (const fs::path& path : {suites() / "talk.jsonl", suites() / "new.jsonl", dir() / "link"}) {
    refuse({"--suite", "tools", "--output", path}, 2, fmt::format("--output {}", dir().string()));
    refuse({"--answers", path}, 2, suite);
  }
  fs::create_hard_link(suites() / "talk.jsonl", dir() / "hard");
  refuse({"--answers", dir() / "hard"}, 2, suite);
  refuse({"--output", dir() / std::string(252, 'a')}, 1, "cannot create it: File name too long");
  refuse({"--output", "/proc/self/mem"}, 1, "cannot create it: ");
  refuse({"--output", "/dev/null"}, 2, "expected a regular file");
  refuse({"--output", ""}, 2, "--output: expected a name, got nothing");
  refuse({"--answers", ""}, 2, "--answers: expected a name, got nothing");
  ExpectError(Fairlead({"eval", Model(), "--suites", ""}), 2,
              "--suites: expected a name, got nothing");
}

TEST_F(Eval, AnswersCanBeReplayed) {
  WriteSuites();
  const auto answers = Answers();
  ASSERT_EQ(answers.size(), 3u);
  const Json& right = answers[0];
  EXPECT_EQ(right["suite"], "talk");
  EXPECT_EQ(right["id"], "talk/1");
  EXPECT_EQ(right["correct"], true);
  EXPECT_EQ(answers[1]["correct"], false);
  EXPECT_EQ(answers[1]["expected"], Json::array({{{"final", kNothingSaysThis}}}));
  // The prompt as openai-harmony writes it, and the answer as generate writes it.
  const Json system = {
      {"type", "system_content"},
      {"model_identity", "You are ChatGPT, a large language model trained by OpenAI."},
      {"reasoning_effort", "Low"},
      {"knowledge_cutoff", "2024-06"},
      {"channel_config", {{"valid_channels", {"analysis", "final"}}, {"channel_required", true}}}};
  const Json line = {{"conversation",
                      {{"messages",
                        {{{"role", "system"}, {"content", Json::array({system})}},
                         {{"role", "user"}, {"content", "Hello"}}}}}},
                     {"next_role", "assistant"}};
  const Json rendered = Json::parse(
      Succeed({{"harmony", "render", "--model", TinyModel(), "--input", "-"}, {}, line.dump()}));
  ASSERT_EQ(right["steps"].size(), 1u);
  const Json& step = right["steps"][0];
  EXPECT_EQ(step["prompt_ids"], rendered["ids"]) << rendered;
  const Json line_of_ids = {{"ids", step["ids"]}};
  const Json decoded =
      Json::parse(Succeed({{"tokenize", TinyModel(), "--input", "-"}, {}, line_of_ids.dump()}));
  EXPECT_EQ(decoded["text"], step["text"].get<std::string>() + "<|return|>") << decoded;
  const Json free = Answers({"--no_header_constraint"}).at(0)["steps"][0];
  const Json prompt = {{"prompt_ids", free["prompt_ids"]},
                       {"temperature", 0},
                       {"max_tokens", free["ids"].size()},
                       {"ignore_eos", true}};
  const fs::path prompts = Write("prompts.jsonl", prompt.dump());
  const Json again = Json::parse(Succeed({"generate", Model(), "--prompts_file", prompts}));
  EXPECT_EQ(again["answers"][0]["ids"], free["ids"]);
}

TEST_F(Eval, GoesOnFromItsOwnTokensAndWhatTheToolSays) {
  WriteSuites();
  const Json answer = Answers({"--suite", "tools"}).at(0);
  ASSERT_EQ(answer["steps"].size(), 2u) << answer;
  EXPECT_EQ(answer["correct"], true);
  Ids begin = IdsOf(answer["steps"][0]["prompt_ids"]);
  const Ids ids = IdsOf(answer["steps"][0]["ids"]);
  begin.insert(begin.end(), ids.begin(), ids.end());
  const Ids second = IdsOf(answer["steps"][1]["prompt_ids"]);
  ASSERT_GT(second.size(), begin.size());
  EXPECT_TRUE(std::equal(begin.begin(), begin.end(), second.begin())) << answer;
  const Ids added(second.begin() + static_cast<std::ptrdiff_t>(begin.size()), second.end());
  const Json tool = Messages(added, nullptr)[0];
  EXPECT_EQ(tool["role"], "tool") << tool;
  EXPECT_EQ(tool["name"], "functions.today") << tool;
  EXPECT_EQ(tool["content"][0]["text"], kToday) << tool;
}

TEST_F(Eval, AWrongCallIsTheEndOfAnItem) {
  Json item = DateItem("a", {{"final", kNothingSaysThis}});
  item["expect"][0]["call"]["arguments"] = {{"zone", kNothingSaysThis}};
  WriteSuite("tools", {item});
  const Json answer = Answers().at(0);
  EXPECT_EQ(answer["correct"], false);
  EXPECT_EQ(answer["steps"].size(), 1u) << answer;
  EXPECT_NE(Succeed(Command({"--show_wrong", "1"})).find("tools: a, step 1 of 2\n"),
            std::string::npos);
}

TEST_F(Eval, AResultWithoutRoomForAnAnswerIsTheEndOfAnItem) {
  Json item = DateItem("a", {{"final", kNothingSaysThis}});
  std::string long_text;
  for (int i = 0; i < 100000; ++i) long_text += "a b ";
  item["expect"][0]["result"] = long_text;
  WriteSuite("tools", {item});
  const std::string out = Succeed(Command({"--show_wrong", "1"}));
  EXPECT_NE(out.find("tools: a, step 2 of 2\n"), std::string::npos) << out;
  EXPECT_NE(out.find("(no room in the context for the next prompt)\n"), std::string::npos) << out;
}

TEST_F(Eval, AnAnswerThatIsCutOffIsWrong) {
  WriteSuites();
  const Json scores = Scores({"--max_tokens", "2"});
  EXPECT_EQ(scores["mean"], 0.0);
  for (const Json& answer : Answers({"--max_tokens", "2"})) {
    ASSERT_EQ(answer["steps"].size(), 1u);
    EXPECT_EQ(answer["steps"][0]["finish_reason"], "length");
    EXPECT_EQ(answer["steps"][0]["ids"].size(), 2u);
  }
  EXPECT_NE(Succeed(Command({"--max_tokens", "2", "--show_wrong", "1"})).find("(cut off)"),
            std::string::npos);
}

TEST_F(Eval, AnswersDoNotDependOnHowTheyAreComputed) {
  WriteSuites();
  const auto answers = Answers();
  EXPECT_EQ(Answers({"--max_batch", "1", "--threads", "1"}), answers);
  EXPECT_EQ(Answers({"--speculate", "4"}), answers);
  const std::vector<std::vector<std::string>> ways = {{"--tensor_parallel_size", "2"},
                                                      {"--backend", "reference"}};
  for (const std::vector<std::string>& way : ways) {
    Invocation invocation{{"eval", TinyModel(), "--suites", suites()}};
    invocation.arguments.insert(invocation.arguments.end(), way.begin(), way.end());
    EXPECT_EQ(AnswersTo(invocation), answers) << way[0];
  }
}

TEST_F(Eval, HeadersNeedNoConstraint) {
  WriteSuites();
  EXPECT_EQ(Answers({"--no_header_constraint"}).size(), 3u);
}

TEST_F(Eval, TheSuitesAreThoseOfTheCheckpoint) {
  WriteSuites();
  const fs::path model = dir() / "checkpoint";
  fs::copy(TinyModel(), model, fs::copy_options::recursive);
  fs::remove_all(model / "eval");
  ExpectError(Fairlead({"eval", model}), 1,
              fmt::format("[eval] {}: expected a folder of suites (NAME.jsonl), got none",
                          (model / "eval").string()));
  fs::copy(suites(), model / "eval");
  const Json scores = Json::parse(Succeed({"eval", model, "--json"}));
  EXPECT_EQ(scores["suites"], Scores()["suites"]);
  EXPECT_EQ(scores["model"], "checkpoint");
  ExpectError(Fairlead({"eval", Model()}), 2,
              "[eval] --suites: expected a folder, as an exported model has no suites of its own");
}

TEST_F(Eval, WhatIsWrongIsSaidBeforeTheModelRuns) {
  const Json nothing = {{"final", kNothingSaysThis}};
  WriteSuite("talk", {ItemOf("a", "Hello", nothing)});
  ExpectError(Fairlead(Command({"--suite", "tolk"})), 2,
              "[eval] --suite \"tolk\": expected one of talk; did you mean talk?");
  ExpectError(Fairlead(Command({"--limit", "0"})), 2, "--limit");
  ExpectError(Fairlead(Command({"--json", "--show_wrong", "1"})), 2, "--show_wrong");
  ExpectError(Fairlead(Command({"--output", dir() / "none" / "scores.json"})), 1,
              "scores.json: cannot create it: No such file or directory");
  ExpectError(Fairlead(Command({"--output", dir()})), 2, "expected a regular file, got a folder");
  ExpectError(Fairlead(Command({"--output", dir() / "a", "--answers", dir() / "a"})), 2,
              "expected another file than --output, got the same");
  const fs::path output = dir() / "scores.json";
  std::string long_text;
  for (int i = 0; i < 200000; ++i) long_text += "a b ";
  WriteSuite("long", {ItemOf("a", "Hello", nothing), ItemOf("b", long_text, nothing)});
  ExpectError(Fairlead(Command({"--output", output})), 2,
              "[eval] long \"b\": prompt: expected at most ");
  Write("suites/broken.jsonl", "{}");
  ExpectError(Fairlead(Command({"--output", output})), 2,
              "broken.jsonl:1: id: expected a string, got nothing");
  EXPECT_FALSE(fs::exists(output));
}

TEST_F(Eval, CtrlCWritesNothing) {
  std::vector<Json> items;
  for (int i = 0; i < 3000; ++i) {
    items.push_back(ItemOf(std::to_string(i), fmt::format("Tell me the story of ship {}.", i),
                           {{"final", kNothingSaysThis}}));
  }
  WriteSuite("stories", items);
  const fs::path output = dir() / "scores.json";
  Invocation invocation = Command({"--output", output, "--answers", dir() / "answers.jsonl"});
  invocation.kill_signal = SIGINT;
  Outcome outcome;
  // Sooner the program has not begun to listen.
  for (int milliseconds = 100; outcome.exit_code < 0; milliseconds *= 2) {
    invocation.kill_after = std::chrono::milliseconds(milliseconds);
    outcome = Fairlead(invocation);
  }
  ExpectError(outcome, 130, "of 3000 items; nothing was written");
  EXPECT_FALSE(fs::exists(output));
  EXPECT_FALSE(fs::exists(dir() / "answers.jsonl"));
}

}  // namespace
}  // namespace fairlead::e2e

// `fairlead generate --prompts_file` on the bundled model: order, going on after an interruption,
// and what may go wrong on the way.
#include <fmt/format.h>

#include <csignal>
#include <cstdlib>
#include <regex>

#include "tests/e2e/program.h"

namespace fairlead::e2e {
namespace {

namespace fs = std::filesystem;

constexpr int kPrompts = 24;

// Prompts and settings of all sorts; answers of very different lengths.
Json PromptOf(int index) {
  const char* const texts[] = {"The ship", "Early in the morning the crew of the boat", "A",
                               "What is a buoy?"};
  Json line = {{"prompt", texts[index % 4]},
               {"max_tokens", 1 + index * 37 % 60},
               {"seed", index},
               {"temperature", index % 3 == 0 ? 0.0 : 0.9},
               {"ignore_eos", true}};
  if (index % 5 == 0) line["id"] = index;
  if (index % 5 == 1) line["id"] = "prompt " + std::to_string(index);
  if (index % 6 == 2) line["n"] = 2;
  if (index % 7 == 3) line["top_logprobs"] = 2;
  if (index % 8 == 4) line["priority"] = 5;
  return line;
}

std::string Joined(const std::vector<Json>& lines) {
  std::string text;
  for (const Json& line : lines) text += line.dump() + "\n";
  return text;
}

class GenerateFile : public ProgramTest {
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
  fs::path output() const { return dir() / "answers.jsonl"; }

  Invocation Command(const fs::path& prompts, const std::vector<std::string>& more = {}) const {
    Invocation invocation{{"generate", Model(), "--prompts_file", prompts}};
    invocation.arguments.insert(invocation.arguments.end(), more.begin(), more.end());
    return invocation;
  }
  std::vector<Json> Answers(const fs::path& prompts, const std::vector<std::string>& more = {}) {
    std::vector<Json> answers;
    for (const std::string& line : Lines(Succeed(Command(prompts, more)))) {
      answers.push_back(Json::parse(line));
    }
    return answers;
  }
  // Bytes of the smallest cache that is accepted.
  std::string LeastMemory(const fs::path& prompts) {
    const Outcome refused = Fairlead(Command(prompts, {"--kv_cache_memory", "1kB"}));
    EXPECT_EQ(refused.exit_code, 1) << refused;
    std::smatch match;
    const std::string error = refused.err;
    const bool told = std::regex_search(error, match, std::regex(R"(at least (\d+) bytes)"));
    EXPECT_TRUE(told) << refused;
    return told ? match[1].str() : "";
  }
  fs::path WritePrompts() {
    std::vector<Json> lines;
    for (int i = 0; i < kPrompts; ++i) lines.push_back(PromptOf(i));
    return Write("prompts.jsonl", Joined(lines));
  }
};

TEST_F(GenerateFile, AnswersComeInOrderAndAreWhatTheyAreAlone) {
  const fs::path prompts = WritePrompts();
  const auto together = Answers(prompts, {"--max_batch", "4"});
  ASSERT_EQ(together.size(), size_t{kPrompts});
  EXPECT_EQ(Answers(prompts, {"--max_batch", "1"}), together);
  for (int i = 0; i < kPrompts; ++i) {
    const Json asked = PromptOf(i), &found = together[static_cast<size_t>(i)];
    EXPECT_EQ(found["index"], i);
    EXPECT_EQ(found["prompt"], asked["prompt"]);
    EXPECT_EQ(found.value("id", Json()), asked.value("id", Json()));
    EXPECT_EQ(found["answers"].size(), asked.value("n", 1u)) << i;
    for (const Json& answer : found["answers"]) {
      EXPECT_EQ(answer["ids"].size(), asked["max_tokens"]);
      EXPECT_EQ(answer["finish_reason"], "length");
      EXPECT_EQ(answer.contains("top_logprobs"), asked.contains("top_logprobs"));
    }
  }
  for (const int i : {0, 2, 3, 11}) {
    const fs::path one = Write("one.jsonl", PromptOf(i).dump());
    const auto alone = Answers(one);
    ASSERT_EQ(alone.size(), 1u);
    EXPECT_EQ(alone[0]["answers"], together[static_cast<size_t>(i)]["answers"]) << i;
  }
}

TEST_F(GenerateFile, SettingsAreTheCommandLinesUnlessTheLineHasItsOwn) {
  const std::vector<int32_t> ids = TinyIds("The ship");
  const fs::path prompts =
      Write("prompts.jsonl", Joined({{{"prompt", "The ship"}},
                                     {{"prompt", "The ship"}, {"seed", 8}, {"max_tokens", 5}},
                                     {{"prompt_ids", ids}}}));
  const auto answers = Answers(prompts, {"--seed", "7", "--length", "12"});
  ASSERT_EQ(answers.size(), 3u);
  const auto alone = [&](const std::string& seed, const std::string& length) {
    return Json::parse(Succeed({"generate", Model(), "--prompts", "The ship", "--json", "--seed",
                                seed, "--length", length}));
  };
  EXPECT_EQ(answers[0]["answers"][0]["ids"], alone("7", "12")["ids"]);
  EXPECT_EQ(answers[0]["answers"][0]["text"], alone("7", "12")["text"]);
  EXPECT_EQ(answers[1]["answers"][0]["ids"], alone("8", "5")["ids"]);
  EXPECT_EQ(answers[2]["answers"], answers[0]["answers"]);
  EXPECT_FALSE(answers[2].contains("prompt"));
  EXPECT_EQ(answers[2]["prompt_tokens"], ids.size());
}

TEST_F(GenerateFile, ComesThroughStdinAsWell) {
  Invocation invocation = Command("-");
  invocation.input = ReadText(WritePrompts());
  const std::string expected = Succeed(Command(dir() / "prompts.jsonl"));
  EXPECT_EQ(Succeed(invocation), expected);
  invocation.arguments.insert(invocation.arguments.end(), {"--output", "-"});
  EXPECT_EQ(Succeed(invocation), expected);
  EXPECT_FALSE(fs::exists("-"));
}

TEST_F(GenerateFile, BlankLinesAtTheEndAreNoPrompts) {
  const std::string prompt = R"({"prompt": "The ship", "max_tokens": 3})";
  const std::string expected = Succeed(Command(Write("one.jsonl", prompt)));
  EXPECT_EQ(Lines(expected).size(), 1u);
  for (const std::string end : {"\n", "\n\n", "\n \t\n\r\n", "\n  "}) {
    EXPECT_EQ(Succeed(Command(Write("one.jsonl", prompt + end))), expected) << Json(end);
  }
}

TEST_F(GenerateFile, LinesAreWrittenAsSoonAsEarlierOnesAreDone) {
  std::vector<Json> lines(6, {{"prompt", "The ship"}, {"max_tokens", 4}});
  lines[2]["max_tokens"] = 400;
  lines[2]["ignore_eos"] = true;
  const Outcome outcome = Fairlead(Command(Write("prompts.jsonl", Joined(lines))));
  ASSERT_EQ(outcome.exit_code, 0) << outcome;
  EXPECT_EQ(outcome.writes.size(), 6u) << outcome;
  for (const std::string& write : outcome.writes) EXPECT_TRUE(write.ends_with("}\n")) << write;
}

TEST_F(GenerateFile, GoesOnAfterBeingKilledAtAnyMoment) {
  const fs::path prompts = WritePrompts();
  const std::string expected = Succeed(Command(prompts));
  const std::vector<std::string> to_file = {"--output", output(), "--max_batch", "3"};
  const Outcome whole = Fairlead(Command(prompts, to_file));
  ASSERT_EQ(whole.exit_code, 0) << whole;
  EXPECT_EQ(ReadText(output()), expected);

  int interrupted = 0;
  for (int i = 1; i <= 10; ++i) {
    fs::remove(output());
    Invocation invocation = Command(prompts, to_file);
    invocation.kill_after =
        std::chrono::microseconds(static_cast<int64_t>(whole.seconds * 1e6) * i / 10);
    if (Fairlead(invocation).signal == SIGKILL) ++interrupted;
    const std::string part = fs::exists(output()) ? ReadText(output()) : "";
    EXPECT_TRUE(expected.starts_with(part));
    Succeed(Command(prompts, to_file));
    EXPECT_EQ(ReadText(output()), expected);
  }
  EXPECT_GE(interrupted, 3);
}

TEST_F(GenerateFile, GoesOnBehindTheLastCompleteLine) {
  const fs::path prompts = WritePrompts();
  const std::string expected = Succeed(Command(prompts));
  for (const size_t length :
       {size_t{0}, size_t{1}, size_t{25}, expected.find('\n'), expected.find('\n') + 1,
        expected.find('\n') + 30, expected.size() / 2, expected.size() - 1, expected.size()}) {
    Write("answers.jsonl", expected.substr(0, length));
    Succeed(Command(prompts, {"--output", output()}));
    EXPECT_EQ(ReadText(output()), expected) << length;
  }
}

TEST_F(GenerateFile, RefusesAnswersToAnythingElse) {
  const fs::path prompts = WritePrompts();
  Succeed(Command(prompts, {"--output", output()}));
  const std::string whole = ReadText(output());
  const auto expect_refusal = [&](const Invocation& invocation, const std::string& message) {
    const std::string before = ReadText(output());
    const Outcome outcome = Fairlead(invocation);
    EXPECT_EQ(outcome.exit_code, 2) << outcome;
    EXPECT_EQ(outcome.ErrorLines().size(), 1u) << outcome;
    EXPECT_NE(outcome.err.find(message), std::string::npos) << message << outcome;
    EXPECT_NE(outcome.err.find("--force starts over"), std::string::npos) << outcome;
    EXPECT_EQ(ReadText(output()), before);
  };
  const std::string another = "those of another run";
  for (const std::vector<std::string>& options : std::vector<std::vector<std::string>>{
           {"--seed", "1"}, {"--top_k", "3"}, {"--stop", "x"}, {"--backend", "reference"}}) {
    std::vector<std::string> more = {"--output", output()};
    more.insert(more.end(), options.begin(), options.end());
    expect_refusal(Command(prompts, more), output().string() + ":1: ");
    expect_refusal(Command(prompts, more), another);
  }
  // What changes no answer is no other run.
  Succeed(Command(
      prompts, {"--output", output(), "--max_batch", "2", "--threads", "1", "--speculate", "3"}));

  std::vector<Json> lines;
  for (int i = 0; i < kPrompts; ++i) lines.push_back(PromptOf(i));
  lines[5]["prompt"] = "Another";
  expect_refusal(Command(Write("other.jsonl", Joined(lines)), {"--output", output()}),
                 output().string() + ":6: ");
  lines.resize(3);
  expect_refusal(Command(Write("other.jsonl", Joined(lines)), {"--output", output()}),
                 "more lines than prompts");

  for (const std::string text : {"notes\n", "notes without a line break", "{}\n", "\n",
                                 "{\"index\":1", "{\"index\":0,\"fingerprint\":\"0\"}\n"}) {
    Write("answers.jsonl", text);
    expect_refusal(Command(prompts, {"--output", output()}), output().string() + ":1: ");
  }
  Write("answers.jsonl", whole + "{");
  expect_refusal(Command(prompts, {"--output", output()}), "something else");
  Succeed(Command(prompts, {"--output", output(), "--force"}));
  EXPECT_EQ(ReadText(output()), whole);
}

TEST_F(GenerateFile, CtrlCLeavesWhatIsCompleteAndSaysHowToGoOn) {
  // Sooner the program has not begun to listen, later it may have ended.
  const auto interrupt = [this](Invocation invocation) {
    invocation.kill_signal = SIGINT;
    Outcome outcome;
    for (int milliseconds = 50; outcome.exit_code < 0; milliseconds *= 2) {
      invocation.kill_after = std::chrono::milliseconds(milliseconds);
      outcome = Fairlead(invocation);
    }
    EXPECT_EQ(outcome.exit_code, 130) << outcome;
    return outcome;
  };
  const std::vector<Json> lines(60, {{"prompt", "A"}, {"max_tokens", 900}, {"ignore_eos", true}});
  const fs::path prompts = Write("prompts.jsonl", Joined(lines));
  const std::vector<std::string> to_file = {"--output", output(), "--max_batch", "1"};
  const Outcome outcome = interrupt(Command(prompts, to_file));
  const std::regex message(R"(fairlead: \[generate\] interrupted after \d+ of 60 prompts; )"
                           "the same command goes on from there");
  EXPECT_TRUE(std::regex_match(outcome.ErrorLines().back(), message)) << outcome;
  const std::string part = ReadText(output());
  EXPECT_TRUE(part.empty() || part.ends_with("}\n"));
  EXPECT_LT(Lines(part).size(), lines.size());
  Succeed(Command(prompts, {"--output", output()}));
  EXPECT_TRUE(ReadText(output()).starts_with(part));
  EXPECT_EQ(Lines(ReadText(output())).size(), lines.size());

  const Outcome stream = interrupt({{"generate", Model(), "--prompts", "A", "--length", "100000",
                                     "--ignore_eos", "--backend", "reference"}});
  EXPECT_TRUE(stream.out.ends_with("\n")) << stream;
  EXPECT_TRUE(stream.err.ends_with("fairlead: [generate] interrupted\n")) << stream;
}

TEST_F(GenerateFile, APromptThatCannotBeAnsweredFailsAlone) {
  std::vector<int32_t> too_long(2000, 5);
  const fs::path prompts =
      Write("prompts.jsonl", Joined({{{"prompt", "The ship"}, {"max_tokens", 3}},
                                     {{"id", "long"}, {"prompt_ids", too_long}},
                                     {{"prompt", "The ship"}, {"max_tokens", 3}}}));
  for (int run = 0; run < 2; ++run) {  // the second one finds all done, and failed
    const Outcome outcome = Fairlead(Command(prompts, {"--output", output()}));
    EXPECT_EQ(outcome.exit_code, 1) << outcome;
    EXPECT_EQ(outcome.ErrorLines().back(),
              "fairlead: [generate] 1 of 3 prompts failed; see " + output().string());
    const std::vector<std::string> lines = Lines(ReadText(output()));
    ASSERT_EQ(lines.size(), 3u);
    const Json failed = Json::parse(lines[1]);
    EXPECT_EQ(failed["id"], "long");
    EXPECT_EQ(failed["prompt_tokens"], 2000);
    ASSERT_EQ(failed["answers"].size(), 1u);
    EXPECT_EQ(failed["answers"][0]["finish_reason"], "error");
    EXPECT_TRUE(failed["answers"][0]["ids"].empty());
    EXPECT_NE(failed["answers"][0]["error"].get<std::string>().find("got 2000"), std::string::npos);
    EXPECT_EQ(Json::parse(lines[0])["answers"], Json::parse(lines[2])["answers"]);
    EXPECT_EQ(Json::parse(lines[0])["answers"][0]["ids"].size(), 3u);
  }
}

TEST_F(GenerateFile, WritesOnlyWhereItMayAndSaysSoWhenItCannot) {
  const fs::path prompts = WritePrompts();
  const std::string content = ReadText(prompts);
  const auto expect = [&](Invocation invocation, int exit_code, const std::string& message) {
    const Outcome outcome = Fairlead(std::move(invocation));
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome;
    ASSERT_FALSE(outcome.ErrorLines().empty());
    EXPECT_NE(outcome.ErrorLines().back().find(message), std::string::npos) << outcome;
  };
  expect(Command(prompts, {"--output", prompts}), 2, "expected another file than --prompts_file");
  expect(Command(prompts, {"--output", dir()}), 2, "expected a file, got a folder");
  expect(Command(prompts, {"--output", dir() / "none" / "file"}), 1, "cannot open: No such file");
  expect(Command(dir(), {}), 2, "expected a file, got a folder");
  expect(Command(dir() / "none", {}), 1, "cannot be read");
  expect(Command(prompts, {"--output", "/dev/full"}), 1,
         "/dev/full: cannot write: No space left on device");
  Invocation to_full = Command(prompts);
  to_full.output = "/dev/full";
  expect(to_full, 1, "fairlead: cannot write to stdout");
  EXPECT_EQ(ReadText(prompts), content);

  // A disk that fills up: a run with more room goes on.
  Invocation limited = Command(prompts, {"--output", output()});
  limited.largest_file = 3000;
  expect(limited, 1, "answers.jsonl: cannot write: File too large");
  EXPECT_EQ(fs::file_size(output()), 3000u);
  Succeed(Command(prompts, {"--output", output()}));
  EXPECT_EQ(ReadText(output()), Succeed(Command(prompts)));
}

TEST_F(GenerateFile, AClosedPipeEndsTheRun) {
  const std::vector<Json> lines(200, {{"prompt", "A"}, {"max_tokens", 100}, {"ignore_eos", true}});
  const fs::path prompts = Write("prompts.jsonl", Joined(lines));
  const fs::path errors = dir() / "errors";
  const std::string command = fmt::format(
      "'{}' generate '{}' --prompts_file '{}' 2>'{}' | head -n 1 >'{}'", FAIRLEAD_PROGRAM,
      Model().string(), prompts.string(), errors.string(), output().string());
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_TRUE(ReadText(errors).ends_with("fairlead: cannot write to stdout\n")) << ReadText(errors);
  EXPECT_EQ(Lines(ReadText(output())).size(), 1u);
}

TEST_F(GenerateFile, ASmallCacheChangesNoAnswer) {
  const fs::path prompts = WritePrompts();
  const std::string expected = Succeed(Command(prompts));
  const std::string least = LeastMemory(prompts);
  ASSERT_FALSE(least.empty());
  const Outcome small =
      Fairlead(Command(prompts, {"--kv_cache_memory", least + "B", "--max_batch", "8", "--stats"}));
  EXPECT_EQ(small.exit_code, 0) << small;
  EXPECT_EQ(small.out, expected);
  EXPECT_NE(small.err.find("KV cache: "), std::string::npos) << small;
  const std::string less = std::to_string(std::stoll(least) - 1) + "B";
  EXPECT_EQ(Fairlead(Command(prompts, {"--kv_cache_memory", less})).exit_code, 1);
}

TEST_F(GenerateFile, APromptWithoutRoomEndsTheRunAndMoreMemoryGoesOn) {
  std::vector<Json> lines(12, {{"prompt", "The ship"}, {"max_tokens", 20}, {"ignore_eos", true}});
  for (size_t i = 0; i < lines.size(); ++i) lines[i]["seed"] = i;
  lines[5]["max_tokens"] = 900;
  lines[9]["prompt_ids"] = std::vector<int32_t>(2000, 5);  // an error of its own, later
  lines[9].erase("prompt");
  const fs::path prompts = Write("prompts.jsonl", Joined(lines));
  const Outcome whole = Fairlead(Command(prompts));
  ASSERT_EQ(whole.exit_code, 1) << whole;
  const std::vector<std::string> expected = Lines(whole.out);
  ASSERT_EQ(expected.size(), lines.size());

  const std::string least = LeastMemory(prompts);
  const std::vector<std::string> small = {"--kv_cache_memory", least + "B"};
  const std::string place = "fairlead: [generate] " + prompts.string() + ":6: group ";
  const auto expect_end = [&](const Outcome& outcome, const std::string& advice) {
    EXPECT_EQ(outcome.exit_code, 1) << outcome;
    EXPECT_TRUE(outcome.ErrorLines().back().starts_with(place)) << outcome;
    EXPECT_TRUE(outcome.ErrorLines().back().ends_with(advice)) << outcome;
  };
  const Outcome printed = Fairlead(Command(prompts, small));
  expect_end(printed, "; expected more --kv_cache_memory");
  const std::vector<std::string> before(expected.begin(), expected.begin() + 5);
  EXPECT_EQ(Lines(printed.out), before);

  const std::string advice = "; the same command with more --kv_cache_memory goes on from there";
  for (int run = 0; run < 2; ++run) {  // the second one finds nothing that it can do
    expect_end(Fairlead(Command(prompts, {"--output", output(), "--kv_cache_memory", least + "B"})),
               advice);
    EXPECT_EQ(Lines(ReadText(output())), before);
  }
  const Outcome rest =
      Fairlead(Command(prompts, {"--output", output(), "--kv_cache_memory", "100MB"}));
  EXPECT_EQ(rest.exit_code, 1) << rest;
  EXPECT_EQ(rest.ErrorLines().back(),
            "fairlead: [generate] 1 of 12 prompts failed; see " + output().string());
  EXPECT_EQ(ReadText(output()), whole.out);
}

TEST_F(GenerateFile, StatsTellWhatRanAgain) {
  std::vector<Json> lines(8, {{"prompt", "The ship"}, {"max_tokens", 500}, {"ignore_eos", true}});
  for (size_t i = 0; i < lines.size(); ++i) lines[i]["seed"] = i;
  const fs::path prompts = Write("prompts.jsonl", Joined(lines));
  const Outcome outcome = Fairlead(Command(prompts, {"--kv_cache_memory", "3MB", "--stats"}));
  EXPECT_EQ(outcome.exit_code, 0) << outcome;
  const std::regex again(
      fmt::format(R"(prompt: {} tokens, [1-9]\d* recomputed, \d+\.\d tokens/s\n)",
                  8 * TinyIds("The ship").size()));
  EXPECT_TRUE(std::regex_search(outcome.err, again)) << outcome;
  EXPECT_TRUE(std::regex_search(outcome.err, std::regex(R"(preemptions: [1-9]\d*\n)"))) << outcome;
}

}  // namespace
}  // namespace fairlead::e2e

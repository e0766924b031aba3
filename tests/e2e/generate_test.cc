// `fairlead generate` on the bundled model.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <regex>
#include <set>

#include "base/cpu_features.h"
#include "tests/e2e/checkpoints.h"
#include "tests/e2e/program.h"

namespace fairlead::e2e {
namespace {

namespace fs = std::filesystem;

// What Hugging Face transformers continued greedily.
struct Greedy {
  std::string prompt, text;
  std::vector<int32_t> ids;
};

std::vector<Greedy> HuggingFace() {
  const fs::path path = fs::path(FAIRLEAD_TEST_DATA) / "tiny-gpt-oss" / "golden.json";
  std::vector<Greedy> all;
  for (const Json& json : Json::parse(ReadText(path))) {
    all.push_back({json["prompt_text"], json["greedy_text"], json["greedy_ids"]});
  }
  EXPECT_FALSE(all.empty());
  return all;
}

class Generate : public ProgramTest {
 protected:
  static std::vector<std::string> Arguments(const std::string& prompts,
                                            const std::vector<std::string>& options) {
    std::vector<std::string> arguments = {"generate", TinyModel().string(), "--prompts", prompts};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return arguments;
  }
  std::string Text(const std::string& prompts, const std::vector<std::string>& options) const {
    return Succeed(Arguments(prompts, options));
  }
  // What the model answers when somebody says hello: an answer that ends of itself.
  Json AnswerToHello(const std::vector<std::string>& options) {
    const Json line = {
        {"prompt_ids", TinyIds("<|start|>user<|message|>Hello<|end|><|start|>assistant")},
        {"temperature", 0},
        {"max_tokens", 400}};
    std::vector<std::string> arguments = {"generate", TinyModel(), "--prompts_file",
                                          Write("hello.jsonl", line.dump())};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return Json::parse(Succeed(arguments))["answers"][0];
  }
  std::vector<Json> Objects(const std::string& prompts, std::vector<std::string> options) const {
    options.push_back("--json");
    std::vector<Json> objects;
    for (const std::string& line : Lines(Text(prompts, options))) {
      objects.push_back(Json::parse(line));
    }
    return objects;
  }
};

TEST_F(Generate, GreedyTextIsHuggingFaces) {
  for (const Greedy& golden : HuggingFace()) {
    const std::string length = std::to_string(golden.ids.size());
    EXPECT_EQ(Text(golden.prompt, {"--temperature", "0", "--length", length}),
              golden.prompt + golden.text + "\n");
    const auto objects = Objects(golden.prompt, {"--temperature", "0", "--length", length});
    ASSERT_EQ(objects.size(), 1u);
    EXPECT_EQ(objects[0]["ids"].get<std::vector<int32_t>>(), golden.ids);
  }
}

TEST_F(Generate, EveryInstructionSetWritesHuggingFacesText) {
  const Greedy golden = HuggingFace().front();
  const auto arguments = Arguments(
      golden.prompt, {"--temperature", "0", "--length", std::to_string(golden.ids.size())});
  for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
    const std::string name(IsaName(isa));
    const Outcome outcome = Fairlead({arguments, {{"FAIRLEAD_FORCE_ISA", name}}});
    if (CpuSupports(isa)) {
      EXPECT_EQ(outcome.exit_code, 0) << outcome;
      EXPECT_EQ(outcome.out, golden.prompt + golden.text + "\n") << name;
    } else {
      EXPECT_EQ(outcome.exit_code, 1) << outcome;
      EXPECT_NE(outcome.err.find("this CPU has no " + name), std::string::npos) << outcome;
    }
  }
}

TEST_F(Generate, ReferenceAndOneThreadWriteTheSameText) {
  const Greedy golden = HuggingFace().front();
  for (const auto& [option, value] : {std::pair{"--backend", "reference"}, {"--threads", "1"}}) {
    EXPECT_EQ(Text(golden.prompt, {"--temperature", "0", "--length", "24", option, value}),
              Text(golden.prompt, {"--temperature", "0", "--length", "24"}))
        << option;
  }
}

TEST_F(Generate, OnePromptStreamsTokenByToken) {
  const Outcome outcome =
      Fairlead(Arguments("The ship", {"--temperature", "0", "--length", "40", "--ignore_eos"}));
  EXPECT_EQ(outcome.exit_code, 0) << outcome;
  // The prompt, every token, the end of the line: tokens without visible text write nothing.
  EXPECT_EQ(outcome.writes.front(), "The ship");
  EXPECT_GE(outcome.writes.size(), 40u) << outcome;
  EXPECT_EQ(outcome.writes.back(), "\n");
}

TEST_F(Generate, SeveralPromptsAreEachWhatTheyAreAlone) {
  const std::vector<std::string> prompts = {"The ship", "Early in the morning the crew of the boat",
                                            "A", "What is a buoy?"};
  const std::vector<std::string> options = {"--seed", "7",        "--temperature",
                                            "0.8",    "--length", "40"};
  const std::string joined = prompts[0] + "|" + prompts[1] + "|" + prompts[2] + "|" + prompts[3];
  const auto together = Objects(joined, options);
  ASSERT_EQ(together.size(), prompts.size());
  std::string printed;
  for (size_t i = 0; i < prompts.size(); ++i) {
    EXPECT_EQ(together[i]["prompt"], prompts[i]);
    EXPECT_EQ(Objects(prompts[i], options), std::vector<Json>{together[i]});
    printed += (i > 0 ? "\n[" : "[") + std::to_string(i + 1) + "] " + prompts[i] +
               together[i]["text"].get<std::string>() + "\n";
  }
  EXPECT_EQ(Text(joined, options), printed);
}

TEST_F(Generate, SeedDecidesTheText) {
  std::set<std::string> texts;
  for (const char* seed : {"1", "2", "18446744073709551615"}) {
    const std::string text = Text("The ship", {"--seed", seed, "--length", "24"});
    EXPECT_EQ(Text("The ship", {"--seed", seed, "--length", "24"}), text);
    texts.insert(text);
  }
  EXPECT_EQ(texts.size(), 3u);
}

TEST_F(Generate, FiltersThatKeepOneTokenAreGreedy) {
  const std::string greedy = Text("The ship", {"--temperature", "0", "--length", "24"});
  for (const auto& [filter, value] :
       {std::pair{"--top_k", "1"}, {"--top_p", "1e-6"}, {"--min_p", "1"}}) {
    EXPECT_EQ(Text("The ship", {filter, value, "--seed", "3", "--length", "24"}), greedy) << filter;
  }
}

TEST_F(Generate, BothSpellingsAreOneOption) {
  const std::string underscores =
      Text("The ship", {"--top_k", "5", "--top_p=0.9", "--min_p", "0.01", "--ignore_eos"});
  EXPECT_EQ(Text("The ship", {"--top-k", "5", "--top-p=0.9", "--min-p", "0.01", "--ignore-eos"}),
            underscores);
  EXPECT_NE(Text("The ship", {}), underscores);
}

TEST_F(Generate, PromptsThatBeginWithDashesAreTakenAsTyped) {
  for (const std::string prompt : {"--top-p", "--no-such-option", "-- the ship", "-x"}) {
    EXPECT_TRUE(Text(prompt, {"--length", "2"}).starts_with(prompt)) << prompt;
  }
}

TEST_F(Generate, LengthBoundsTheAnswer) {
  for (const size_t length : {1u, 5u}) {
    const auto objects = Objects("The ship", {"--length", std::to_string(length), "--ignore_eos"});
    ASSERT_EQ(objects.size(), 1u);
    EXPECT_EQ(objects[0]["ids"].size(), length);
    EXPECT_EQ(objects[0]["finish_reason"], "length");
    EXPECT_EQ(objects[0]["prompt_tokens"], TinyIds("The ship").size());
  }
}

TEST_F(Generate, StopsAtTheEndTokenUnlessToldToGoOn) {
  const Json config = Json::parse(ReadText(TinyModel() / "generation_config.json"));
  const auto ends = config["eos_token_id"].get<std::set<int32_t>>();
  const Json stopped = AnswerToHello({});
  EXPECT_EQ(stopped["finish_reason"], "stop");
  const auto ids = stopped["ids"].get<std::vector<int32_t>>();
  ASSERT_LT(ids.size(), 400u);
  EXPECT_TRUE(ends.contains(ids.back()));
  EXPECT_FALSE(stopped["text"].get<std::string>().ends_with("|>")) << stopped;

  const Json going_on = AnswerToHello({"--ignore_eos"});
  const auto more = going_on["ids"].get<std::vector<int32_t>>();
  ASSERT_EQ(more.size(), 400u);
  EXPECT_TRUE(std::equal(ids.begin(), ids.end(), more.begin()));
  EXPECT_EQ(going_on["finish_reason"], "length");
}

TEST_F(Generate, FillsTheContextAndNotMore) {
  const Json config = Json::parse(ReadText(TinyModel() / "config.json"));
  const auto context = config["max_position_embeddings"].get<size_t>();
  const auto objects =
      Objects("The ship", {"--temperature", "0", "--length", "1000000", "--ignore_eos"});
  EXPECT_EQ(objects[0]["ids"].size() + TinyIds("The ship").size(), context);
  EXPECT_EQ(objects[0]["finish_reason"], "length");
}

TEST_F(Generate, SeveralAnswersAreThoseOfConsecutiveSeeds) {
  const auto together = Objects("The ship|A", {"--length", "16", "--seed", "5", "--n", "3"});
  ASSERT_EQ(together.size(), 6u);
  std::string printed;
  for (size_t i = 0; i < together.size(); ++i) {
    const std::string prompt = i < 3 ? "The ship" : "A";
    auto alone = Objects(prompt, {"--length", "16", "--seed", std::to_string(5 + i % 3)});
    ASSERT_EQ(alone.size(), 1u);
    EXPECT_EQ(together[i]["answer"], i % 3);
    for (const char* key : {"prompt", "text", "ids", "finish_reason", "prompt_tokens"}) {
      EXPECT_EQ(together[i][key], alone[0][key]) << i << " " << key;
    }
    printed += fmt::format("{}[{}.{}] {}{}\n", i > 0 ? "\n" : "", i / 3 + 1, i % 3 + 1, prompt,
                           together[i]["text"].get<std::string>());
  }
  EXPECT_EQ(Text("The ship|A", {"--length", "16", "--seed", "5", "--n", "3"}), printed);
}

TEST_F(Generate, AnswersMatchTheRegularExpression) {
  const std::string pattern = R"([A-Z][a-z]{2,8}( [a-z]+){1,4}\.)";
  const auto objects = Objects("The ship", {"--regex", pattern, "--n", "8", "--length", "400"});
  ASSERT_EQ(objects.size(), 8u);
  std::set<std::string> texts;
  for (const Json& object : objects) {
    const auto text = object["text"].get<std::string>();
    EXPECT_EQ(object["finish_reason"], "stop");
    EXPECT_TRUE(std::regex_match(text, std::regex(pattern))) << text;
    texts.insert(text);
  }
  EXPECT_GT(texts.size(), 1u);
}

TEST_F(Generate, GuessesChangeNoText) {
  // Forced repetition: the same words again and again.
  const std::vector<std::string> options = {
      "--regex", "( the ship and the crew;){12}", "--length", "200", "--json", "--stats"};
  Text("The ship", {"--length", "1"});  // into the cache
  const auto run = [&](const std::string& guesses) {
    auto arguments = Arguments("The crew and the ship:", options);
    arguments.insert(arguments.end(), {"--speculate", guesses});
    const Outcome outcome = Fairlead(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome;
    return std::pair(Json::parse(outcome.out), Json::parse(outcome.err));
  };
  const auto [plain, plain_stats] = run("0");
  const auto [guessed, stats] = run("6");
  EXPECT_EQ(guessed, plain);
  EXPECT_EQ(plain_stats["drafted_tokens"], 0);
  EXPECT_GT(stats["accepted_tokens"], 0);
  EXPECT_GE(stats["drafted_tokens"], stats["accepted_tokens"]);
  EXPECT_LT(stats["steps"], plain_stats["steps"]);
  const Greedy golden = HuggingFace().front();
  EXPECT_EQ(Text(golden.prompt, {"--temperature", "0", "--speculate", "4", "--length",
                                 std::to_string(golden.ids.size())}),
            golden.prompt + golden.text + "\n");
}

TEST_F(Generate, StopsBeforeAStopStringAndShowsNoPartOfIt) {
  const auto whole = Objects("The ship", {"--temperature", "0", "--length", "60"});
  const auto text = whole[0]["text"].get<std::string>();
  const std::string stop = text.substr(text.size() / 2, 7);
  const std::string expected = text.substr(0, text.find(stop));
  const std::vector<std::string> options = {"--temperature", "0",    "--length", "60",
                                            "--stop",        "zzzz", "--stop",   stop};
  const auto objects = Objects("The ship", options);
  EXPECT_EQ(objects[0]["text"], expected);
  EXPECT_EQ(objects[0]["finish_reason"], "stop");
  EXPECT_EQ(objects[0]["stop_string"], stop);
  EXPECT_EQ(Text("The ship", options), "The ship" + expected + "\n");
}

TEST_F(Generate, LogprobsAreThoseOfTheLikeliestTokensWhenGreedy) {
  const auto objects = Objects(
      "The ship", {"--temperature", "0", "--length", "8", "--top_logprobs", "3", "--ignore_eos"});
  const Json& object = objects[0];
  ASSERT_EQ(object["logprobs"].size(), 8u);
  ASSERT_EQ(object["top_logprobs"].size(), 8u);
  for (size_t i = 0; i < 8; ++i) {
    const Json& top = object["top_logprobs"][i];
    ASSERT_EQ(top.size(), 3u);
    EXPECT_EQ(top[0]["id"], object["ids"][i]);
    EXPECT_EQ(top[0]["logprob"], object["logprobs"][i]);
    EXPECT_GE(top[1]["logprob"], top[2]["logprob"]);
    EXPECT_LE(top[0]["logprob"], 0.0);
  }
  EXPECT_FALSE(Objects("The ship", {"--length", "2"})[0].contains("logprobs"));
}

TEST_F(Generate, BiasesAndPenaltiesMoveTheText) {
  constexpr size_t kLength = 40;
  const std::vector<std::string> greedy = {"--temperature", "0", "--ignore_eos", "--length",
                                           std::to_string(kLength)};
  const auto ids = Objects("The ship", greedy)[0]["ids"].get<std::vector<int32_t>>();
  const auto with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> options = greedy;
    options.insert(options.end(), more.begin(), more.end());
    return Objects("The ship", options)[0]["ids"].get<std::vector<int32_t>>();
  };
  const auto banned = with({"--logit_bias", std::to_string(ids[0]) + ":-100"});
  EXPECT_EQ(std::count(banned.begin(), banned.end(), ids[0]), 0);
  const auto forced = with({"--logit_bias", std::to_string(ids[3]) + ":100"});
  EXPECT_EQ(forced, std::vector<int32_t>(kLength, ids[3]));
  for (const char* penalty :
       {"--repetition_penalty", "--presence_penalty", "--frequency_penalty"}) {
    EXPECT_NE(with({penalty, "50"}), ids) << penalty;
  }
}

TEST_F(Generate, AnswersAreAtLeastMinTokensLong) {
  const size_t length = AnswerToHello({})["ids"].size();
  ASSERT_LT(length, 390u);
  const Json longer = AnswerToHello({"--min_tokens", std::to_string(length + 5)});
  EXPECT_GE(longer["ids"].size(), length + 5);
}

TEST_F(Generate, StatsAreLinesOnStderrOrOneObject) {
  Text("The ship", {"--length", "1"});  // into the cache
  const auto options = [](const char* last) {
    return Arguments("The ship|A boat", {"--length", "8", "--ignore_eos", last});
  };
  const Outcome outcome = Fairlead(options("--stats"));
  const std::vector<std::string> lines = outcome.ErrorLines();
  ASSERT_EQ(lines.size(), 9u) << outcome;
  const size_t prompt = TinyIds("The ship").size() + TinyIds("A boat").size();
  const std::string number = R"(\d+\.\d+)", size = R"(\d+(\.\d+)? [kMG]?B)";
  const std::string pages = R"(\d+ held, \d+ cached, \d+ free)";
  const std::string expected[] = {
      fmt::format("prompt: {} tokens, ", prompt) + number + " tokens/s",
      "generation: 16 tokens, " + number + " tokens/s",
      "time to first token: " + number + " s",
      fmt::format("prefix cache: 0 of {} tokens reused, by 0 of 2 admissions; 0 forks", prompt),
      "preemptions: 0",
      "speculation: 0 tokens drafted, 0 accepted",
      "KV cache: " + size + R"( for \d+ tokens; pages: \w+ )" + pages + R"(; \w+ )" + pages,
      "engine: " + number + " s of " + number + R"( s in \d+ steps)",
      "memory: " + size + " private \\(RssAnon\\), " + size + " file-mapped \\(RssFile\\)"};
  for (size_t i = 0; i < lines.size(); ++i) {
    EXPECT_TRUE(std::regex_match(lines[i], std::regex(expected[i]))) << lines[i];
  }
  auto json = options("--stats");
  json.push_back("--json");
  const Outcome object = Fairlead(json);
  ASSERT_EQ(object.ErrorLines().size(), 1u) << object;
  const Json stats = Json::parse(object.err);
  EXPECT_EQ(stats["prompt_tokens"], prompt);
  EXPECT_EQ(stats["generated_tokens"], 16);
  EXPECT_EQ(stats["kv_cache"]["pages"].size(), 2u);
}

TEST_F(Generate, StatsTellForksFromAdmissions) {
  const auto options = Arguments("The ship", {"--length", "4", "--n", "3", "--stats"});
  const Outcome outcome = Fairlead(options);
  const std::string line =
      fmt::format("prefix cache: 0 of {} tokens reused, by 0 of 1 admissions; 2 forks\n",
                  TinyIds("The ship").size());
  EXPECT_NE(outcome.err.find(line), std::string::npos) << outcome;
}

// Makes the model give NaN for every text with token `id` in it.
void Poison(const fs::path& model, int32_t id) {
  EditTensors(model / "model.safetensors", [id](Tensors& tensors) {
    Tensor& embedding = tensors.at("model.embed_tokens.weight");
    const auto width = static_cast<size_t>(embedding.shape[1]);
    constexpr uint16_t kNan = 0x7fc0;
    for (size_t i = 0; i < width; ++i) {
      embedding.As<uint16_t>()[static_cast<size_t>(id) * width + i] = kNan;
    }
  });
}

TEST_F(Generate, NanWeightsFailTheRequestsThatMeetThem) {
  CopyModel(TinyModel(), dir() / "model");
  const int32_t ship = TinyIds("The ship").back();
  Poison(dir() / "model", ship);
  // Nobody is to meet it in an answer.
  const std::vector<std::string> options = {
      "--temperature", "0", "--length", "8", "--logit_bias", fmt::format("{}:-100", ship)};
  std::vector<std::string> arguments = {"generate", dir() / "model", "--prompts", "The ship|MXFP4",
                                        "--json"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  const Outcome outcome = Fairlead(arguments);
  EXPECT_EQ(outcome.exit_code, 1) << outcome;
  EXPECT_NE(outcome.err.find("fairlead: [generate] \"The ship\": "), std::string::npos) << outcome;
  const std::vector<std::string> lines = Lines(outcome.out);
  ASSERT_EQ(lines.size(), 2u) << outcome;
  const Json failed = Json::parse(lines[0]);
  EXPECT_EQ(failed["finish_reason"], "error");
  EXPECT_TRUE(failed["ids"].empty());
  EXPECT_FALSE(failed["error"].get<std::string>().empty());
  EXPECT_EQ(std::vector<Json>{Json::parse(lines[1])}, Objects("MXFP4", options));
}

TEST_F(Generate, FullDiskIsAnErrorAndEndsTheWork) {
  const std::string error = "fairlead: cannot write to stdout\n";
  const Outcome streaming = Fairlead(
      {Arguments("The ship", {"--length", "900", "--ignore_eos", "--stats"}), {}, "", "/dev/full"});
  EXPECT_EQ(streaming.exit_code, 1) << streaming;
  EXPECT_TRUE(streaming.err.ends_with(error)) << streaming;
  EXPECT_EQ(streaming.err.find("generation: 900 tokens"), std::string::npos) << streaming;
  const Outcome at_the_end =
      Fairlead({Arguments("The ship", {"--length", "4", "--json"}), {}, "", "/dev/full"});
  EXPECT_EQ(at_the_end.exit_code, 1) << at_the_end;
  EXPECT_EQ(at_the_end.err, error);
}

}  // namespace
}  // namespace fairlead::e2e

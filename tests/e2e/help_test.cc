// What the program says about itself.
#include "tests/e2e/program.h"

namespace fairlead::e2e {
namespace {

struct Command {
  std::string name;
  std::vector<std::string> options;
};

const Command kCommands[] = {
    {"chat",
     {"MODEL",
      "--message",
      "--effort",
      "--system",
      "--developer",
      "--date",
      "--load",
      "--tools",
      "--tool_choice",
      "--yes_to_tools",
      "--think",
      "--color",
      "--json",
      "--no_header_constraint",
      "--length,--max_tokens",
      "--temperature",
      "--top_k",
      "--top_p",
      "--min_p",
      "--seed",
      "--repetition_penalty",
      "--presence_penalty",
      "--frequency_penalty",
      "--logit_bias",
      "--backend",
      "--profile",
      "--threads",
      "--tensor_parallel_size,--tp_degree",
      "--expert_parallel_size,--ep_degree"}},
    {"generate",
     {"MODEL",
      "--prompts",
      "--prompts_file",
      "--output",
      "--force",
      "--length,--max_tokens",
      "--min_tokens",
      "--stop",
      "--ignore_eos",
      "--regex",
      "--temperature",
      "--top_k",
      "--top_p",
      "--min_p",
      "--seed",
      "--n",
      "--repetition_penalty",
      "--presence_penalty",
      "--frequency_penalty",
      "--logit_bias",
      "--logprobs",
      "--top_logprobs",
      "--priority",
      "--max_batch",
      "--kv_cache_memory",
      "--speculate",
      "--stats",
      "--json",
      "--backend",
      "--profile",
      "--threads",
      "--tensor_parallel_size,--tp_degree",
      "--expert_parallel_size,--ep_degree"}},
    {"eval",
     {"MODEL", "--suite", "--suites", "--limit", "--output", "--answers", "--show_wrong", "--json",
      "--no_header_constraint", "--length,--max_tokens", "--max_batch", "--kv_cache_memory",
      "--speculate", "--stats", "--backend", "--profile", "--threads",
      "--tensor_parallel_size,--tp_degree", "--expert_parallel_size,--ep_degree"}},
    {"export",
     {"OUT", "--model", "--config", "--force", "--batch_size", "--sequence_length",
      "--max_context_length", "--prefill_chunk_size", "--tensor_parallel_size,--tp_degree",
      "--expert_parallel_size,--ep_degree", "--torch_dtype", "--target", "--output_logits",
      "--no_weights", "--validate", "--atol", "--json"}},
    {"load", {"OUT", "--verify", "--json"}},
    {"inspect",
     {"MODEL", "--batch_size", "--sequence_length", "--plan", "--tensor_parallel_size,--tp_degree",
      "--expert_parallel_size,--ep_degree", "--graph", "--tensors", "--json"}},
    {"tokenize", {"MODEL", "--text", "--input", "--output", "--parse_special"}},
    {"harmony", {"render", "parse"}},
    {"logits",
     {"MODEL", "--token_ids", "--backend", "--profile", "--threads", "--dump", "--inject",
      "--output", "--tensor_parallel_size,--tp_degree", "--expert_parallel_size,--ep_degree"}},
    {"compare",
     {"MODEL", "--a", "--b", "--token_ids", "--inject", "--share", "--tolerance", "--threads",
      "--all", "--json", "--model_b", "--tensor_parallel_size,--tp_degree",
      "--expert_parallel_size,--ep_degree"}},
};

class Help : public ProgramTest {
 protected:
  // The output of a run that prints to stdout alone.
  std::string Read(const std::vector<std::string>& arguments) const {
    const Outcome outcome = Fairlead(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome;
    EXPECT_EQ(outcome.err, "");
    return outcome.out;
  }
};

TEST_F(Help, OfEveryCommandNamesEveryOption) {
  for (const Command& command : kCommands) {
    const std::string text = Read({command.name, "--help"});
    EXPECT_NE(text.find("fairlead " + command.name), std::string::npos) << text;
    for (const std::string& option : command.options) {
      EXPECT_NE(text.find("\n  " + option + " "), std::string::npos) << option << " in " << text;
    }
    EXPECT_NE(text.find("--log_level"), std::string::npos) << text;
    EXPECT_EQ(Read({command.name, "-h"}), text);
  }
}

TEST_F(Help, OfTheProgramNamesEveryCommand) {
  const std::string text = Read({"--help"});
  for (const Command& command : kCommands) {
    EXPECT_NE(text.find("\n  " + command.name + " "), std::string::npos) << text;
  }
  for (const char* word : {"--version", "--log_level", "Exit codes"}) {
    EXPECT_NE(text.find(word), std::string::npos) << text;
  }
}

// An option that the table above lacks would go untested.
TEST_F(Help, NamesNoOtherOptions) {
  for (const Command& command : kCommands) {
    for (const std::string& line : Lines(Read({command.name, "--help"}))) {
      if (!line.starts_with("  --")) continue;
      const std::string option = line.substr(2, line.find(' ', 2) - 2);
      EXPECT_NE(std::find(command.options.begin(), command.options.end(), option),
                command.options.end())
          << command.name << " " << option;
    }
  }
}

TEST_F(Help, VersionIsTheBuilds) { EXPECT_EQ(Read({"--version"}), FAIRLEAD_VERSION "\n"); }

TEST_F(Help, IsWhatNoArgumentsGive) {
  const Outcome outcome = Fairlead(std::vector<std::string>{});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.err, Read({"--help"}));
  EXPECT_EQ(outcome.out, "");
}

}  // namespace
}  // namespace fairlead::e2e

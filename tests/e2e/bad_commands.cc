#include <numeric>

#include "tests/e2e/bad_input.h"
#include "tests/e2e/program.h"

namespace fairlead::e2e {
namespace {

using Words = std::vector<std::string>;

// `fairlead generate SOUND --prompts Hello` with more words.
BadCommand Generate(const std::string& name, const Words& more, const std::string& message) {
  Words arguments = {"generate", "SOUND", "--prompts", "Hello"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return {name, arguments, 2, message};
}

BadCommand Prompt(const std::string& name, const std::string& prompts, const std::string& message) {
  return {name, {"generate", "SOUND", "--prompts", prompts}, 2, message};
}

BadCommand TokenIds(const std::string& name, const std::string& ids, const std::string& message) {
  return {name, {"logits", "SOUND", "--token_ids", ids, "--output", "DIR/out"}, 2, message};
}

BadCommand Logits(const std::string& name, const Words& more, int exit_code,
                  const std::string& message) {
  Words arguments = {"logits", "SOUND", "--token_ids", "1,2,3"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return {name, arguments, exit_code, message};
}

BadCommand Export(const std::string& name, const Words& more, int exit_code,
                  const std::string& message) {
  Words arguments = {"export", "--model", TinyModel()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return {name, arguments, exit_code, message};
}

// An export with a neuron_config.json that the test's set-up writes.
BadCommand Configured(const std::string& name, const std::string& file, int exit_code,
                      const std::string& message) {
  return Export(name, {"DIR/out", "--config", "DIR/" + file}, exit_code, message);
}

BadCommand Tokenize(const std::string& name, const Words& more, int exit_code,
                    const std::string& message) {
  Words arguments = {"tokenize", "DIR/tokenizer"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return {name, arguments, exit_code, message};
}

BadCommand Harmony(const std::string& name, const Words& more, int exit_code,
                   const std::string& message) {
  Words arguments = {"harmony", "render", "--model", "DIR/tokenizer"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return {name, arguments, exit_code, message};
}

BadCommand Model(const std::string& name, const std::string& model, int exit_code,
                 const std::string& message) {
  return {name, {"generate", model, "--prompts", "Hello"}, exit_code, message};
}

std::vector<BadCommand> Parsing() {
  return {
      {"CommandMisspelt",
       {"genrate"},
       2,
       "unknown command \"genrate\"; did you mean generate? (see fairlead --help)"},
      {"CommandUnlikeAny",
       {"frobnicate"},
       2,
       "unknown command \"frobnicate\" (see fairlead --help)"},
      {"CommandWithALineBreak", {"load\nit"}, 2, "unknown command \"load\\nit\""},
      {"OptionMisspelt",
       {"generate", "SOUND", "--promts", "Hello"},
       2,
       "unknown option \"--promts\"; did you mean --prompts? (see fairlead generate --help)"},
      Generate("OptionMisspeltAmongGoodOnes", {"--lenght", "3"},
               "unknown option \"--lenght\"; did you mean --length?"),
      Generate("OptionMisspeltWithDashes", {"--ignore-eoss"},
               "unknown option \"--ignore_eoss\"; did you mean --ignore_eos?"),
      Generate("OptionMisspeltWithAValue", {"--sed=3"},
               "unknown option \"--sed\"; did you mean --seed?"),
      {"OptionOfAnotherCommand", {"load", "SOUND", "--seed", "1"}, 2, "unknown option \"--seed\""},
      {"OptionOfTheProgramMisspelt",
       {"--log_lvel", "debug", "load", "SOUND"},
       2,
       "unknown option \"--log_lvel\"; did you mean --log_level?"},
      Generate("ShortOptionUnknown", {"-x"}, "\"-x\""),
      Generate("ArgumentTooMany", {"again"},
               "unexpected argument \"again\" (see fairlead generate --help)"),
      {"ModelMissing", {"generate", "--prompts", "Hello"}, 2, "MODEL is required"},
      {"PromptsMissing",
       {"generate", "SOUND"},
       2,
       "one of --prompts and --prompts_file is required"},
      {"ExportWithoutModel",
       {"export", "DIR/out"},
       2,
       "--model: expected a checkpoint, here or as checkpoint_id of --config, got none"},
      {"ExportWithoutTarget", {"export", "--model", "SOUND"}, 2, "OUT is required"},
      {"ValueMissing", {"generate", "SOUND", "--prompts"}, 2, "--prompts: 1 required TEXT missing"},
      Generate("OptionTwice", {"--prompts", "Bye"}, "--prompts"),
      Generate("FlagWithAWord", {"--json=maybe"}, "--json"),
      {"LogLevelUnknown",
       {"--log_level", "loud", "load", "SOUND"},
       2,
       "expected debug, info, warning, error or off, got \"loud\""},
  };
}

std::vector<BadCommand> Numbers() {
  const std::string length = "--length: expected a whole number from 1 to 1073741824, got ";
  const std::string top_k = "--top_k: expected a whole number from 0 to 2147483647, got ";
  const std::string seed = "--seed: expected a whole number from 0 to 18446744073709551615, got ";
  const std::string temperature = "--temperature: expected a number of at least 0, got ";
  return {
      Generate("LengthOfLetters", {"--length", "abc"}, length + "\"abc\""),
      Generate("LengthOfZero", {"--length", "0"}, length + "\"0\""),
      Generate("LengthNegative", {"--length", "-3"}, length + "\"-3\""),
      Generate("LengthAFraction", {"--length", "1.5"}, length + "\"1.5\""),
      Generate("LengthWithAUnit", {"--length", "5k"}, length + "\"5k\""),
      Generate("LengthOctal", {"--length", "010"}, length + "\"010\""),
      Generate("LengthHexadecimal", {"--length", "0x10"}, length + "\"0x10\""),
      Generate("LengthHuge", {"--length", "99999999999999999999"}, length),
      Generate("LengthEmpty", {"--length="}, "--length"),
      Generate("TopKNegative", {"--top_k", "-1"}, top_k + "\"-1\""),
      Generate("TopKHuge", {"--top_k", "99999999999"}, top_k + "\"99999999999\""),
      Generate("SeedNegative", {"--seed", "-1"}, seed + "\"-1\""),
      Generate("SeedHuge", {"--seed", "18446744073709551616"}, seed + "\"18446744073709551616\""),
      Generate("TemperatureOfLetters", {"--temperature", "warm"}, temperature + "\"warm\""),
      Generate("TemperatureNegative", {"--temperature", "-1"}, temperature + "\"-1\""),
      Generate("TemperatureNan", {"--temperature", "nan"}, temperature + "\"nan\""),
      Generate("TemperatureInfinite", {"--temperature", "inf"}, temperature + "\"inf\""),
      Generate("TemperatureBeyondFloat", {"--temperature", "1e39"},
               "[sampler] temperature: expected a finite number of at least 0, got inf"),
      Generate("TemperatureWithAComma", {"--temperature", "0,5"}, temperature + "\"0,5\""),
      Generate("TopPOverOne", {"--top_p", "1.5"}, "--top_p: expected a number from 0 to 1, got"),
      Generate("TopPOfZero", {"--top_p", "0"}, "top_p: expected above 0 and at most 1, got 0"),
      Generate("MinPOverOne", {"--min_p", "2"},
               "--min_p: expected a number from 0 to 1, got \"2\""),
      Generate("MinPNegative", {"--min_p", "-0.1"}, "--min_p: expected a number from 0 to 1, got"),
      Generate("ThreadsNegative", {"--threads", "-1"},
               "--threads: expected a whole number from 0 to 1024, got \"-1\""),
      {"ToleranceNegative",
       {"compare", "SOUND", "--tolerance", "-1"},
       2,
       "--tolerance: expected a number of at least 0, got \"-1\""},
      {"InspectedSequenceBeyondTheModel",
       {"inspect", "SOUND", "--sequence_length", "2000"},
       2,
       "--sequence_length: expected 1 to 1024, got 2000"},
  };
}

std::vector<BadCommand> GenerateOptions() {
  return {
      Generate("PromptsTwice", {"--prompts_file", "DIR/file"}, "--prompts excludes --prompts_file"),
      Generate("OutputWithoutFile", {"--output", "DIR/out"}, "--output requires --prompts_file"),
      Generate("NoAnswers", {"--n", "0"}, "--n: expected a whole number from 1 to 1024, got \"0\""),
      Generate("MinTokensOverMaxTokens", {"--min_tokens", "9", "--max_tokens", "8"},
               "[generate] min_tokens: expected at most 8 (max_tokens), got 9"),
      Generate("LengthUnderTwoNames", {"--length", "9", "--max_tokens", "8"}, "--length"),
      Generate("StopEmpty", {"--stop="}, "--stop"),
      Generate("StopNotUtf8", {"--stop", "a\xff"},
               R"([generate] stop: expected text in UTF-8, got "a\xff")"),
      Generate("StopCutOffUtf8AsJson", {"--stop", "\xe6\xb5", "--json"},
               R"([generate] stop: expected text in UTF-8, got "\xe6\xb5")"),
      {"StopNotUtf8ForAFile",
       {"generate", "SOUND", "--prompts_file", "DIR/file", "--output", "DIR/out", "--stop", "\x80"},
       2,
       R"([generate] stop: expected text in UTF-8, got "\x80")"},
      Generate("PenaltyNegative", {"--repetition_penalty", "-1"},
               "--repetition_penalty: expected a number of at least 0, got \"-1\""),
      Generate("PenaltyTooLarge", {"--presence_penalty", "101"},
               "--presence_penalty: expected a number from -100 to 100, got \"101\""),
      Generate("BiasWithoutId", {"--logit_bias", "5"},
               "--logit_bias: expected ID:BIAS such as 50:-100, got \"5\""),
      Generate("BiasOfLetters", {"--logit_bias", "5:much"}, "got \"5:much\""),
      Generate("BiasOfAnUnknownToken", {"--logit_bias", "99999999:1"}, "logit_bias"),
      Generate("BiasTooLarge", {"--logit_bias", "5:1e9"}, "logit_bias"),
      Generate("BiasNan", {"--logit_bias", "5:nan"}, "logit_bias"),
      Generate("RegexBroken", {"--regex", "(a"}, "[regex]"),
      Generate("RegexThatNothingMatches", {"--regex", "a^b"}, "[regex]"),
      Generate(
          "LogprobsThatNobodySees", {"--logprobs"},
          "[generate] --logprobs: expected --json or --prompts_file to show them, got neither"),
      Generate("BatchOfNone", {"--max_batch", "0"},
               "--max_batch: expected a whole number from 1 to 1024, got \"0\""),
      Generate("SpeculateTooFar", {"--speculate", "65"},
               "--speculate: expected a whole number from 0 to 64, got \"65\""),
      Generate("MemoryWithoutUnit", {"--kv_cache_memory", "2000"},
               "--kv_cache_memory: expected a size such as 2GB or 512MiB, got \"2000\""),
      Generate("MemoryNone", {"--kv_cache_memory", "0GB"}, "--kv_cache_memory: expected a size"),
      {"MemoryTooSmall",
       {"generate", "SOUND", "--prompts", "Hello", "--kv_cache_memory", "1kB"},
       1,
       "[kv] memory: expected at least "},
      {"MemoryBeyondTheMachine",
       {"generate", "SOUND", "--prompts", "Hello", "--kv_cache_memory", "8000PB"},
       1,
       "--kv_cache_memory: expected at most "},
  };
}

std::vector<BadCommand> ExportOptions() {
  const std::string degree = "expected an integer from 1 to 1024, got ";
  return {
      Export("BatchOfZero", {"DIR/out", "--batch_size", "0"}, 2,
             "[export] batch_size: expected an integer from 1 to 1048576, got 0"),
      Export("BatchNegative", {"DIR/out", "--batch_size", "-1"}, 2,
             "[export] batch_size: expected an integer from 1 to 1048576, got -1"),
      Export("BatchOctal", {"DIR/out", "--batch_size", "010"}, 2,
             "[export] batch_size: expected an integer from 1 to 1048576, got \"010\""),
      Export("BatchEmpty", {"DIR/out", "--batch_size", ""}, 2, "batch_size"),
      Export("BatchTwice", {"DIR/out", "--batch_size", "1", "--batch-size", "2"}, 2,
             "--batch_size: At Most 1 required but received 2"),
      Export("BatchUnderTwoNames", {"DIR/out", "--batch_size", "1", "--max_batch_size", "2"}, 2,
             "[export] max_batch_size: expected 1, got 2: it is another name of batch_size"),
      Export("SequenceOfZero", {"DIR/out", "--sequence_length", "0"}, 2,
             "[export] sequence_length: expected an integer from 1 to 2147483647, got 0"),
      Export("SequenceBeyondTheModel", {"DIR/out", "--sequence_length", "2000"}, 2,
             "[export] sequence_length: expected 1 to 1024, got 2000"),
      Export("PromptBeyondTheSequence",
             {"DIR/out", "--sequence_length", "64", "--max_context_length", "65"}, 2,
             "[export] max_context_length: expected 1 to 64, got 65"),
      Export("ChunkNegative", {"DIR/out", "--prefill_chunk_size", "-1"}, 2,
             "[export] prefill_chunk_size: expected an integer from 0 to 1048576, got -1"),
      Export("NoRanks", {"DIR/out", "--tensor-parallel-size", "0"}, 2,
             "[export] tp_degree: " + degree + "0"),
      Export("RanksOfLetters", {"DIR/out", "--tp_degree", "two"}, 2,
             "[export] tp_degree: " + degree + "\"two\""),
      Export("NoExpertGroups", {"DIR/out", "--expert_parallel_size", "0"}, 2,
             "[export] ep_degree: " + degree + "0"),
      Export("TooManyExpertGroups", {"DIR/out", "--ep-degree", "1025"}, 2,
             "[export] ep_degree: " + degree + "1025"),
      Export("Pipeline", {"DIR/out", "--pp_degree", "2"}, 2,
             "[export] pp_degree: expected 1, got 2: layers are not spread over ranks"),
      Export("FusedQkv", {"DIR/out", "--fused_qkv"}, 2,
             "[export] fused_qkv: expected false, got true: q, k and v stay three projections"),
      Export("NoGluMlp", {"DIR/out", "--glu_mlp=false"}, 2,
             "[export] glu_mlp: expected true, got false: gpt-oss has gated experts"),
      Export("FlagNeitherTrueNorFalse", {"DIR/out", "--output_logits=maybe"}, 2,
             "[export] output_logits: expected true or false, got \"maybe\""),
      Export("DroppedTokens", {"DIR/out", "--capacity_factor", "1.5"}, 2,
             "[export] capacity_factor: expected null, got 1.5: dropping tokens is refused"),
      Export("DtypeUnknown", {"DIR/out", "--torch_dtype", "int8"}, 2,
             "[export] torch_dtype: expected auto, bfloat16 or float32, got \"int8\": "),
      Export("TargetNeuron", {"DIR/out", "--target", "trn2"}, 2,
             "[export] target: expected cpu, got \"trn2\": this build has no backend for Neuron"),
      Export("TargetBackendUnknown", {"DIR/out", "--target", "tpu"}, 2,
             "\"tpu\": expected reference or cpu"),
      Export("ExportOptionMisspelt", {"DIR/out", "--tp_degre", "2"}, 2,
             "unknown option \"--tp_degre\"; did you mean --tp_degree?"),
      Configured("ConfigAbsent", "none", 1, "[export] DIR/none: cannot open: No such file"),
      Configured("ConfigAFolder", "folder", 1, "[export] DIR/folder: expected a regular file"),
      Configured("ConfigNotJson", "file", 1, "[export] DIR/file: invalid JSON at byte"),
      Configured("ConfigOfAnotherShape", "list.json", 1,
                 "[export] DIR/list.json: expected a JSON object, got []"),
      Configured("ConfigWithATypingError", "misspelt.json", 1,
                 "[export] DIR/misspelt.json: tp_degre: expected no such option, got 8; did you "
                 "mean tp_degree?"),
      Configured("ConfigForAnotherDevice", "neuron.json", 1,
                 "[export] DIR/neuron.json: fused_qkv: expected false, got true: q, k and v"),
      {"ConfigWithoutCheckpoint",
       {"export", "--config", "DIR/empty.json", "DIR/out"},
       2,
       "--model: expected a checkpoint, here or as checkpoint_id of --config, got none"},
      {"ConfigOfAnAbsentCheckpoint",
       {"export", "--config", "DIR/absent.json", "DIR/out"},
       1,
       "hf download a/b --exclude 'original/*' --exclude 'metal/*' --revision v2"},
  };
}

std::vector<BadCommand> Choices() {
  const auto vocabulary = TinyConfig()["vocab_size"].get<int32_t>();
  BadCommand isa = Generate("InstructionSetUnknown", {},
                            "FAIRLEAD_FORCE_ISA: expected scalar, avx2 or avx512, got \"mmx\"");
  isa.environment = {{"FAIRLEAD_FORCE_ISA", "mmx"}};
  return {
      isa,
      Generate("BackendUnknown", {"--backend", "tpu"}, "\"tpu\": expected reference or cpu"),
      Generate("ProfileUnknown", {"--profile", "fast"}, "--profile: fast not in {exact}"),
      Prompt("PromptEmpty", "", "prompt: expected at least 1 token, got 0"),
      Prompt("PromptEmptyAmongOthers", "Hello||Bye", "prompt: expected at least 1 token, got 0"),
      Prompt("PromptNotUtf8", "Hello \xff",
             "text: expected UTF-8, got a broken sequence at byte 6"),
      Prompt("PromptLongerThanTheContext", std::string(3000, '7'),
             "prompt: expected at most 1023 tokens and one more for the answer, got "),
      TokenIds("TokenIdsOfLetters", "1,two", "--token_ids: expected numbers such as 1,2,3, got"),
      TokenIds("TokenIdsEmpty", "", "--token_ids: expected numbers such as 1,2,3, got \"\""),
      TokenIds("TokenIdsWithAHole", "1,,2", "--token_ids: expected numbers such as 1,2,3"),
      TokenIds("TokenIdsUnfinished", "1,2,", "--token_ids: expected numbers such as 1,2,3"),
      TokenIds("TokenIdNegative", "1,-2", "--token_ids: expected numbers such as 1,2,3"),
      TokenIds("TokenIdBeyond32Bits", "4294967297", "--token_ids: expected numbers such as 1,2,3"),
      TokenIds("TokenIdOutsideTheVocabulary", fmt::format("1,{}", vocabulary),
               fmt::format("token id: expected 0 to {}, got {}", vocabulary - 1, vocabulary)),
      TokenIds("TokenIdsLongerThanTheContext", JoinIds(std::vector<int32_t>(1025, 7)),
               "token ids: expected 1 to 1024, got 1025"),
  };
}

std::vector<BadCommand> Files() {
  return {
      Logits("LogitsWithoutOutput", {}, 2, "--output is required"),
      Logits("LogitsIntoNoFolder", {"--output", "DIR/none/out"}, 1,
             "DIR/none/out: cannot create: No such file or directory"),
      Logits("LogitsOntoAFolder", {"--output", "DIR/folder"}, 1,
             "DIR/folder: cannot create: Is a directory"),
      Logits("InjectionMissing", {"--output", "DIR/out", "--inject", "DIR/none"}, 1,
             "DIR/none: cannot open: No such file or directory"),
      Logits("InjectionOfAnotherKind", {"--output", "DIR/out", "--inject", "DIR/file"}, 1,
             "[safetensors] DIR/file: expected"),
      Logits("InjectionOfAnotherWidth", {"--output", "DIR/out", "--inject", "DIR/width"}, 1,
             "[inject] norm: expected F32 rows of [128], got F32 [3, 64]"),
      Logits("InjectionOfAnotherType", {"--output", "DIR/out", "--inject", "DIR/type"}, 1,
             "[inject] norm: expected F32 rows of [128], got I32 [3, 128]"),
      Logits("InjectionTooShort", {"--output", "DIR/out", "--inject", "DIR/short"}, 1,
             "[inject] norm: expected a row per token, got 2 rows"),
      Logits("InjectionOfUnknownNames", {"--output", "DIR/out", "--inject", "DIR/unknown"}, 1,
             "[inject] \"layers.9.output\": expected a name of the graph"),
      {"CompareNothingKnown",
       {"compare", "SOUND", "--b", "gpu"},
       2,
       "\"gpu\": expected reference, cpu (cpu@4, cpu@2x4 for tp and ep degrees) or a "
       "safetensors file"},
      {"CompareTwoFiles",
       {"compare", "SOUND", "--a", "DIR/width", "--b", "DIR/short"},
       2,
       "at most one of --a and --b is a file"},
      {"CompareFileWithoutIds",
       {"compare", "SOUND", "--b", "DIR/width"},
       1,
       "the file has no input_ids (i32); give --token_ids"},
      {"CompareFileWithoutKnownValues",
       {"compare", "SOUND", "--b", "DIR/unknown", "--token_ids", "1,2"},
       1,
       "A and B have no value in common"},
      Tokenize("TokenizeNothing", {}, 2, "one of --text and --input is required"),
      Tokenize("TokenizeBoth", {"--text", "a", "--input", "DIR/file"}, 2,
               "--text excludes --input"),
      Tokenize("TokenizeOutputAlone", {"--output", "DIR/out"}, 2, "--output requires --input"),
      Tokenize("TokenizeNoFile", {"--input", "DIR/none", "--output", "DIR/out"}, 1,
               "--input DIR/none: cannot be read"),
      Tokenize("TokenizeAFolder", {"--input", "DIR/folder", "--output", "DIR/out"}, 2,
               "--input DIR/folder: expected a file, got a folder"),
      Tokenize("TokenizeOntoItself", {"--input", "DIR/file", "--output", "DIR/./file"}, 2,
               "--output DIR/./file: expected another file than --input, got the same"),
      Tokenize("TokenizeIntoNoFolder", {"--input", "DIR/file", "--output", "DIR/none/out"}, 1,
               "--output DIR/none/out: cannot be written"),
      Tokenize("TokenizeNotUtf8", {"--text", "a\xc3"}, 2, "text: expected UTF-8, got a broken"),
      {"HarmonyMisspelt",
       {"harmony", "rendr"},
       2,
       "unknown command \"rendr\"; did you mean render? (see fairlead harmony --help)"},
      Harmony("HarmonyWithoutInput", {}, 2, "--input is required"),
      {"HarmonyWithoutAModel",
       {"harmony", "parse", "--input", "DIR/file"},
       2,
       "--model is required"},
      Harmony("HarmonyNoFile", {"--input", "DIR/none"}, 1,
              "[harmony] --input DIR/none: cannot be read"),
      Harmony("HarmonyOntoItself", {"--input", "DIR/file", "--output", "DIR/./file"}, 2,
              "[harmony] --output DIR/./file: expected another file than --input, got the same"),
  };
}

std::vector<BadCommand> Models() {
  return {
      Model("ModelEmpty", "", 2, "expected a folder or an id, got \"\""),
      Model("ModelAbsent", "DIR/none", 1,
            "\"DIR/none\": expected a folder, or an id such as openai/gpt-oss-20b, got neither"),
      Model("ModelAFile", "DIR/file", 2, "DIR/file: expected a folder, got a file"),
      Model("ModelFolderOfOtherThings", "DIR/folder", 1,
            "DIR/folder: expected a folder with fairlead.json, config.json or tokenizer.json, got "
            "none of them"),
      Model("ModelATokenizer", "DIR/tokenizer", 1,
            "expected a checkpoint or an artifact, got a tokenizer alone"),
      Model(
          "ModelWithADanglingLink", "DIR/dangling", 1,
          "DIR/dangling/config.json: expected the file /nonexistent/config.json that it links to"),
      Model("ModelADanglingLink", "DIR/link", 1, "\"DIR/link\": expected a folder, or an id"),
      Model("ModelNotInTheHubCache", "openai/gpt-oss-120b", 1,
            "hf download openai/gpt-oss-120b --exclude 'original/*' --exclude 'metal/*'"),
      Model("ModelRevisionNotInTheHubCache", "a/b@v2", 1,
            "hf download a/b --exclude 'original/*' --exclude 'metal/*' --revision v2"),
      Model("ModelIdOutOfTheHubCache", "a/b@../../../etc", 1, "got neither"),
      Model("ModelWithALineBreak", "a\nb", 1, "\"a\\nb\": expected a folder"),
      Model("ModelFolderWithALineBreak", "DIR/line\nbreak", 1,
            "DIR/line\\nbreak: expected a folder"),
      {"LoadOfACheckpoint",
       {"load", TinyModel()},
       2,
       "expected an artifact (a folder with fairlead.json); make one with `fairlead export"},
      {"ExportOfAnArtifact",
       {"export", "--model", "SOUND", "DIR/out"},
       2,
       "--model SOUND: expected a checkpoint with config.json, got an artifact"},
      {"ExportOfATokenizer",
       {"export", "--model", "DIR/tokenizer", "DIR/out"},
       2,
       "expected a checkpoint with config.json, got a tokenizer"},
      Export("TargetAnArtifact", {"SOUND"}, 2,
             "SOUND: expected no such folder, got an artifact; --force replaces it"),
      Export("TargetAnotherFolder", {"DIR/folder", "--force"}, 2,
             "DIR/folder: expected no such folder, got one that is no artifact, which is never "
             "replaced"),
      Export("TargetAFile", {"DIR/file"}, 2, "DIR/file: expected no such folder, got a file"),
      Export("TargetADanglingLink", {"DIR/link"}, 2,
             "DIR/link: expected no such folder, got a link"),
      Export("TargetInAFile", {"DIR/file/out"}, 1, "DIR/file: cannot create the folder"),
      Export("TargetUnwritable", {"/proc/self/out"}, 1, "cannot create the folder"),
      Export("TargetEmpty", {""}, 2, "expected a new folder's name"),
      Export("TargetTheRoot", {"/"}, 2, "\"/\": expected a new folder's name, got none"),
  };
}

}  // namespace

std::vector<BadCommand> BadCommands() {
  std::vector<BadCommand> all;
  for (const auto& group :
       {Parsing(), Numbers(), GenerateOptions(), ExportOptions(), Choices(), Files(), Models()}) {
    all.insert(all.end(), group.begin(), group.end());
  }
  return all;
}

}  // namespace fairlead::e2e

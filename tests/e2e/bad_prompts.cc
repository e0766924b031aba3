#include "tests/e2e/bad_input.h"

namespace fairlead::e2e {
namespace {

// A good line, then a bad one.
BadPrompts Second(const std::string& name, const std::string& line, const std::string& message) {
  return {name, "{\"prompt\": \"The ship\"}\n" + line + "\n",
          "fairlead: [generate] FILE:2: " + message};
}

// A line whose prompt is good and whose key `setting` is not.
BadPrompts Setting(const std::string& name, const std::string& setting,
                   const std::string& message) {
  return Second(name, R"({"prompt": "The ship", )" + setting + "}", message);
}

std::vector<BadPrompts> Lines() {
  const std::string none = "expected either prompt or prompt_ids, got ";
  std::string deep = R"({"prompt": "a", "stop": )" + std::string(70, '[') + std::string(70, ']');
  return {
      {"EmptyFile", "", "[generate] FILE: expected at least one prompt, got none"},
      {"BlankLinesAlone", "\n \r\n\t", "[generate] FILE: expected at least one prompt, got none"},
      {"FirstLineNotJson", "The ship\n", "[generate] FILE:1: invalid JSON at byte"},
      {"LastLineCutOff", "{\"prompt\": \"The", "[generate] FILE:1: invalid JSON at byte"},
      Second("EmptyLine", "\n{\"prompt\": \"A\"}", "invalid JSON at byte"),
      Second("BlankLine", " \t\r\n{\"prompt\": \"A\"}", "invalid JSON at byte"),
      Second("Number", "17", "expected an object, got 17"),
      Second("Array", R"(["The ship"])", R"(expected an object, got ["The ship"])"),
      Second("Text", R"("The ship")", R"(expected an object, got "The ship")"),
      Second("TwoObjects", R"({"prompt": "a"} {"prompt": "b"})", "invalid JSON at byte"),
      Second("Comment", R"({"prompt": "a"} // b)", "invalid JSON at byte"),
      Second("EmptyObject", "{}", none + "neither"),
      Second("BothPrompts", R"({"prompt": "a", "prompt_ids": [1]})", none + "both"),
      Second("KeyTwice", R"({"prompt": "a", "prompt": "b"})", "duplicate key \"prompt\""),
      Second("NulByte", std::string("{\"prompt\": \"a\0b\"}", 17), "invalid JSON at byte"),
      Second("InvalidUtf8", "{\"prompt\": \"\xff\"}", "invalid JSON at byte"),
      Second("CutOffUtf8", "{\"prompt\": \"\xe6\xb5\"}", "invalid JSON at byte"),
      Second("LoneSurrogate", R"({"prompt": "\ud800"})", "invalid JSON at byte"),
      Second("TooDeep", deep + "}", "JSON nested deeper than"),
  };
}

std::vector<BadPrompts> Prompts() {
  return {
      Second("PromptANumber", R"({"prompt": 5})", "prompt: expected text, got 5"),
      Second("PromptNull", R"({"prompt": null})", "prompt: expected text, got null"),
      Second("PromptEmpty", R"({"prompt": ""})", "prompt: expected text, got \"\""),
      Second("IdsEmpty", R"({"prompt_ids": []})", "prompt_ids: expected an array of token ids"),
      Second("IdsText", R"({"prompt_ids": "1,2"})", "prompt_ids: expected an array of token ids"),
      Second("IdNegative", R"({"prompt_ids": [1, -1]})",
             "prompt_ids[1]: expected a token id below"),
      Second("IdAFraction", R"({"prompt_ids": [1.0]})", "prompt_ids[0]: expected a token id below"),
      Second("IdOutOfVocabulary", R"({"prompt_ids": [1, 2, 100000000]})",
             "prompt_ids[2]: expected a token id below "),
      Second("IdHuge", R"({"prompt_ids": [18446744073709551615]})", "prompt_ids[0]: expected"),
      Second("IdBeyondIntegers", R"({"prompt_ids": [99999999999999999999]})",
             "prompt_ids[0]: expected"),
      Second("IdsNested", R"({"prompt_ids": [[1]]})", "prompt_ids[0]: expected a token id below"),
  };
}

std::vector<BadPrompts> Settings() {
  const std::string tokens = "max_tokens: expected a whole number from 1 to 1073741824, got ";
  return {
      Setting("KeyUnknown", R"("max_token": 5)",
              "\"max_token\": expected no such key; did you mean max_tokens?"),
      Setting("KeyUnlikeAny", R"("frobnication": 5)", "\"frobnication\": expected no such key"),
      Setting("KeyOfTheProgram", R"("max_batch": 5)", "\"max_batch\": expected no such key"),
      Setting("IdAnObject", R"("id": {})", "id: expected a string or a number, got {}"),
      Setting("IdNull", R"("id": null)", "id: expected a string or a number, got null"),
      Setting("TokensText", R"("max_tokens": "5")", tokens),
      Setting("TokensFraction", R"("max_tokens": 5.0)", tokens + "5.0"),
      Setting("TokensNone", R"("max_tokens": 0)", tokens + "0"),
      Setting("TokensHuge", R"("max_tokens": 1e999)", "invalid JSON at byte"),
      Setting("TokensBeyond64Bits", R"("max_tokens": 18446744073709551615)", tokens),
      Setting("TokensNull", R"("max_tokens": null)", tokens + "null"),
      Setting("MinOverMax", R"("max_tokens": 3, "min_tokens": 4)",
              "min_tokens: expected at most 3 (max_tokens), got 4"),
      Setting("MinOverTheDefault", R"("min_tokens": 129)",
              "min_tokens: expected at most 128 (max_tokens), got 129"),
      Setting("TemperatureNan", R"("temperature": NaN)", "invalid JSON at byte"),
      Setting("TemperatureInfinite", R"("temperature": 1e39)", "temperature: expected a finite"),
      Setting("TemperatureNegative", R"("temperature": -0.1)",
              "temperature: expected a number of at least 0, got -0.1"),
      Setting("TopKNegative", R"("top_k": -1)", "top_k: expected a whole number from 0 to"),
      Setting("TopPNone", R"("top_p": 0)", "top_p: expected above 0 and at most 1, got 0"),
      Setting("MinPOverOne", R"("min_p": 1.5)", "min_p: expected a number from 0 to 1, got 1.5"),
      Setting("SeedNegative", R"("seed": -1)", "seed: expected a whole number from 0 to"),
      Setting("AnswersNone", R"("n": 0)", "n: expected a whole number from 1 to 1024, got 0"),
      Setting("AnswersTooMany", R"("n": 1025)", "n: expected a whole number from 1 to 1024"),
      Setting("PenaltyText", R"("repetition_penalty": "high")", "repetition_penalty: expected"),
      Setting("FlagANumber", R"("ignore_eos": 1)", "ignore_eos: expected true or false, got 1"),
      Setting("StopANumber", R"("stop": 5)", "stop: expected a string or an array of strings"),
      Setting("StopNotOnlyTexts", R"("stop": ["a", 5])", "stop: expected a string or an array"),
      Setting("StopEmpty", R"("stop": [""])", "stop: expected text in UTF-8, got \"\""),
      Setting("RegexBroken", R"("regex": "(")", "position "),
      Setting("RegexANumber", R"("regex": 5)", "regex: expected a string, got 5"),
      Setting("RegexWithALookBehind", R"("regex": "(?<=a)b")", "position "),
      Setting("BiasAnArray", R"("logit_bias": [1])", "logit_bias: expected an object such as"),
      Setting("BiasOfAWord", R"("logit_bias": {"the": 1})", "logit_bias: expected an object"),
      Setting("BiasText", R"("logit_bias": {"5": "1"})", "logit_bias: expected an object such as"),
      Setting("BiasHuge", R"("logit_bias": {"5": 1e30})", "logit_bias"),
      Setting("BiasOfAnUnknownToken", R"("logit_bias": {"100000000": 1})", "logit_bias"),
      Setting("BiasTwice", R"("logit_bias": {"5": 1, "05": 2})", "logit_bias"),
      Setting("PriorityAFraction", R"("priority": 0.5)", "priority: expected a whole number from"),
      Setting("TopLogprobsTooMany", R"("top_logprobs": 1001)", "top_logprobs: expected a whole"),
  };
}

}  // namespace

std::vector<BadPrompts> BadPromptFiles() {
  std::vector<BadPrompts> all;
  for (const auto& group : {Lines(), Prompts(), Settings()}) {
    all.insert(all.end(), group.begin(), group.end());
  }
  return all;
}

}  // namespace fairlead::e2e

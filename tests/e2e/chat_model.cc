#include "tests/e2e/chat_model.h"

#include <fmt/format.h>

#include "tests/e2e/program.h"

namespace fairlead::e2e {

std::string SpecialBias(const std::string& name, int bias) {
  static const Json tokenizer = Json::parse(ReadText(TinyModel() / "tokenizer.json"));
  for (const Json& token : tokenizer["added_tokens"]) {
    if (token["content"] == name) return fmt::format("{}:{}", token["id"].get<int>(), bias);
  }
  ADD_FAILURE() << "no token " << name;
  return "";
}

std::vector<std::string> EndlessAnswer() {
  std::vector<std::string> options;
  for (const char* name : {"<|end|>", "<|return|>", "<|call|>", "<|endoftext|>"}) {
    options.insert(options.end(), {"--logit_bias", SpecialBias(name, -100)});
  }
  return options;
}

std::vector<std::string> ThinkingThenText() {
  return {"--temperature", "0", "--max_tokens", "300"};
}

std::vector<std::string> Babble() { return {"--temperature", "3", "--max_tokens", "24"}; }

std::string DateTool(const std::string& command, const std::string& more) {
  return fmt::format(R"([{{"name": "{}", "description": "{}", "command": {}{}}}])", kDateTool,
                     kDateToolDescription, command, more);
}

std::vector<std::string> DateCall() { return ThinkingThenText(); }

std::vector<std::string> EmptyCall() {
  return {
      "--temperature", "0", "--max_tokens", "300", "--logit_bias", SpecialBias("<|call|>", 100)};
}

}  // namespace fairlead::e2e

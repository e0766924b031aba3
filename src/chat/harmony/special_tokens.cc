#include "chat/harmony/special_tokens.h"

#include <string_view>
#include <utility>

namespace fairlead {

Result<HarmonyTokens> FindHarmonyTokens(const Tokenizer& tokenizer) {
  HarmonyTokens tokens{};
  const std::pair<std::string_view, int32_t*> names[] = {
      {"<|start|>", &tokens.start},
      {"<|channel|>", &tokens.channel},
      {"<|constrain|>", &tokens.constrain},
      {"<|message|>", &tokens.message},
      {"<|end|>", &tokens.end},
      {"<|return|>", &tokens.ret},
      {"<|call|>", &tokens.call},
      {"<|endoftext|>", &tokens.end_of_text},
  };
  for (const auto& [name, id] : names) {
    const std::optional<int32_t> found = tokenizer.SpecialId(name);
    if (!found) {
      return Fail(ErrorCode::kInvalidData, "harmony",
                  "tokenizer: expected harmony's special token {}, got none of that name", name);
    }
    *id = *found;
  }
  return tokens;
}

}  // namespace fairlead

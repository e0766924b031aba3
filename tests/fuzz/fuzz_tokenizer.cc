// tokenizer.json from any bytes: it is refused with an error or gives a tokenizer that can be used.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tokenizer/tokenizer.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto tokenizer = fairlead::Tokenizer::FromJsonText(bytes, "fuzz");
  if (!tokenizer) {
    Require(tokenizer.error().message.find('\n') == std::string::npos);
    return 0;
  }
  // The file's own bytes serve as text, where they are text.
  for (const std::string_view text :
       {std::string_view("Hello, <|end|> it's\n 12345 é🙂"), bytes}) {
    const auto ids = (*tokenizer)->Encode(text.substr(0, 4096), true);
    if (!ids) continue;  // a pattern that backtracks without end, or text cut inside a character
    const auto decoded = (*tokenizer)->Decode(*ids);
    Require(decoded.has_value() && *decoded == text.substr(0, 4096));
  }
  return 0;
}

// Texts as tokens of o200k.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "tests/tokenizer/vocabularies.h"

namespace fairlead::testing {

inline const Tokenizer::Pointer& O200k() {
  static const Tokenizer::Pointer tokenizer = Vocabulary("o200k");
  return tokenizer;
}

// Names of special tokens are these tokens.
inline std::vector<int32_t> Ids(std::string_view text) {
  return O200k()->Encode(text, true).value();
}

// Without special tokens.
inline std::vector<int32_t> Spelled(std::string_view text) {
  return O200k()->Encode(text, false).value();
}

// One token for each byte.
inline std::vector<int32_t> ByteIds(std::string_view bytes) {
  std::vector<int32_t> ids;
  for (const char byte : bytes) {
    for (int32_t id = 0; id < 256; ++id) {
      if (O200k()->TokenBytes(id) == std::string_view(&byte, 1)) ids.push_back(id);
    }
  }
  return ids;
}

inline std::vector<int32_t> Joined(std::initializer_list<std::vector<int32_t>> parts) {
  std::vector<int32_t> ids;
  for (const auto& part : parts) ids.insert(ids.end(), part.begin(), part.end());
  return ids;
}

}  // namespace fairlead::testing

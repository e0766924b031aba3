// The two real vocabularies and a small one that tests can break.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "tokenizer/tokenizer.h"

namespace fairlead::testing {

// tokenizer.json of "o200k" (fetched, not committed) or "tiny" (the demo model's).
std::filesystem::path VocabularyPath(std::string_view name);

// The tokenizer of that file, read once per process. Throws, which fails the test, when the file is
// missing; the message names the script that fetches it.
Tokenizer::Pointer Vocabulary(std::string_view name);

// The lines of tests/data/tokenizer/`file`, each parsed.
std::vector<Json> ReadGoldens(const std::string& file);

// 64-bit FNV-1a in hexadecimal, as make_goldens.py writes it.
std::string Fnv1a(std::string_view bytes);

// A folder of its own for the test that runs, empty.
std::filesystem::path FreshFolder(std::string_view name);

// A valid tokenizer.json: 256 byte tokens (ids by value), then "ab" 256, "abc" 257, "bc" 258 with
// the merges a+b, ab+c, b+c, and the special token "<|end|>" 259. The split pattern is \S+|\s+.
Json SmallTokenizer();

}  // namespace fairlead::testing

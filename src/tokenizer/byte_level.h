// The byte-level alphabet of tokenizer.json: one printable character for each of the 256 bytes.
#pragma once

#include <string>
#include <string_view>

namespace fairlead {

// Appends the bytes that `text` (UTF-8) stands for to `bytes`. Returns false, with `bytes` partly
// written, where a character is outside of the alphabet. Source: GPT-2's bytes_to_unicode.
bool AppendByteLevel(std::string_view text, std::string& bytes);

}  // namespace fairlead

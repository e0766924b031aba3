// The lines of `fairlead tokenize`: one JSON object in, one JSON object out.
#pragma once

#include <string>
#include <string_view>

#include "tokenizer/tokenizer.h"

namespace fairlead {

// Answers one line, without its line break:
//   {"text": "...", "parse_special": false}  ->  {"ids": [...]}        (parse_special may be
//   absent)
//   {"ids": [...]}                           ->  {"text": "..."}
//   {"ids": [...], "stream": true}           ->  {"chunks": ["...", ...], "tail": "..."}
// `chunks` has one text per id, as StreamDecoder gives them. Anything else, and anything the
// tokenizer refuses, gives {"error": "..."}; never fails otherwise.
std::string TokenizeLine(const Tokenizer::Pointer& tokenizer, std::string_view line);

}  // namespace fairlead

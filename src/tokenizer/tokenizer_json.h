// Reads tokenizer.json into tables.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "tokenizer/tables.h"

namespace fairlead {

// `json` is taken by value: the parser needs room after the text. `object` names it in errors.
// The result has passed CheckTables.
Result<Tables> ParseTokenizerJson(std::string json, std::string_view object);

}  // namespace fairlead

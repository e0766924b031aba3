// Commands that answer lines of JSON, one line each.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace fairlead {

struct JsonLinesOptions {
  std::string input;   // a file, or - for stdin
  std::string output;  // a file, or - or nothing for stdout
};

// Answers every line of the input, in order. `command` names itself in errors: kNotFound or kIo
// for files that cannot be opened, read or written, kInvalidArgument when input and output are one.
Status AnswerLines(std::string_view command, const JsonLinesOptions& options,
                   const std::function<std::string(std::string_view line)>& answer);

}  // namespace fairlead

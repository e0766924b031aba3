// Questions with checkable answers: a suite is a file of JSON lines, each an item (docs/eval.md).
#pragma once

#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "chat/openai/chat_request.h"

namespace fairlead {

// What the model is to answer: a call of one tool, whose result it is then told; a text; or a JSON
// value.
struct ExpectedCall {
  std::string name;  // as the request declares it
  Json arguments;    // an object
  std::string result;
};
struct ExpectedText {
  std::string text;
};
struct ExpectedJson {
  Json value;
};
using ExpectedStep = std::variant<ExpectedCall, ExpectedText, ExpectedJson>;

struct EvalItem {
  std::string id;
  ChatRequest request;
  std::vector<ExpectedStep> steps;  // calls, then one that is none
  Json expect;                      // `steps` as they were written

  // The user's last message.
  std::string Question() const;
};

struct EvalSuite {
  std::string name;
  std::vector<EvalItem> items;
};

// One line of a suite. kInvalidArgument, kUnsupported: the path of what is wrong, what was expected
// and what was found.
Result<EvalItem> ReadEvalItem(const Json& line);

// Reads a whole suite, NAME.jsonl, a regular file of at most 1 GiB. The first bad line is an error
// with its number.
Result<EvalSuite> ReadEvalSuite(const std::filesystem::path& path);

// Reads the suites `names` of a folder, or all that it has but for hidden files, in the order of
// their names. kInvalidArgument for a name that it has not: the error lists those that it has.
Result<std::vector<EvalSuite>> ReadEvalSuites(const std::filesystem::path& folder,
                                              const std::vector<std::string>& names);

}  // namespace fairlead

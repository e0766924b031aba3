// Whether an answer is right.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "chat/chat_format.h"
#include "cli/eval/suite_file.h"
#include "runtime/request.h"

namespace fairlead {

// The messages of one answer, and how it ended.
struct EvalAnswer {
  std::vector<ParsedMessage> messages;
  FinishReason finish_reason = FinishReason::kStop;
};

// Whether `answer` is what `step` expects. An answer that did not end by itself is not. A call has
// to be the only one, of that tool with equal arguments, and without a message in channel final. A
// text or JSON value has to be the only message in channel final, without any call; white space at
// both ends does not count. Reasoning and preambles may say anything. `callable` are the recipients
// of the request's tools.
bool IsRight(const ExpectedStep& step, const EvalAnswer& answer,
             const std::vector<std::string>& callable);

// The message of the call that IsRight found right; for tools to answer to.
const Message& CallIn(const EvalAnswer& answer, const std::vector<std::string>& callable);

// "weather {"city": "Oslo"}", "42": what is expected and what was answered, for people.
std::string Describe(const ExpectedStep& step);
std::string Describe(const EvalAnswer& answer, const std::vector<std::string>& callable);

}  // namespace fairlead

// A model's answer as the OpenAI APIs name its parts, whole and as it comes in.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/chat_format.h"
#include "chat/openai/destination.h"
#include "runtime/request.h"

namespace fairlead {

enum class CompletionFinish { kStop, kLength, kToolCalls };

std::string_view CompletionFinishName(CompletionFinish finish);  // "stop", "length", "tool_calls"

struct CompletionToolCall {
  std::string id;
  std::string name;
  std::string arguments = {};  // as the model wrote them; "{}" where it ended without writing any
  bool declared = true;        // the caller knows a tool of this name
  bool malformed = false;      // `arguments` is not a JSON object
  bool cut_off = false;        // the answer ended before the call did
};

struct CompletionMessage {
  std::string reasoning;
  // nullopt only beside tool calls, and then only when there is no text: an answer without any text
  // for the user has an empty one.
  std::optional<std::string> content;
  std::vector<CompletionToolCall> tool_calls;
};

// What one step adds to a CompletionMessage: one of its members.
struct CompletionDelta {
  struct ToolCall {
    size_t index = 0;  // in tool_calls
    // With the first delta of a call.
    std::optional<std::string> id;
    std::optional<std::string> name;
    std::string arguments;
  };

  std::string reasoning;
  std::string content;
  std::optional<ToolCall> tool_call;
  std::optional<CompletionFinish> finish_reason;  // alone, and last
};

struct CompletionUsage {
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;  // of the prompt, found in the prefix cache
  int64_t completion_tokens = 0;
  int64_t reasoning_tokens = 0;  // of the completion: messages that are reasoning, headers included
};

// The id of an answer's call number `index`.
using CallIds = std::function<std::string(size_t index)>;

// "call_" and 24 hexadecimal digits: a hash of the prompt, so that the ids of a conversation
// differ and the same request gives the same ids. `answer` is Event::index.
CallIds CallIdsOf(std::span<const int32_t> prompt, int answer = 0);

// Turns what a ChatParser yields into an answer. The deltas joined are message(), the whole content
// of every message is in one of its members, and texts of different messages in one member are
// separated by a blank line. What headers say is not text: a channel, a type or a name that the
// APIs have no word for is only in the parser's messages.
class Completion {
 public:
  struct Options {
    // Recipients whose calls the caller wants, see DestinationOf.
    std::vector<std::string> tools = {};
    CallIds call_ids;
  };

  explicit Completion(Options options) : options_(std::move(options)) {}

  // `messages` are the parser's as of `deltas`.
  std::vector<CompletionDelta> Push(const std::vector<MessageDelta>& deltas,
                                    const std::vector<ParsedMessage>& messages);
  // `deltas` are those of ChatParser::Finish: what they end was cut off. Nothing may follow.
  std::vector<CompletionDelta> Finish(FinishReason reason, const std::vector<MessageDelta>& deltas,
                                      const std::vector<ParsedMessage>& messages);

  // What there is so far.
  CompletionMessage message() const;
  // Once finished.
  std::optional<CompletionFinish> finish_reason() const { return finish_reason_; }
  // Tokens of the messages that are reasoning: their text, headers and ends.
  int64_t ReasoningTokens(const std::vector<ParsedMessage>& messages) const;

 private:
  // A message of the parser.
  struct Part {
    Destination destination;
    size_t call = 0;     // kToolCall: index in tool_calls
    bool begun = false;  // has text
  };

  void Add(const MessageDelta& delta, const std::vector<ParsedMessage>& messages,
           std::vector<CompletionDelta>& out);
  void Begin(const Message& message, std::vector<CompletionDelta>& out);
  void AddText(Part& part, std::string_view text, std::vector<CompletionDelta>& out);
  void EndCall(const Part& part, std::vector<CompletionDelta>& out);
  CompletionFinish FinishOf(FinishReason reason) const;

  const Options options_;
  std::vector<Part> parts_;  // by the parser's messages
  std::string reasoning_;
  std::string content_;
  std::vector<CompletionToolCall> tool_calls_;
  bool finishing_ = false;
  std::optional<CompletionFinish> finish_reason_;
};

}  // namespace fairlead

// How a model writes conversations: to tokens, from tokens, and what keeps it within the format.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "chat/conversation.h"
#include "runtime/constraint/token_constraint.h"
#include "tokenizer/tokenizer.h"

namespace fairlead {

struct RenderOptions {
  // Who speaks next: its message is begun, and the model completes it. nullopt: nobody.
  std::optional<Role> next_role = std::nullopt;
  // Leaves out the reasoning that the model was trained not to see again.
  bool auto_drop_analysis = true;
  // As the model is trained: a last answer ends as a model ends it. Not together with next_role.
  bool training = false;
};

struct RenderedConversation {
  // Where a message of the conversation is; one that was left out has no entry.
  struct Span {
    size_t message;     // its index in the conversation
    size_t begin, end;  // in ids
  };

  std::vector<int32_t> ids;
  std::vector<Span> messages;  // ascending, without gaps between them
};

// Something in a model's answer that is not as the format wants it, and was understood anyway.
struct Repair {
  std::string kind;  // a short name, such as "missing channel"; docs/harmony.md lists them
  std::string text;  // what it was about, as far as there is something to show
};

// A message as it was read.
struct ParsedMessage {
  Message message;              // content: one text
  std::vector<Repair> repairs;  // none for a message that is well formed
  bool complete = false;        // its text does not grow any more
  // Its tokens among those that the parser was given: header, content and end.
  size_t first_token = 0;
  size_t end_token = 0;  // one past the last
};

// What became known with one token. The header of a message (everything but its text, repairs and
// end) is known with its first delta and never changes; the texts of its deltas joined are its
// text.
struct MessageDelta {
  size_t message;    // index in messages()
  std::string text;  // well-formed UTF-8; may be empty
  bool ends = false;
};

// Reads what a model writes, token by token. Total: any ids give messages and no text is lost.
class ChatParser {
 public:
  virtual ~ChatParser() = default;
  virtual std::vector<MessageDelta> Push(int32_t token) = 0;
  // No token follows: ends what is open.
  virtual std::vector<MessageDelta> Finish() = 0;
  // All messages so far; only the last can be incomplete.
  virtual const std::vector<ParsedMessage>& messages() const = 0;
};

// What an answer may consist of.
struct AnswerRules {
  enum class ToolChoice {
    kAuto,      // the model decides whether it calls a tool
    kNone,      // it calls none
    kRequired,  // it calls one; a choice of one tool is a list of one
  };

  std::vector<std::string> tools = {};     // recipients: "functions.get_weather", "python"
  std::vector<std::string> channels = {};  // none: not restricted
  ToolChoice tool_choice = ToolChoice::kAuto;
};

// The tools that the conversation's messages declare and the channels that they allow.
AnswerRules RulesOf(const Conversation& conversation);

// Immutable: one object serves any number of threads.
class ChatFormat {
 public:
  virtual ~ChatFormat() = default;

  // Text never becomes a special token. kInvalidArgument for what the format cannot say.
  virtual Result<RenderedConversation> Render(const Conversation& conversation,
                                              const RenderOptions& options) const = 0;
  // For what follows Render with `next_role`.
  virtual std::unique_ptr<ChatParser> NewParser(std::optional<Role> next_role) const = 0;
  // Keeps an answer that follows Render with next_role kAssistant well formed; it restricts
  // structure and never content. Each sequence takes a clone. kInvalidArgument: kRequired without
  // tools, names that a header cannot hold.
  virtual Result<std::shared_ptr<const TokenConstraint>> NewConstraint(
      const AnswerRules& rules) const = 0;
  // The tokens that end an answer.
  virtual std::vector<int32_t> StopTokens() const = 0;
};

// The format called `name` (ModelFacts::chat_format). kUnsupported for a name this build does not
// know, kInvalidData when the tokenizer lacks a token of the format.
Result<std::shared_ptr<const ChatFormat>> CreateChatFormat(std::string_view name,
                                                           Tokenizer::Pointer tokenizer,
                                                           int64_t model_vocabulary_size);

}  // namespace fairlead

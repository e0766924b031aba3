#include "chat/harmony/render.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "chat/channels.h"
#include "chat/harmony/sections.h"

namespace fairlead {
namespace {

constexpr std::string_view kConstrain = "<|constrain|>";
constexpr std::string_view kEveryone = "all";

// What follows from the conversation as a whole for each of its messages.
struct Surroundings {
  bool function_tools = false;     // some developer message declares functions
  size_t first_kept_analysis = 0;  // analysis of messages before this one is left out
};

bool DeclaresFunctions(const Message& message) {
  return std::ranges::any_of(message.content, [](const Content& content) {
    const auto* developer = std::get_if<DeveloperContent>(&content);
    if (developer == nullptr || !developer->tools) return false;
    const auto functions = developer->tools->find(std::string(kFunctions));
    return functions != developer->tools->end() && !functions->second.tools.empty();
  });
}

bool IsFinal(const Message& message) { return message.channel == kFinal; }

// Once the assistant has answered, the reasoning before the first answer is of no use any more;
// while it is still at work, all of it is.
size_t FirstKeptAnalysis(const std::vector<Message>& messages) {
  const auto last = std::find_if(messages.rbegin(), messages.rend(), [](const Message& message) {
    return message.role == Role::kAssistant;
  });
  if (last == messages.rend() || !IsFinal(*last)) return 0;
  return static_cast<size_t>(std::ranges::find_if(messages, IsFinal) - messages.begin());
}

Surroundings SurroundingsOf(const Conversation& conversation, const RenderOptions& options) {
  Surroundings surroundings;
  surroundings.function_tools = std::ranges::any_of(conversation.messages, DeclaresFunctions);
  if (options.auto_drop_analysis) {
    surroundings.first_kept_analysis = FirstKeptAnalysis(conversation.messages);
  }
  return surroundings;
}

Result<std::string> ContentText(const Content& content, Role role, bool function_tools) {
  if (const auto* system = std::get_if<SystemContent>(&content)) {
    if (role == Role::kSystem) return SystemText(*system, function_tools);
    return Fail(ErrorCode::kInvalidArgument, "harmony",
                "system content: expected in a system message, got one of role {}", RoleName(role));
  }
  if (const auto* developer = std::get_if<DeveloperContent>(&content)) {
    if (role == Role::kDeveloper) return DeveloperText(*developer);
    return Fail(ErrorCode::kInvalidArgument, "harmony",
                "developer content: expected in a developer message, got one of role {}",
                RoleName(role));
  }
  return std::get<std::string>(content);
}

// Writes messages as ids. Each piece of a message is tokenized on its own, as the model learnt it.
class Writer {
 public:
  Writer(const Tokenizer& tokenizer, const HarmonyTokens& tokens)
      : tokenizer_(tokenizer), tokens_(tokens) {}

  Status Write(const Message& message, bool function_tools);
  // The beginning of a message that is still to be written.
  Status Begin(Role role);
  // Ends the last message in another way.
  void ReplaceEnd(int32_t token) { ids_.back() = token; }

  size_t size() const { return ids_.size(); }
  std::vector<int32_t> Take() { return std::move(ids_); }

 private:
  void Special(int32_t token) { ids_.push_back(token); }
  Status Text(std::string_view text);
  Status Author(const Message& message);
  Status ContentType(std::string_view type);

  const Tokenizer& tokenizer_;
  const HarmonyTokens& tokens_;
  std::vector<int32_t> ids_;
};

Status Writer::Text(std::string_view text) {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto ids, tokenizer_.Encode(text, /*parse_special=*/false));
  ids_.insert(ids_.end(), ids.begin(), ids.end());
  return {};
}

Status Writer::Begin(Role role) {
  Special(tokens_.start);
  return Text(RoleName(role));
}

// A tool signs with its name alone.
Status Writer::Author(const Message& message) {
  if (message.role == Role::kTool) {
    if (!message.name) {
      return Fail(ErrorCode::kInvalidArgument, "harmony",
                  "name: expected the tool's name in a message of role tool, got none");
    }
    Special(tokens_.start);
    return Text(*message.name);
  }
  FAIRLEAD_RETURN_IF_ERROR(Begin(message.role));
  return message.name ? Text(fmt::format(":{}", *message.name)) : Status{};
}

Status Writer::ContentType(std::string_view type) {
  if (!type.starts_with(kConstrain)) return Text(fmt::format(" {}", type));
  FAIRLEAD_RETURN_IF_ERROR(Text(" "));
  Special(tokens_.constrain);
  return Text(type.substr(kConstrain.size()));
}

Status Writer::Write(const Message& message, bool function_tools) {
  FAIRLEAD_RETURN_IF_ERROR(Author(message));
  if (message.recipient && message.recipient != kEveryone) {
    FAIRLEAD_RETURN_IF_ERROR(Text(fmt::format(" to={}", *message.recipient)));
  }
  if (message.channel) {
    Special(tokens_.channel);
    FAIRLEAD_RETURN_IF_ERROR(Text(*message.channel));
  }
  if (message.content_type) FAIRLEAD_RETURN_IF_ERROR(ContentType(*message.content_type));
  Special(tokens_.message);
  for (const Content& content : message.content) {
    FAIRLEAD_ASSIGN_OR_RETURN(const std::string text,
                              ContentText(content, message.role, function_tools));
    FAIRLEAD_RETURN_IF_ERROR(Text(text));
  }
  const bool calls = message.role == Role::kAssistant && message.recipient.has_value();
  Special(calls ? tokens_.call : tokens_.end);
  return {};
}

// The error of message `index`, which says which message that is.
tl::unexpected<Error> InMessage(size_t index, const Error& error) {
  return tl::unexpected<Error>(
      Error{ErrorCode::kInvalidArgument, fmt::format("{} (messages[{}])", error.message, index)});
}

}  // namespace

Result<RenderedConversation> RenderHarmony(const Tokenizer& tokenizer, const HarmonyTokens& tokens,
                                           const Conversation& conversation,
                                           const RenderOptions& options) {
  if (options.training && options.next_role) {
    return Fail(ErrorCode::kInvalidArgument, "harmony",
                "next_role: expected none in a conversation to train on, got {}",
                RoleName(*options.next_role));
  }
  const std::vector<Message>& messages = conversation.messages;
  const Surroundings surroundings = SurroundingsOf(conversation, options);
  RenderedConversation rendered;
  Writer writer(tokenizer, tokens);
  for (size_t i = 0; i < messages.size(); ++i) {
    if (i < surroundings.first_kept_analysis && messages[i].channel == kAnalysis) continue;
    const size_t begin = writer.size();
    if (const Status status = writer.Write(messages[i], surroundings.function_tools); !status) {
      return InMessage(i, status.error());
    }
    rendered.messages.push_back({i, begin, writer.size()});
  }
  const bool answered =
      !messages.empty() && messages.back().role == Role::kAssistant && IsFinal(messages.back());
  if (options.training && answered) writer.ReplaceEnd(tokens.ret);
  if (options.next_role) FAIRLEAD_RETURN_IF_ERROR(writer.Begin(*options.next_role));
  rendered.ids = writer.Take();
  return rendered;
}

}  // namespace fairlead

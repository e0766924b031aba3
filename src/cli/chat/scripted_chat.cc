// `fairlead chat` without anybody at the keyboard: what was asked is known before the first answer.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <iostream>

#include "chat/openai/completion_json.h"
#include "cli/chat/answer_view.h"
#include "cli/chat/chat_file.h"
#include "cli/chat/chat_start.h"
#include "cli/chat/display_text.h"
#include "cli/interrupt.h"

namespace fairlead {
namespace {

constexpr size_t kMostInput = size_t{64} << 20;

// To people who look at stderr.
void Remark(std::string_view text) { std::cerr << "fairlead: " << text << '\n'; }

// What answers and decisions have in common, however they are shown.
class Watcher : public TurnWatcher {
 public:
  explicit Watcher(const ChatOptions& options) : options_(options) {}

  void Begin(int64_t /*prompt_tokens*/, size_t left_out) override {
    if (left_out > 0) {
      Remark(fmt::format("the context is full: {} of the oldest messages left out", left_out));
    }
  }
  void Prompt(int64_t /*done*/, int64_t /*total*/) override {}
  void Delta(const ParsedMessage& /*message*/, const MessageDelta& /*delta*/,
             int64_t /*tokens*/) override {}
  void End(const ModelAnswer& /*answer*/) override {}
  bool Stop() override { return InterruptWatch::requested() || !std::cout; }
  bool Allow(const CommandTool& tool, const ToolCall& /*call*/) override {
    if (!options_.yes_to_tools) {
      Remark(fmt::format("{} was not run: only --yes_to_tools allows it here", tool.tool.name));
    }
    return options_.yes_to_tools;
  }
  void Calling(const ToolCall& /*call*/) override {}
  void Called(const ToolCall& /*call*/, const ToolOutput& /*output*/) override {}

 private:
  const ChatOptions& options_;
};

// Nothing but the text of the answer, as it comes in.
class TextWatcher : public Watcher {
 public:
  TextWatcher(const ChatOptions& options, Screen& screen) : Watcher(options), screen_(screen) {}

  void Delta(const ParsedMessage& parsed, const MessageDelta& delta, int64_t /*tokens*/) override {
    if (!IsText(parsed.message)) return;
    // Another message of the same answer.
    if (!delta.text.empty() && last_ != parsed.first_token + answers_ && written_) {
      screen_.EndLine();
      screen_.BlankLine();
    }
    if (delta.text.empty()) return;
    last_ = parsed.first_token + answers_;
    written_ = true;
    screen_.Write(delta.text, Style::kPlain);
  }
  void End(const ModelAnswer& answer) override {
    answers_ += static_cast<size_t>(answer.usage.completion_tokens);
  }

 private:
  Screen& screen_;
  size_t answers_ = 0;  // tokens of those before
  size_t last_ = 0;     // the message that was written to
  bool written_ = false;
};

// A conversation to read.
class TranscriptWatcher : public Watcher {
 public:
  TranscriptWatcher(const ChatOptions& options, Screen& screen, int64_t context)
      : Watcher(options), screen_(screen), view_(screen, options.think), context_(context) {}

  void Delta(const ParsedMessage& parsed, const MessageDelta& delta, int64_t tokens) override {
    view_.Delta(parsed, delta, tokens);
  }
  void End(const ModelAnswer& answer) override { view_.End(answer, context_); }
  void Calling(const ToolCall& call) override {
    screen_.Line(fmt::format("{} {}", call.recipient, call.arguments), Style::kTool);
  }
  void Called(const ToolCall& call, const ToolOutput& output) override {
    view_.Called(call, output);
  }

 private:
  Screen& screen_;
  AnswerView view_;
  const int64_t context_;
};

bool IsBlank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

Result<std::vector<std::string>> Messages(const ChatOptions& options) {
  if (std::any_of(options.messages.begin(), options.messages.end(), IsBlank)) {
    return Fail(ErrorCode::kInvalidArgument, "chat", "--message: expected a message, got nothing");
  }
  if (!options.messages.empty()) return options.messages;
  std::string text;
  std::array<char, 65536> buffer{};
  ssize_t count = 0;
  while ((count = ::read(STDIN_FILENO, buffer.data(), buffer.size())) > 0) {
    text.append(buffer.data(), static_cast<size_t>(count));
    if (text.size() > kMostInput) {
      return Fail(ErrorCode::kInvalidArgument, "chat", "stdin: expected at most 64 MiB, got more");
    }
  }
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  if (count < 0 || IsBlank(text)) {
    return Fail(ErrorCode::kInvalidArgument, "chat", "stdin: expected a message, got nothing");
  }
  return std::vector<std::string>{std::move(text)};
}

// As a chat.completion of the OpenAI API; what all answers of the turn took is added up.
Json TurnJson(const Turn& turn, const std::string& model) {
  CompletionUsage usage;
  for (const ModelAnswer& answer : turn.answers) {
    usage.prompt_tokens += answer.usage.prompt_tokens;
    usage.cached_tokens += answer.usage.cached_tokens;
    usage.completion_tokens += answer.usage.completion_tokens;
    usage.reasoning_tokens += answer.usage.reasoning_tokens;
  }
  const ModelAnswer& last = turn.last();
  Json choice = {{"index", 0},
                 {"message", CompletionMessageJson(last.completion, ReasoningKeys::kReasoning)},
                 {"finish_reason", CompletionFinishName(last.completion_finish)}};
  Json json = {{"object", "chat.completion"},
               {"model", model},
               {"choices", Json::array({std::move(choice)})},
               {"usage", CompletionUsageJson(usage)}};
  if (last.finish_reason == FinishReason::kError) json["error"] = last.error;
  return json;
}

// Whether there is something to show for it.
Status Check(const Turn& turn) {
  const ModelAnswer& last = turn.last();
  if (last.finish_reason == FinishReason::kError) {
    return Fail(ErrorCode::kInvalidData, "chat", "the answer broke off: {}", last.error);
  }
  if (last.finish_reason == FinishReason::kLength) {
    Remark(fmt::format("the answer was cut off after {} tokens", last.usage.completion_tokens));
  }
  if (!turn.Text().empty()) return {};
  return Fail(ErrorCode::kInvalidData, "chat",
              "answer: expected text, got {} tokens of thinking and tool calls",
              last.usage.completion_tokens);
}

}  // namespace

Status ChatScripted(const ChatOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<std::string> messages, Messages(options));
  FAIRLEAD_ASSIGN_OR_RETURN(ChatStart start, StartChat(options));
  const bool transcript = !options.messages.empty() && !options.json;
  UseUtf8Characters();
  Screen screen(OutputScreen(options),
                [](std::string_view text) { std::cout << text << std::flush; });
  Watcher silent(options);
  TextWatcher text(options, screen);
  TranscriptWatcher dialogue(options, screen, start.answerer->context());
  TurnWatcher& watcher = options.json ? silent
                         : transcript ? static_cast<TurnWatcher&>(dialogue)
                                      : static_cast<TurnWatcher&>(text);
  const InterruptWatch watch;
  for (size_t i = 0; i < messages.size(); ++i) {
    if (transcript && i > 0) screen.BlankLine();
    if (transcript) screen.Line("> " + messages[i], Style::kUser);
    start.dialogue.Ask(messages[i]);
    FAIRLEAD_ASSIGN_OR_RETURN(const Turn turn, TakeTurn(*start.answerer, start.dialogue, options,
                                                        start.settings, watcher));
    screen.EndLine();
    if (options.json) std::cout << DumpJson(TurnJson(turn, start.answerer->model_name())) << '\n';
    if (InterruptWatch::requested()) {
      return Fail(ErrorCode::kInterrupted, "chat", "interrupted");
    }
    if (!options.json && !transcript) FAIRLEAD_RETURN_IF_ERROR(Check(turn));
    if (!std::cout) break;
  }
  return {};
}

}  // namespace fairlead

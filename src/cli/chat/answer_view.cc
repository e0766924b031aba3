#include "cli/chat/answer_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/chat/display_text.h"

namespace fairlead {
namespace {

constexpr std::chrono::milliseconds kPatience{500};
// Rows in which thinking goes by; fewer on a low terminal.
constexpr size_t kThinkingRows = 6;
constexpr size_t kCallRows = 3;
constexpr size_t kOutputLines = 5;

// The end of a text that is shown in a few rows, from a place that stays for a while.
std::string_view Tail(std::string_view text) {
  constexpr size_t kPiece = 2048;
  if (text.size() < 2 * kPiece) return text;
  const size_t space = text.find_first_of(" \n", text.size() / kPiece * kPiece - kPiece);
  return space == std::string_view::npos ? text : text.substr(space + 1);
}

// The first lines of a tool's output.
std::string Beginning(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  size_t end = 0;
  for (size_t lines = 0; lines < kOutputLines && end != std::string_view::npos; ++lines) {
    end = text.find('\n', lines == 0 ? 0 : end + 1);
  }
  if (end == std::string_view::npos) return std::string(text);
  const auto more = std::count(text.begin() + static_cast<std::ptrdiff_t>(end), text.end(), '\n');
  return fmt::format("{}\n… {}", text.substr(0, end), Counted(more, "more line"));
}

}  // namespace

void AnswerView::SetMode(ThinkMode mode) {
  if (part_ == Part::kThinking && mode != mode_) {
    screen_.HideLive();
    screen_.EndLine();
    // What goes by so far is part of what is shown from now on.
    if (mode == ThinkMode::kShow) screen_.Write(gathered_, Style::kThinking);
  }
  mode_ = mode;
}

void AnswerView::Toggle() {
  SetMode(mode_ == ThinkMode::kShow ? ThinkMode::kFold : ThinkMode::kShow);
}

void AnswerView::Prompt(int64_t done, int64_t total) {
  if (part_ != Part::kNone || std::chrono::steady_clock::now() - begin_ < kPatience) return;
  screen_.ShowLive(fmt::format("reading, {} of {} tokens", done, total), Style::kNote, 1);
}

void AnswerView::ShowThinking(std::string_view added) {
  if (mode_ == ThinkMode::kShow) {
    screen_.Write(added, Style::kThinking);
  } else if (mode_ == ThinkMode::kHide || screen_.rows() < 6) {
    screen_.ShowLive(fmt::format("thinking, {}", Counted(tokens_, "token")), Style::kNote, 1);
  } else {
    screen_.ShowLive(Tail(gathered_), Style::kThinking,
                     std::min(kThinkingRows, static_cast<size_t>(screen_.rows()) / 3));
  }
}

void AnswerView::EndPart() {
  screen_.HideLive();
  screen_.EndLine();
  if (part_ == Part::kThinking && mode_ == ThinkMode::kFold) {
    screen_.Line(fmt::format("thought for {}", Counted(tokens_, "token")), Style::kNote);
  }
  part_ = Part::kNone;
  gathered_.clear();
}

void AnswerView::Delta(const ParsedMessage& parsed, const MessageDelta& delta, int64_t tokens) {
  const Message& message = parsed.message;
  const Part part = message.recipient ? Part::kCall
                    : IsText(message) ? Part::kText
                                      : Part::kThinking;
  if (part != part_) EndPart();
  part_ = part;
  tokens_ = tokens;
  gathered_ += delta.text;
  switch (part) {
    case Part::kThinking:
      ShowThinking(delta.text);
      break;
    case Part::kCall:
      screen_.ShowLive(fmt::format("{} {}", *message.recipient, Tail(gathered_)), Style::kTool,
                       kCallRows);
      break;
    case Part::kText:
      screen_.Write(delta.text, Style::kPlain);
      break;
    case Part::kNone:
      break;
  }
  if (delta.ends) EndPart();
}

void AnswerView::End(const ModelAnswer& answer, int64_t context) {
  if (part_ != Part::kNone) EndPart();
  screen_.HideLive();
  const bool any = std::any_of(answer.messages.begin(), answer.messages.end(), [](const auto& m) {
    return m.message.recipient || (IsText(m.message) && !m.message.Text().empty());
  });
  switch (answer.finish_reason) {
    case FinishReason::kCancelled:
      screen_.Line("(stopped)", Style::kNote);
      break;
    case FinishReason::kError:
      screen_.Line(fmt::format("the answer broke off: {}", answer.error), Style::kError);
      break;
    case FinishReason::kLength:
      screen_.Line(answer.usage.prompt_tokens + answer.usage.completion_tokens >= context
                       ? "(the context is full; /new begins a new conversation)"
                       : fmt::format("(cut off after {}: max_tokens)",
                                     Counted(answer.usage.completion_tokens, "token")),
                   Style::kNote);
      break;
    case FinishReason::kStop:
      if (!any) screen_.Line("(no answer; /retry asks again)", Style::kNote);
      break;
  }
}

void AnswerView::Calling(const ToolCall& /*call*/) {
  screen_.ShowLive("running; Ctrl-C stops it", Style::kNote, 1);
}

void AnswerView::Called(const ToolCall& call, const ToolOutput& output) {
  screen_.HideLive();
  const std::string text = Beginning(output.text);
  screen_.Line(fmt::format("{} → {}", call.recipient, text.empty() ? "(nothing)" : text),
               output.failed ? Style::kError : Style::kNote);
}

}  // namespace fairlead

// A conversation in the terminal.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "cli/chat/answer_view.h"
#include "cli/chat/commands.h"
#include "cli/chat/history_file.h"
#include "cli/chat/line_editor.h"
#include "cli/chat/message_lines.h"
#include "cli/chat/tool_question.h"

namespace fairlead {

class ChatSession : private TurnWatcher {
 public:
  // All arguments must outlive it.
  ChatSession(Answerer& answerer, Dialogue& dialogue, GenerateSettings settings,
              const ChatOptions& options, Terminal& terminal, Screen& screen);
  Status Init();

  // Until the user leaves.
  Status Run();

 private:
  void Greet();
  struct Input {
    std::string text;
    bool command = false;  // for the program and not for the model
  };

  // nullopt when the user leaves.
  std::optional<Input> ReadInput();
  void KeepInHistory(const std::string& line, bool command);
  void Obey(const CommandLine& line);
  void ShowAgain();
  // Answers the last message; if it cannot be, all is as `before`, and `refused` is said.
  Status Answer(Dialogue before, std::string_view refused);

  void Edit();
  void EndEditing();
  void Retry();
  void SetEffort(const std::string& argument);
  void SetText(const char* name, std::optional<std::string>& text, const std::string& argument);
  void Think(const std::string& argument);
  void Tools(const std::string& argument);
  void Set(const std::string& argument);
  void Save(const std::string& argument);
  void Load(const std::string& argument);
  void Statistics();

  void Note(std::string_view text) { screen_.Line(text, Style::kNote); }
  void Complain(const Error& error) { screen_.Line(error.message, Style::kError); }
  void Resized();
  // Waits, and does what is to be done while the model or a tool has its turn; for kInput nothing.
  Terminal::Happening Attend(std::chrono::milliseconds limit);
  // kNo as well when the user stops it all.
  Consent Ask(const std::string& question);

  // TurnWatcher
  void Begin(int64_t prompt_tokens, size_t left_out) override;
  void Prompt(int64_t done, int64_t total) override { view_.Prompt(done, total); }
  void Delta(const ParsedMessage& message, const MessageDelta& delta, int64_t tokens) override {
    view_.Delta(message, delta, tokens);
  }
  void End(const ModelAnswer& answer) override { view_.End(answer, answerer_.context()); }
  bool Stop() override;
  bool Allow(const CommandTool& tool, const ToolCall& call) override;
  void Calling(const ToolCall& call) override { view_.Calling(call); }
  void Called(const ToolCall& call, const ToolOutput& output) override {
    view_.Called(call, output);
  }

  Answerer& answerer_;
  Dialogue& dialogue_;
  const ChatOptions& options_;
  Terminal& terminal_;
  Screen& screen_;
  AnswerView view_;
  GenerateSettings settings_;
  Pastes pastes_;
  MessageLines lines_;
  HistoryFile history_ = HistoryFile::Default();
  std::unique_ptr<LineEditor> editor_;
  std::set<std::string> allowed_;  // tools that need no question
  std::string initial_;            // for the next line
  bool editing_ = false;           // the next message takes the place of the last one
  bool stopped_ = false;           // this turn
  bool leave_ = false;
  bool history_failed_ = false;  // which is said once
  std::string typed_;            // while the model answered
  std::optional<Turn> last_;
};

}  // namespace fairlead

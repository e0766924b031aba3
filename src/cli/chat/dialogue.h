// A conversation that is being held: what was said, and what the model is told besides.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "chat/conversation.h"
#include "cli/chat/tools.h"

namespace fairlead {

// What may change between two answers.
struct ChatSetup {
  ReasoningEffort effort = ReasoningEffort::kMedium;
  std::optional<std::string> system;     // who the model is; nullopt: as it was trained
  std::optional<std::string> developer;  // what it is to do
  std::optional<std::string> date;       // today, for the model; nullopt: not mentioned
  std::vector<CommandTool> tools;
};

// A turn is a message of the user and everything up to the next one.
class Dialogue {
 public:
  explicit Dialogue(ChatSetup setup) : setup_(std::move(setup)) {}

  ChatSetup& setup() { return setup_; }
  const ChatSetup& setup() const { return setup_; }
  // All turns, without what the setup says.
  const std::vector<Message>& messages() const { return messages_; }
  void SetMessages(std::vector<Message> messages);
  size_t turns() const;

  void Ask(std::string text);
  // What the model said, or a tool.
  void Add(Message message) { messages_.push_back(std::move(message)); }
  // The text of the last message of the user; nullopt before the first.
  std::optional<std::string> LastQuestion() const;
  // Takes back everything behind the last message of the user; and the message as well.
  void ForgetAnswer();
  void ForgetTurn();
  void Clear();

  // What the model is shown: the setup and the turns that are not left out.
  Conversation Shown() const;
  // All of it.
  Conversation Whole() const;
  // Leaves out the oldest turn that is shown; false for the last one.
  bool LeaveOutTurn();
  size_t turns_left_out() const { return left_out_; }

 private:
  std::vector<size_t> TurnBegins() const;
  Conversation From(size_t message) const;

  ChatSetup setup_;
  std::vector<Message> messages_;
  size_t left_out_ = 0;  // turns
};

// The tool that a recipient such as "functions.now" names; nullptr for none.
const CommandTool* FindTool(const ChatSetup& setup, std::string_view recipient);

}  // namespace fairlead

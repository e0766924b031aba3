#include "cli/chat/dialogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace fairlead {
namespace {

Message SystemMessage(const ChatSetup& setup) {
  SystemContent content = DefaultSystemContent();
  content.reasoning_effort = setup.effort;
  if (setup.system) content.model_identity = setup.system;
  content.conversation_start_date = setup.date;
  Message message;
  message.role = Role::kSystem;
  message.content.emplace_back(std::move(content));
  return message;
}

Message DeveloperMessage(const ChatSetup& setup) {
  DeveloperContent content;
  content.instructions = setup.developer;
  if (!setup.tools.empty()) {
    ToolNamespace functions{std::string(kFunctions), std::nullopt, {}};
    functions.tools.reserve(setup.tools.size());
    for (const CommandTool& tool : setup.tools) functions.tools.push_back(tool.tool);
    content.tools.emplace();
    content.tools->emplace(kFunctions, std::move(functions));
  }
  Message message;
  message.role = Role::kDeveloper;
  message.content.emplace_back(std::move(content));
  return message;
}

}  // namespace

void Dialogue::SetMessages(std::vector<Message> messages) {
  messages_ = std::move(messages);
  left_out_ = 0;
}

std::vector<size_t> Dialogue::TurnBegins() const {
  std::vector<size_t> begins;
  for (size_t i = 0; i < messages_.size(); ++i) {
    if (messages_[i].role == Role::kUser) begins.push_back(i);
  }
  return begins;
}

size_t Dialogue::turns() const { return TurnBegins().size(); }

void Dialogue::Ask(std::string text) {
  Message message;
  message.role = Role::kUser;
  message.content.emplace_back(std::move(text));
  messages_.push_back(std::move(message));
}

std::optional<std::string> Dialogue::LastQuestion() const {
  const std::vector<size_t> begins = TurnBegins();
  if (begins.empty()) return std::nullopt;
  return messages_[begins.back()].Text();
}

void Dialogue::ForgetAnswer() {
  const std::vector<size_t> begins = TurnBegins();
  if (!begins.empty()) messages_.resize(begins.back() + 1);
}

void Dialogue::ForgetTurn() {
  const std::vector<size_t> begins = TurnBegins();
  if (begins.empty()) return;
  messages_.resize(begins.back());
  left_out_ = std::min(left_out_, turns());
}

void Dialogue::Clear() { SetMessages({}); }

Conversation Dialogue::From(size_t first) const {
  Conversation conversation;
  conversation.messages.push_back(SystemMessage(setup_));
  if (setup_.developer || !setup_.tools.empty()) {
    conversation.messages.push_back(DeveloperMessage(setup_));
  }
  conversation.messages.insert(conversation.messages.end(),
                               messages_.begin() + static_cast<std::ptrdiff_t>(first),
                               messages_.end());
  return conversation;
}

Conversation Dialogue::Shown() const {
  const std::vector<size_t> begins = TurnBegins();
  return From(left_out_ == 0 || begins.empty() ? 0
                                               : begins[std::min(left_out_, begins.size() - 1)]);
}

Conversation Dialogue::Whole() const { return From(0); }

bool Dialogue::LeaveOutTurn() {
  if (left_out_ + 1 >= turns()) return false;
  ++left_out_;
  return true;
}

const CommandTool* FindTool(const ChatSetup& setup, std::string_view recipient) {
  for (const CommandTool& tool : setup.tools) {
    if (recipient == fmt::format("{}.{}", kFunctions, tool.tool.name)) return &tool;
  }
  return nullptr;
}

}  // namespace fairlead

#include "chat/openai/destination.h"

#include <algorithm>
#include <optional>

#include "chat/channels.h"
#include "chat/openai/contains.h"

namespace fairlead {
namespace {

using Kind = Destination::Kind;

constexpr size_t kLongestToolName = 64;

bool IsToolNameByte(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= '0' && byte <= '9') || byte == '_' || byte == '-' || byte == '.';
}

// Whether a message so addressed is no call.
bool IsAddressedToPeople(std::string_view recipient) {
  return recipient == "all" || recipient == "user" || recipient == "assistant";
}

// Whether a recipient is one of the tools that gpt-oss knows from its training.
bool IsBuiltIn(std::string_view recipient) {
  return recipient == "python" || recipient == "browser" || recipient.starts_with("browser.");
}

// A recipient up to where special tokens or what belongs elsewhere in a header leaked into it.
std::string_view Clean(std::string_view recipient) {
  return recipient.substr(0, std::min(recipient.find("<|"), recipient.find_first_of(" \t\r\n")));
}

// The tool that `recipient` means; nullopt when it names none.
std::optional<Destination> CallOf(std::string_view recipient,
                                  const std::vector<std::string>& tools) {
  if (Contains(tools, recipient)) {
    return Destination{Kind::kToolCall, std::string(ToolNameOf(recipient)), true};
  }
  std::string name(ToolNameOf(recipient).substr(0, kLongestToolName));
  if (name.empty()) return std::nullopt;
  for (char& byte : name) {
    if (!IsToolNameByte(byte)) byte = '_';
  }
  std::string as_function(kFunctions);
  as_function.append(".").append(name);
  const bool declared = Contains(tools, as_function);
  return Destination{Kind::kToolCall, std::move(name), declared};
}

Kind ByChannel(const Message& message) {
  const bool is_final = message.channel == kFinal;
  // The model speaks for somebody else: nothing that a user should take for the answer.
  if (message.role != Role::kAssistant && !is_final) return Kind::kReasoning;
  return message.channel == kAnalysis ? Kind::kReasoning : Kind::kContent;
}

}  // namespace

std::string_view ToolNameOf(std::string_view recipient) {
  const bool is_function = recipient.size() > kFunctions.size() &&
                           recipient.starts_with(kFunctions) && recipient[kFunctions.size()] == '.';
  return is_function ? recipient.substr(kFunctions.size() + 1) : recipient;
}

bool IsToolName(std::string_view name) {
  return !name.empty() && name.size() <= kLongestToolName &&
         std::all_of(name.begin(), name.end(), IsToolNameByte);
}

Destination DestinationOf(const Message& message, const std::vector<std::string>& tools) {
  const std::string_view recipient = message.recipient ? Clean(*message.recipient) : "";
  // First what was declared: a tool may have any name.
  const bool declared = Contains(tools, recipient);
  if (recipient.empty() || (!declared && IsAddressedToPeople(recipient))) {
    return {ByChannel(message), "", true};
  }
  if (!declared && IsBuiltIn(recipient)) {
    std::string as_function(kFunctions);
    as_function.append(".").append(recipient);
    if (!Contains(tools, as_function)) return {Kind::kReasoning, "", true};
  }
  if (tools.empty()) return {ByChannel(message), "", true};
  if (std::optional<Destination> call = CallOf(recipient, tools)) return *std::move(call);
  return {ByChannel(message), "", true};
}

}  // namespace fairlead

// Chat Completions requests from any bytes: refused with one line, or a conversation whose headers
// hold nothing that a client could have smuggled into them.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "chat/openai/chat_request.h"
#include "chat/openai/destination.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

void CheckHeader(const fairlead::Message& message) {
  for (const auto& field : {message.name, message.recipient, message.channel}) {
    // A function's name has "functions." before it.
    if (field) Require(fairlead::IsToolName(fairlead::ToolNameOf(*field)));
  }
  const auto& type = message.content_type;
  Require(!type || *type == "<|constrain|>json");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto json = fairlead::ParseJson(bytes, "fuzz", "request");
  if (!json) return 0;
  const auto request = fairlead::ChatRequestFromJson(*json, {});
  if (!request) {
    Require(request.error().message.find('\n') == std::string::npos);
    Require(request.error().message.size() < 4096);
    return 0;
  }
  Require(!request->conversation.messages.empty());
  for (const fairlead::Message& message : request->conversation.messages) CheckHeader(message);
  for (const std::string& tool : request->rules.tools) {
    Require(fairlead::IsToolName(fairlead::ToolNameOf(tool)));
  }
  return 0;
}

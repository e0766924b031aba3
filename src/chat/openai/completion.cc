#include "chat/openai/completion.h"

#include <xxhash.h>

#include <algorithm>
#include <utility>

#include "base/json.h"

namespace fairlead {
namespace {

using Kind = Destination::Kind;

constexpr std::string_view kSeparator = "\n\n";

bool IsJsonObject(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{' &&
         Json::accept(text.begin(), text.end());
}

}  // namespace

std::string_view CompletionFinishName(CompletionFinish finish) {
  switch (finish) {
    case CompletionFinish::kStop:
      return "stop";
    case CompletionFinish::kLength:
      return "length";
    case CompletionFinish::kToolCalls:
      return "tool_calls";
  }
  return "";
}

CallIds CallIdsOf(std::span<const int32_t> prompt, int answer) {
  const uint64_t seed =
      XXH3_64bits_withSeed(prompt.data(), prompt.size_bytes(), static_cast<uint64_t>(answer));
  return [seed](size_t index) {
    const XXH128_hash_t hash = XXH3_128bits_withSeed(&index, sizeof(index), seed);
    return fmt::format("call_{:016x}{:08x}", hash.low64, hash.high64 >> 32);
  };
}

std::vector<CompletionDelta> Completion::Push(const std::vector<MessageDelta>& deltas,
                                              const std::vector<ParsedMessage>& messages) {
  std::vector<CompletionDelta> out;
  for (const MessageDelta& delta : deltas) Add(delta, messages, out);
  return out;
}

std::vector<CompletionDelta> Completion::Finish(FinishReason reason,
                                                const std::vector<MessageDelta>& deltas,
                                                const std::vector<ParsedMessage>& messages) {
  finishing_ = true;
  std::vector<CompletionDelta> out = Push(deltas, messages);
  finish_reason_ = FinishOf(reason);
  CompletionDelta last;
  last.finish_reason = finish_reason_;
  out.push_back(std::move(last));
  return out;
}

CompletionFinish Completion::FinishOf(FinishReason reason) const {
  if (reason == FinishReason::kLength) return CompletionFinish::kLength;
  // Who is told to make the calls makes all of them, and half of the arguments are none.
  const bool half =
      std::any_of(tool_calls_.begin(), tool_calls_.end(),
                  [](const CompletionToolCall& call) { return call.cut_off && call.malformed; });
  return tool_calls_.empty() || half ? CompletionFinish::kStop : CompletionFinish::kToolCalls;
}

void Completion::Add(const MessageDelta& delta, const std::vector<ParsedMessage>& messages,
                     std::vector<CompletionDelta>& out) {
  while (parts_.size() <= delta.message) Begin(messages[parts_.size()].message, out);
  Part& part = parts_[delta.message];
  if (!delta.text.empty()) AddText(part, delta.text, out);
  if (!delta.ends) return;
  if (part.destination.kind == Kind::kToolCall) EndCall(part, out);
}

void Completion::Begin(const Message& message, std::vector<CompletionDelta>& out) {
  Part part;
  part.destination = DestinationOf(message, options_.tools);
  if (part.destination.kind == Kind::kToolCall) {
    part.call = tool_calls_.size();
    CompletionToolCall call;
    call.id = options_.call_ids(part.call);
    call.name = part.destination.tool;
    call.declared = part.destination.declared;
    CompletionDelta delta;
    delta.tool_call = {part.call, call.id, call.name, ""};
    out.push_back(std::move(delta));
    tool_calls_.push_back(std::move(call));
  }
  parts_.push_back(std::move(part));
}

void Completion::AddText(Part& part, std::string_view text, std::vector<CompletionDelta>& out) {
  CompletionDelta delta;
  if (part.destination.kind == Kind::kToolCall) {
    delta.tool_call = {part.call, std::nullopt, std::nullopt, std::string(text)};
    tool_calls_[part.call].arguments += text;
  } else {
    const bool reasons = part.destination.kind == Kind::kReasoning;
    std::string& member = reasons ? reasoning_ : content_;
    std::string& added = reasons ? delta.reasoning : delta.content;
    if (!part.begun && !member.empty()) added = kSeparator;
    added += text;
    member += added;
  }
  part.begun = true;
  out.push_back(std::move(delta));
}

void Completion::EndCall(const Part& part, std::vector<CompletionDelta>& out) {
  CompletionToolCall& call = tool_calls_[part.call];
  if (call.arguments.empty() && !finishing_) {
    // Neither its header nor its content held any; clients parse what they are given.
    call.arguments = "{}";
    CompletionDelta delta;
    delta.tool_call = {part.call, std::nullopt, std::nullopt, call.arguments};
    out.push_back(std::move(delta));
  }
  call.cut_off = finishing_;
  call.malformed = !IsJsonObject(call.arguments);
}

CompletionMessage Completion::message() const {
  CompletionMessage message{reasoning_, content_, tool_calls_};
  if (content_.empty() && !tool_calls_.empty()) message.content = std::nullopt;
  return message;
}

int64_t Completion::ReasoningTokens(const std::vector<ParsedMessage>& messages) const {
  size_t tokens = 0;
  for (size_t i = 0; i < std::min(parts_.size(), messages.size()); ++i) {
    if (parts_[i].destination.kind != Kind::kReasoning) continue;
    tokens += messages[i].end_token - messages[i].first_token;
  }
  return static_cast<int64_t>(tokens);
}

}  // namespace fairlead

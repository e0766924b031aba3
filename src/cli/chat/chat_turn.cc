#include "cli/chat/chat_turn.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "chat/channels.h"

namespace fairlead {
namespace {

// Answers in a turn, all but the last with tool calls. A model that goes round in circles ends.
constexpr size_t kMostAnswers = 32;
// Room that an answer should have, if leaving out old turns makes it.
constexpr int64_t kAnswerTokens = 1024;
// Bytes of a tool's output below which it is not worth cutting.
constexpr size_t kLeastOutput = 128;

struct RenderedTurn {
  std::vector<int32_t> ids;
  size_t left_out = 0;  // turns, now
};

int64_t AnswerRoom(const Answerer& answerer) {
  return std::min(kAnswerTokens, answerer.context() / 4);
}

// Tokens of a prompt that leaves room for an answer.
int64_t ComfortablePrompt(const Answerer& answerer) {
  return std::min(answerer.context() - AnswerRoom(answerer), answerer.longest_prompt());
}

Result<RenderedTurn> RenderToFit(Answerer& answerer, Dialogue& dialogue) {
  RenderedTurn rendered;
  FAIRLEAD_ASSIGN_OR_RETURN(rendered.ids, answerer.Render(dialogue.Shown()));
  const auto size = [&] { return static_cast<int64_t>(rendered.ids.size()); };
  const int64_t room = AnswerRoom(answerer);
  const int64_t comfortable = ComfortablePrompt(answerer);
  if (size() > comfortable) {
    // Some more than needed, so that the next turns find their beginning in the cache.
    while (size() > comfortable - room && dialogue.LeaveOutTurn()) {
      ++rendered.left_out;
      FAIRLEAD_ASSIGN_OR_RETURN(rendered.ids, answerer.Render(dialogue.Shown()));
    }
  }
  if (size() <= answerer.longest_prompt()) return rendered;
  return Fail(ErrorCode::kInvalidArgument, "chat",
              "context: expected at most {} tokens, got {} for this message and what goes with it",
              answerer.longest_prompt(), size());
}

// What is shown when all turns but the last are left out.
Conversation LastTurn(const Dialogue& dialogue) {
  Conversation conversation = dialogue.Shown();
  std::vector<Message>& messages = conversation.messages;
  const auto is_user = [](const Message& message) { return message.role == Role::kUser; };
  const auto first = std::find_if(messages.begin(), messages.end(), is_user);
  const auto last = std::find_if(messages.rbegin(), messages.rend(), is_user);
  if (first != messages.end()) messages.erase(first, last.base() - 1);
  return conversation;
}

// Adds what tools answered: as much of it as fits when all turns but this one are left out, with
// room for the next answer. The commands have run; this is no time to give up.
Status AddOutputs(Answerer& answerer, std::vector<Message> outputs, Dialogue& dialogue) {
  const auto text = [](Message& message) -> std::string& {
    return std::get<std::string>(message.content.front());
  };
  const Conversation before = LastTurn(dialogue);
  while (!outputs.empty()) {
    Conversation conversation = before;
    conversation.messages.insert(conversation.messages.end(), outputs.begin(), outputs.end());
    FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<int32_t> ids, answerer.Render(conversation));
    if (static_cast<int64_t>(ids.size()) <= ComfortablePrompt(answerer)) break;
    std::string& longest =
        text(*std::max_element(outputs.begin(), outputs.end(), [&](Message& a, Message& b) {
          return text(a).size() < text(b).size();
        }));
    if (longest.size() < kLeastOutput) break;
    longest = CutOutput(longest, longest.size() / 2);
  }
  for (Message& output : outputs) dialogue.Add(std::move(output));
  return {};
}

// What a tool is given, or what is wrong with what the model wrote.
Result<std::string> ArgumentsFor(const CommandTool& tool, const std::string& written) {
  if (!tool.tool.parameters) return std::string("{}");
  auto json = ParseJson(written, "tool", "arguments");
  if (!json) return tl::unexpected(std::move(json).error());
  if (!json->is_object()) {
    return Fail(ErrorCode::kInvalidArgument, "tool", "arguments: expected a JSON object");
  }
  return DumpJson(*json);
}

ToolOutput Refusal(std::string reason) { return {"error: " + std::move(reason), true, false}; }

ToolOutput Call(const ChatSetup& setup, const ToolCall& call, TurnWatcher& watcher) {
  const CommandTool* const tool = FindTool(setup, call.recipient);
  if (tool == nullptr) {
    std::string known;
    for (const CommandTool& other : setup.tools) {
      known += fmt::format("{}{}.{}", known.empty() ? "" : ", ", kFunctions, other.tool.name);
    }
    return Refusal(fmt::format("there is no tool {}; there is {}", Quoted(call.recipient),
                               known.empty() ? "none" : known));
  }
  const auto arguments = ArgumentsFor(*tool, call.arguments);
  if (!arguments) return Refusal(arguments.error().message);
  if (!watcher.Allow(*tool, call)) return Refusal("the user does not allow this call");
  watcher.Calling(call);
  return RunCommandTool(*tool, *arguments, [&watcher] { return watcher.Stop(); });
}

// Adds what was said. A call that was cut off is none: nobody knows what it would have been.
std::vector<ToolCall> AddAnswer(const ModelAnswer& answer, Dialogue& dialogue) {
  std::vector<ToolCall> calls;
  for (size_t i = 0; i < answer.messages.size(); ++i) {
    Message message = answer.messages[i].message;
    const std::string text = message.Text();
    const bool call = message.recipient.has_value();
    const bool cut_off =
        i + 1 == answer.messages.size() && answer.finish_reason != FinishReason::kStop;
    if (cut_off && (call || text.empty())) continue;
    // Whoever it says it is: it was the model that spoke.
    message.role = Role::kAssistant;
    message.name.reset();
    if (call) calls.push_back({*message.recipient, text});
    dialogue.Add(std::move(message));
  }
  return calls;
}

}  // namespace

bool IsText(const Message& message) { return !message.recipient && message.channel != kAnalysis; }

std::string Turn::Text() const {
  std::string text;
  for (const ModelAnswer& answer : answers) {
    for (const ParsedMessage& parsed : answer.messages) {
      if (!IsText(parsed.message)) continue;
      if (!text.empty() && !text.ends_with('\n')) text += "\n\n";
      text += parsed.message.Text();
    }
  }
  return text;
}

std::string Turn::Reasoning() const {
  std::string text;
  for (const ModelAnswer& answer : answers) {
    for (const ParsedMessage& parsed : answer.messages) {
      if (parsed.message.channel != kAnalysis || parsed.message.recipient) continue;
      if (!text.empty() && !text.ends_with('\n')) text += '\n';
      text += parsed.message.Text();
    }
  }
  return text;
}

Result<Turn> TakeTurn(Answerer& answerer, Dialogue& dialogue, const ChatOptions& options,
                      const GenerateSettings& settings, TurnWatcher& watcher) {
  Turn turn;
  const AnswerWatch watch = {[&](int64_t done, int64_t total) { watcher.Prompt(done, total); },
                             [&](const ParsedMessage& message, const MessageDelta& delta,
                                 int64_t tokens) { watcher.Delta(message, delta, tokens); },
                             [&] { return watcher.Stop(); }};
  while (true) {
    FAIRLEAD_ASSIGN_OR_RETURN(const RenderedTurn rendered, RenderToFit(answerer, dialogue));
    watcher.Begin(static_cast<int64_t>(rendered.ids.size()), rendered.left_out);
    const Conversation shown = dialogue.Shown();
    AnswerRules rules = RulesOf(shown);
    // A tool was called once that is asked for.
    if (turn.answers.empty()) rules.tool_choice = options.tool_choice;
    FAIRLEAD_ASSIGN_OR_RETURN(ModelAnswer answer,
                              answerer.Reply(shown, rendered.ids, rules, settings, watch));
    const std::vector<ToolCall> calls = AddAnswer(answer, dialogue);
    watcher.End(answer);
    const bool goes_on = answer.finish_reason == FinishReason::kStop && !calls.empty();
    turn.answers.push_back(std::move(answer));
    bool stopped = false;
    std::vector<Message> outputs;
    for (const ToolCall& call : calls) {
      // Every call is answered, so that the conversation can go on.
      const ToolOutput output = !goes_on  ? Refusal("not run, as the answer was cut off")
                                : stopped ? Refusal("the user stopped it")
                                          : Call(dialogue.setup(), call, watcher);
      stopped = stopped || output.interrupted || watcher.Stop();
      watcher.Called(call, output);
      outputs.push_back(ToolAnswer(call.recipient, output.text));
    }
    FAIRLEAD_RETURN_IF_ERROR(AddOutputs(answerer, std::move(outputs), dialogue));
    if (!goes_on || stopped) return turn;
    if (turn.answers.size() == kMostAnswers) {
      turn.too_many_calls = true;
      return turn;
    }
  }
}

}  // namespace fairlead

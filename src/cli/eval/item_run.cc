#include "cli/eval/item_run.h"

#include <utility>

#include "chat/replay.h"
#include "cli/eval/judge.h"

namespace fairlead {
namespace {

// Each item has a map of its own.
constexpr std::string_view kScope = "eval";

}  // namespace

ItemRun::ItemRun(const EvalItem& item, const ChatFormat& format)
    : item_(item), format_(format), conversation_(item.request.conversation) {}

Result<std::vector<int32_t>> ItemRun::Render() {
  RenderOptions options;
  options.next_role = Role::kAssistant;
  FAIRLEAD_ASSIGN_OR_RETURN(
      RenderedConversation rendered,
      RenderWithReplay(format_, &transcripts_, kScope, conversation_, options));
  return std::move(rendered.ids);
}

Result<Prompt> ItemRun::Ask(std::vector<int32_t> ids, const GenerateSettings& settings,
                            bool constrain) {
  // A tool was called once that the request asks for.
  const AnswerRules rules = step_ == 0 ? item_.request.rules : RulesOf(conversation_);
  FAIRLEAD_ASSIGN_OR_RETURN(Request request,
                            MakeTurnRequest(format_, ids, rules, {.constrain_headers = constrain}));
  Prompt prompt;
  prompt.ids = std::move(request.prompt);
  prompt.settings = settings;
  prompt.settings.request.stop_token_ids = std::move(request.stop_token_ids);
  prompt.settings.request.constraint = std::move(request.constraint);
  reader_.emplace(format_, static_cast<int64_t>(ids.size()),
                  Completion::Options{item_.request.callable, CallIdsOf(ids)});
  result_.steps.push_back({std::move(ids), {}, "", FinishReason::kStop});
  return prompt;
}

void ItemRun::Take(const Event& event) {
  reader_->Take(event);
  result_.steps.back().text += event.text;
}

Result<bool> ItemRun::Judge() {
  EvalStepRecord& record = result_.steps.back();
  record.ids = reader_->ids();
  record.finish_reason = *reader_->finish_reason();
  if (record.finish_reason == FinishReason::kError) {
    return Fail(ErrorCode::kInvalidData, "eval", "{}", reader_->error());
  }
  const EvalAnswer answer{reader_->messages(), record.finish_reason};
  const std::vector<std::string>& callable = item_.request.callable;
  const ExpectedStep& expected = item_.steps[step_];
  if (!IsRight(expected, answer, callable)) {
    GiveUp(Describe(answer, callable));
    return false;
  }
  const auto* call = std::get_if<ExpectedCall>(&expected);
  if (call == nullptr) {
    result_.right = true;
    return false;
  }
  FAIRLEAD_RETURN_IF_ERROR(
      RecordAnswer(format_, transcripts_, kScope, conversation_, answer.messages, record.ids));
  for (const ParsedMessage& parsed : answer.messages) {
    conversation_.messages.push_back(parsed.message);
  }
  // A call has a recipient.
  conversation_.messages.push_back(ToolAnswer(*CallIn(answer, callable).recipient, call->result));
  ++step_;
  return true;
}

void ItemRun::GiveUp(std::string reason) {
  result_.wrong_step = step_;
  result_.got = std::move(reason);
}

}  // namespace fairlead

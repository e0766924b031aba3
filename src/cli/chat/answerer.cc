#include "cli/chat/answerer.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

#include "chat/replay.h"
#include "chat/turn.h"

namespace fairlead {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The map of what the model wrote serves one client here.
constexpr std::string_view kScope = "chat";

bool WasRepaired(const ParsedMessage& message, std::string_view kind) {
  return std::any_of(message.repairs.begin(), message.repairs.end(),
                     [&](const Repair& repair) { return repair.kind == kind; });
}

// An answer as it comes in. Half a header at its end is no part of it.
class Listener {
 public:
  // `free_headers`: a tokenizer where messages may come without any header.
  Listener(const ChatFormat& format, int64_t prompt_tokens, Completion::Options options,
           const Tokenizer* free_headers, const AnswerWatch& watch)
      : reader_(format, prompt_tokens, std::move(options)),
        free_headers_(free_headers),
        watch_(watch) {}

  bool begun() const { return !reader_.ids().empty(); }
  bool done() const { return reader_.finish_reason().has_value(); }
  const TurnReader& reader() const { return reader_; }

  void Take(const Event& event) {
    const bool first = event.token && !begun();
    const size_t before = messages();
    if (event.finish_reason) completion_ = reader_.completion().message();
    const TurnDelta deltas = reader_.Take(event);
    if (event.finish_reason && EndsInHeader()) {
      messages_ = before;
    } else if (event.finish_reason) {
      completion_ = reader_.completion().message();
    }
    if (first) first_token_seconds_ = SecondsSince(start_);
    if (!watch_.delta) return;
    const auto tokens = static_cast<int64_t>(reader_.ids().size());
    for (const MessageDelta& delta : deltas.messages) {
      if (delta.message >= messages()) break;
      const ParsedMessage& message = reader_.messages()[delta.message];
      watch_.delta(message, delta, tokens - static_cast<int64_t>(message.first_token));
    }
  }
  // Once it is done.
  ModelAnswer Finish() const {
    ModelAnswer answer;
    answer.messages = reader_.messages();
    answer.messages.resize(messages());
    answer.finish_reason = *reader_.finish_reason();
    answer.error = reader_.error();
    answer.completion = completion_;
    answer.completion_finish =
        reader_.completion().finish_reason().value_or(CompletionFinish::kStop);
    answer.usage = reader_.usage();
    answer.seconds = SecondsSince(start_);
    answer.first_token_seconds = first_token_seconds_;
    return answer;
  }

 private:
  size_t messages() const { return messages_.value_or(reader_.messages().size()); }
  // Whether the answer broke off before its last message began; the parser, which loses nothing,
  // makes a message of what there was.
  bool EndsInHeader() const {
    if (reader_.finish_reason() == FinishReason::kStop || reader_.messages().empty()) return false;
    const ParsedMessage& last = reader_.messages().back();
    if (WasRepaired(last, "cut off header")) return true;
    if (!WasRepaired(last, "missing message marker")) return false;
    // Text without a marker before it can be an answer, where nothing keeps headers well formed.
    return free_headers_ == nullptr || free_headers_->IsSpecial(reader_.ids()[last.first_token]);
  }

  TurnReader reader_;
  const Tokenizer* const free_headers_;
  const AnswerWatch& watch_;
  std::optional<size_t> messages_;  // those before half a header
  CompletionMessage completion_;    // once it is done
  const Clock::time_point start_ = Clock::now();
  double first_token_seconds_ = 0;
};

}  // namespace

Result<std::unique_ptr<Answerer>> Answerer::Create(const ChatOptions& options) {
  std::unique_ptr<Answerer> answerer(new Answerer);
  Answerer& self = *answerer;
  const RunOptions& run = options.generate.run;
  FAIRLEAD_ASSIGN_OR_RETURN(self.artifact_, OpenForRun(run, run.backend));
  const ModelFacts& facts = self.artifact_->facts();
  FAIRLEAD_RETURN_IF_ERROR(CheckSettings(options.generate.settings, facts.vocabulary_size));
  FAIRLEAD_ASSIGN_OR_RETURN(self.tokenizer_, Tokenizer::Open(self.artifact_->dir));
  FAIRLEAD_ASSIGN_OR_RETURN(
      self.format_, CreateChatFormat(facts.chat_format, self.tokenizer_, facts.vocabulary_size));
  FAIRLEAD_ASSIGN_OR_RETURN(self.generator_,
                            Generator::Create(self.artifact_, self.tokenizer_, options.generate,
                                              /*answers=*/1, /*positions=*/0));
  self.constrain_ = options.header_constraint;
  self.name_ = ModelName(run);
  return answerer;
}

Result<std::vector<int32_t>> Answerer::Render(const Conversation& conversation) {
  RenderOptions options;
  options.next_role = Role::kAssistant;
  FAIRLEAD_ASSIGN_OR_RETURN(
      RenderedConversation rendered,
      RenderWithReplay(*format_, &transcripts_, kScope, conversation, options));
  return std::move(rendered.ids);
}

Result<ModelAnswer> Answerer::Reply(const Conversation& conversation,
                                    const std::vector<int32_t>& prompt, const AnswerRules& rules,
                                    const GenerateSettings& settings, const AnswerWatch& watch) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      Request request, MakeTurnRequest(*format_, prompt, rules, {.constrain_headers = constrain_}));
  Prompt asked;
  asked.ids = prompt;
  asked.settings = settings;
  asked.settings.request.stop_token_ids = std::move(request.stop_token_ids);
  asked.settings.request.constraint = std::move(request.constraint);
  const auto total = static_cast<int64_t>(prompt.size());
  Listener listener(*format_, total, {rules.tools, CallIdsOf(prompt)},
                    constrain_ ? nullptr : tokenizer_.get(), watch);
  Engine& engine = generator_->engine();
  const EngineStatistics before = engine.statistics();
  FAIRLEAD_ASSIGN_OR_RETURN(
      const RequestId id,
      generator_->Submit(asked, [&listener](const Event& event) { listener.Take(event); }));
  bool stopped = false;
  while (!listener.done()) {
    if (watch.prompt && !listener.begun()) {
      const EngineStatistics now = engine.statistics();
      watch.prompt(
          now.prompt_tokens - before.prompt_tokens + now.kv.reused_tokens - before.kv.reused_tokens,
          total);
    }
    if (!stopped && watch.stop && watch.stop()) {
      stopped = true;
      engine.Cancel(id);
    }
    FAIRLEAD_RETURN_IF_ERROR(engine.Step());
  }
  ModelAnswer answer = listener.Finish();
  answer.usage.cached_tokens = engine.statistics().kv.reused_tokens - before.kv.reused_tokens;
  // Without it the next prompt is read afresh where the model wrote its answer in its own way: that
  // takes longer, and is no reason to lose the answer.
  static_cast<void>(RecordAnswer(*format_, transcripts_, kScope, conversation, answer.messages,
                                 listener.reader().ids()));
  return answer;
}

}  // namespace fairlead

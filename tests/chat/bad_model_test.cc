// A model that writes odd headers: of the tokens outside the contents of its messages, one in
// twenty is replaced by a random one. No turn fails, no text is lost, and the conversation goes on.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "chat/chat_format.h"
#include "chat/harmony/special_tokens.h"
#include "chat/openai/completion_json.h"
#include "chat/turn.h"
#include "runtime/engine.h"
#include "tests/chat/parsed.h"
#include "tests/parity/golden.h"
#include "tests/support/random.h"
#include "tests/tokenizer/vocabularies.h"

namespace fairlead::testing {
namespace {

using Tokens = std::vector<int32_t>;

constexpr int64_t kPositions = 1024;  // of the bundled model
constexpr size_t kLongestPrompt = 800;
constexpr size_t kLongestAnswer = 120;
constexpr int kCorrupted = 20;  // one in so many

// FAIRLEAD_BAD_MODEL_TURNS, or what a test can do in passing.
int TurnsOf() {
  const char* turns = std::getenv("FAIRLEAD_BAD_MODEL_TURNS");
  return turns == nullptr ? 100 : std::atoi(turns);
}

// The bundled model in an engine, and the format that it is to write.
class Host {
 public:
  Host() {
    const auto checkpoint = Checkpoint::Open(FAIRLEAD_MODELS "/tiny-gpt-oss").value();
    const Variant variant = AllVariants().back();
    program_ = MakeProgram(checkpoint->config(), *checkpoint, *variant.backend).value();
    ExecutorOptions options;
    options.max_rows = 256;
    options.max_position = kPositions;
    executor_ = LoadVariant(variant, program_, options).value();
    engine_ = Engine::Create(*executor_, program_->facts, {}).value();
    tokenizer_ = Vocabulary("tiny");
    format_ = CreateChatFormat("harmony", tokenizer_, vocabulary_size()).value();
  }

  Engine& engine() { return *engine_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  const ChatFormat& format() const { return *format_; }
  int64_t vocabulary_size() const { return program_->facts.vocabulary_size; }

 private:
  std::shared_ptr<Program> program_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<Engine> engine_;
  Tokenizer::Pointer tokenizer_;
  std::shared_ptr<const ChatFormat> format_;
};

struct Turn {
  std::shared_ptr<const TokenConstraint> constraint;  // nullptr: none
  bool corrupt = true;
  float bias = 0;  // of the tokens that structure an answer: the model knows little of them
};

struct Answer {
  Tokens tokens;
  int corrupted = 0;
  bool cut_off = false;  // it did not end of itself
};

// Draws tokens from the model and puts others in the place of some: the model goes on as if it had
// chosen them. What was drawn is all that the constraint knows of.
class BadModel {
 public:
  BadModel(Host& host, Random& random)
      : host_(host),
        random_(random),
        harmony_(FindHarmonyTokens(host.tokenizer()).value()),
        stops_(host.format().StopTokens()) {}

  Answer Say(const Tokens& prompt, const Turn& turn) {
    Answer answer;
    in_content_ = false;
    const auto constraint = turn.constraint ? turn.constraint->Clone() : nullptr;
    while (answer.tokens.size() < kLongestAnswer) {
      Request request = RequestFor(prompt, answer.tokens, turn);
      if (constraint) request.constraint = constraint->Clone();
      if (GoOn(std::move(request), turn, constraint.get(), answer)) return answer;
      if (constraint && constraint->complete()) return answer;
    }
    answer.cut_off = true;
    return answer;
  }

 private:
  Request RequestFor(const Tokens& prompt, const Tokens& said, const Turn& turn) {
    Request request;
    request.prompt = prompt;
    request.prompt.insert(request.prompt.end(), said.begin(), said.end());
    request.max_tokens = static_cast<int64_t>(kLongestAnswer - said.size());
    request.sampling.seed = static_cast<uint64_t>(random_.Int(0, INT32_MAX));
    for (const int32_t token : Structure())
      request.sampling.logit_bias.push_back({token, turn.bias});
    request.stop_token_ids = stops_;
    return request;
  }

  Tokens Structure() const {
    return {harmony_.start, harmony_.channel, harmony_.message, harmony_.constrain,
            harmony_.end,   harmony_.ret,     harmony_.call};
  }

  // Runs `request` until it ends or one of its tokens is replaced. True: the answer has ended.
  bool GoOn(Request request, const Turn& turn, TokenConstraint* constraint, Answer& answer) {
    Tokens drawn;
    std::optional<FinishReason> finish_reason;
    const auto id = host_.engine().Submit(std::move(request), [&](const Event& event) {
      EXPECT_EQ(event.error, "");
      if (event.token) drawn.push_back(*event.token);
      finish_reason = event.finish_reason;
    });
    EXPECT_TRUE(id) << id.error().message;
    if (!id) return true;
    bool ended = false;
    bool replaced = false;
    for (size_t next = 0; !finish_reason || next < drawn.size();) {
      if (next == drawn.size()) {
        const auto stepped = host_.engine().Step();
        EXPECT_TRUE(stepped) << stepped.error().message;
        if (!stepped) return true;
        continue;
      }
      const int32_t token = drawn[next++];
      if (ended || replaced) continue;  // drawn before it was cancelled
      EXPECT_TRUE(constraint == nullptr || constraint->Accept(token));
      const int32_t said = turn.corrupt ? Corrupt(token) : token;
      replaced = said != token;
      answer.corrupted += replaced ? 1 : 0;
      answer.tokens.push_back(said);
      Follow(said);
      ended = std::find(stops_.begin(), stops_.end(), said) != stops_.end();
      if ((ended || replaced) && !finish_reason) host_.engine().Cancel(*id);
    }
    if (replaced) return ended;
    answer.cut_off = finish_reason == FinishReason::kLength;
    return true;
  }

  int32_t Corrupt(int32_t token) {
    const bool of_header = !in_content_ || host_.tokenizer().IsSpecial(token);
    if (!of_header || random_.Int(1, kCorrupted) > 1) return token;
    const Tokens structure = Structure();
    if (random_.Int(0, 2) == 0) {
      return structure[static_cast<size_t>(
          random_.Int(0, static_cast<int64_t>(structure.size()) - 1))];
    }
    return static_cast<int32_t>(random_.Int(0, host_.vocabulary_size() - 1));
  }

  void Follow(int32_t token) {
    if (token == harmony_.message) in_content_ = true;
    if (harmony_.EndsMessage(token) || token == harmony_.start) in_content_ = false;
  }

  Host& host_;
  Random& random_;
  HarmonyTokens harmony_;
  Tokens stops_;
  bool in_content_ = false;
};

// The texts behind each <|message|>, up to the next token that is not text.
std::vector<std::string> ContentsOf(const Tokens& tokens, const Tokenizer& tokenizer) {
  const int32_t message = *tokenizer.SpecialId("<|message|>");
  std::vector<std::string> contents;
  Tokens content;
  bool in_content = false;
  for (const int32_t token : tokens) {
    if (!tokenizer.IsSpecial(token) && tokenizer.TokenBytes(token)) {
      if (in_content) content.push_back(token);
      continue;
    }
    if (!content.empty()) contents.push_back(tokenizer.Decode(content).value());
    content.clear();
    in_content = token == message;
  }
  if (!content.empty()) contents.push_back(tokenizer.Decode(content).value());
  return contents;
}

// Everything in `contents` is in the messages, in order.
void ExpectDelivered(const std::vector<std::string>& contents,
                     const std::vector<ParsedMessage>& messages, const std::string& said) {
  std::string all;
  for (const ParsedMessage& parsed : messages) all += parsed.message.Text() + "\n\n";
  size_t from = 0;
  for (const std::string& content : contents) {
    const size_t place = all.find(content, from);
    ASSERT_NE(place, std::string::npos) << content << "\nof " << said << "\nin " << all;
    from = place + content.size();
  }
}

Message NewMessage(Role role, Content content) {
  Message message;
  message.role = role;
  message.content.push_back(std::move(content));
  return message;
}

class Conversing {
 public:
  explicit Conversing(uint64_t seed) : random_(seed), model_(host_, random_) { Begin(); }

  // The answer is read, checked, and becomes a part of the conversation.
  void Talk(bool constrained, bool corrupt) {
    conversation_.messages.push_back(NewMessage(Role::kUser, std::string(Question())));
    Turn turn;
    turn.corrupt = corrupt;
    turn.bias = static_cast<float>(random_.Int(0, 30));
    if (constrained) turn.constraint = host_.format().NewConstraint(Rules()).value();
    const Tokens prompt = Prompt();
    ASSERT_FALSE(prompt.empty());
    const Answer answer = model_.Say(prompt, turn);
    corrupted += answer.corrupted;
    const std::string said = Said(answer.tokens);
    const auto messages = Read(answer.tokens, said);
    ExpectDelivered(ContentsOf(answer.tokens, host_.tokenizer()), messages, said);
    ReadAsCompletion(answer.tokens, messages, answer.cut_off, said);
    if (constrained && !corrupt) ExpectWellFormed(messages, answer, said);
    for (const ParsedMessage& parsed : messages) Append(parsed.message);
    ++turns;
  }

  int turns = 0;
  int corrupted = 0;                   // tokens
  std::map<std::string, int> repairs;  // by kind

 private:
  void Begin() {
    SystemContent system;
    system.channel_config = DefaultSystemContent().channel_config;
    system.tools = ToolNamespaces{{"python", {"python", "Runs code.", {}}}};
    DeveloperContent developer;
    developer.tools = ToolNamespaces{
        {"functions", {"functions", std::nullopt, {{"tide", "", {}}, {"tide_table", "", {}}}}}};
    conversation_.messages = {NewMessage(Role::kSystem, system),
                              NewMessage(Role::kDeveloper, developer)};
  }

  std::string_view Question() {
    constexpr std::string_view kQuestions[] = {"When is high water?", "Who mends the ropes?",
                                               "Tell me of the harbour.", "And then?"};
    return kQuestions[random_.Int(0, 3)];
  }

  AnswerRules Rules() {
    using Choice = AnswerRules::ToolChoice;
    AnswerRules rules = RulesOf(conversation_);
    rules.tool_choice = std::array{Choice::kAuto, Choice::kNone,
                                   Choice::kRequired}[static_cast<size_t>(random_.Int(0, 2))];
    return rules;
  }

  // Begins anew where the conversation has become too long.
  Tokens Prompt() {
    const RenderOptions options{.next_role = Role::kAssistant};
    auto rendered = host_.format().Render(conversation_, options);
    EXPECT_TRUE(rendered) << rendered.error().message;
    if (rendered && rendered->ids.size() <= kLongestPrompt) return rendered->ids;
    const Message question = conversation_.messages.back();
    Begin();
    conversation_.messages.push_back(question);
    rendered = host_.format().Render(conversation_, options);
    return rendered ? rendered->ids : Tokens();
  }

  std::string Said(const Tokens& tokens) const {
    std::string said;
    for (const int32_t token : tokens) {
      const auto text = host_.tokenizer().Decode({&token, 1});
      said += text ? *text : fmt::format("[{}]", token);
    }
    return said;
  }

  std::vector<ParsedMessage> Read(const Tokens& tokens, const std::string& said) {
    const auto parser = host_.format().NewParser(Role::kAssistant);
    std::vector<std::string> streamed;
    const auto take = [&](const std::vector<MessageDelta>& deltas) {
      for (const MessageDelta& delta : deltas) {
        streamed.resize(std::max(streamed.size(), delta.message + 1));
        streamed[delta.message] += delta.text;
      }
    };
    for (const int32_t token : tokens) take(parser->Push(token));
    take(parser->Finish());
    const std::vector<ParsedMessage>& messages = parser->messages();
    streamed.resize(messages.size());
    for (size_t i = 0; i < messages.size(); ++i) {
      EXPECT_EQ(streamed[i], messages[i].message.Text()) << said;
      EXPECT_TRUE(messages[i].complete) << said;
      for (const Repair& repair : messages[i].repairs) ++repairs[repair.kind];
    }
    EXPECT_FALSE(messages.empty()) << said;
    return messages;
  }

  // The same tokens as a server delivers them: what is streamed is what there is in the end, and
  // the text of every message is in it.
  void ReadAsCompletion(const Tokens& tokens, const std::vector<ParsedMessage>& messages,
                        bool cut_off, const std::string& said) {
    TurnReader reader(host_.format(), 0, {RulesOf(conversation_).tools, NumberedIds()});
    std::vector<std::string> streamed(messages.size());
    std::vector<CompletionDelta> deltas;
    for (size_t i = 0; i <= tokens.size(); ++i) {
      Event event;
      if (i < tokens.size()) event.token = tokens[i];
      if (i == tokens.size()) {
        event.finish_reason = cut_off ? FinishReason::kLength : FinishReason::kStop;
      }
      TurnDelta delta = reader.Take(event);
      for (const MessageDelta& each : delta.messages) streamed.at(each.message) += each.text;
      std::move(delta.completion.begin(), delta.completion.end(), std::back_inserter(deltas));
    }
    const CompletionMessage whole = reader.completion().message();
    EXPECT_EQ(CompletionMessageJson(Joined(deltas)), CompletionMessageJson(whole)) << said;
    EXPECT_EQ(reader.completion().finish_reason(), deltas.back().finish_reason) << said;
    std::string everything = whole.reasoning + "\n\n" + whole.content.value_or("");
    for (const CompletionToolCall& call : whole.tool_calls) everything += "\n\n" + call.arguments;
    for (size_t i = 0; i < messages.size(); ++i) {
      const std::string text = messages[i].message.Text();
      EXPECT_EQ(streamed[i], text) << said;
      EXPECT_NE(everything.find(text), std::string::npos) << text << "\nof " << said;
    }
  }

  // A sound model behind the constraint leaves nothing to mend but where its answer was cut off,
  // and but for its characters.
  static void ExpectWellFormed(const std::vector<ParsedMessage>& messages, const Answer& answer,
                               const std::string& said) {
    for (size_t i = 0; i < messages.size(); ++i) {
      if (answer.cut_off && i + 1 == messages.size()) continue;
      for (const Repair& repair : messages[i].repairs) {
        if (repair.kind == "broken UTF-8") continue;
        ADD_FAILURE() << repair.kind << " (" << repair.text << ") of " << said;
      }
    }
  }

  void Append(const Message& message) {
    conversation_.messages.push_back(message);
    if (message.role != Role::kAssistant || !message.recipient) return;
    Message result = NewMessage(Role::kTool, std::string("At noon."));
    result.name = message.recipient;
    result.recipient = "assistant";
    result.channel = "commentary";
    conversation_.messages.push_back(result);
  }

  Host host_;
  Random random_;
  BadModel model_;
  Conversation conversation_;
};

void Converse(bool constrained, bool corrupt) {
  Conversing conversing(SeedOf(fmt::format("{} {}", constrained, corrupt)));
  const int turns = TurnsOf();
  for (int turn = 0; turn < turns; ++turn) {
    ASSERT_NO_FATAL_FAILURE(conversing.Talk(constrained, corrupt)) << "turn " << turn;
    ASSERT_FALSE(::testing::Test::HasFailure()) << "turn " << turn;
  }
  int repairs = 0;
  for (const auto& [kind, count] : conversing.repairs) {
    ::testing::Test::RecordProperty(kind, count);
    repairs += count;
  }
  EXPECT_EQ(conversing.turns, turns);
  if (!corrupt) return;
  EXPECT_GT(conversing.corrupted, turns / 4);
  EXPECT_GT(repairs, turns / 4);
}

TEST(BadModel, NoTurnFailsWithoutTheHeaderConstraint) { Converse(false, true); }

TEST(BadModel, NoTurnFailsWhenTheHeaderConstraintIsBypassed) { Converse(true, true); }

TEST(BadModel, ASoundModelUnderTheHeaderConstraintNeedsNoRepair) { Converse(true, false); }

}  // namespace
}  // namespace fairlead::testing

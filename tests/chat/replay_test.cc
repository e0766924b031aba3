#include "chat/replay.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "chat/turn.h"
#include "tests/chat/fake_format.h"
#include "tests/chat/parsed.h"
#include "tests/runtime/collected.h"
#include "tests/runtime/fake_executor.h"

namespace fairlead::testing {
namespace {

using Ids = std::vector<int32_t>;

Message Said(Role role, const std::string& text) {
  Message message;
  message.role = role;
  message.content.emplace_back(text);
  return message;
}

Conversation Question() {
  Conversation conversation;
  conversation.messages = {Said(Role::kUser, "what is it")};
  return conversation;
}

RenderOptions ForAnswer() {
  RenderOptions options;
  options.next_role = Role::kAssistant;
  return options;
}

// A client and a model that writes what it is told to.
class Replay : public ::testing::Test {
 protected:
  // The model answers `text` (as in FakeIds) to what was said.
  std::vector<ParsedMessage> Answer(std::string_view text) {
    const Ids ids = FakeIds(text);
    const std::unique_ptr<ChatParser> parser = format_.NewParser(Role::kAssistant);
    for (const int32_t id : ids) parser->Push(id);
    parser->Finish();
    const Status recorded =
        RecordAnswer(format_, map_, "client", conversation_, parser->messages(), ids);
    EXPECT_TRUE(recorded) << recorded.error().message;
    for (const ParsedMessage& parsed : parser->messages()) {
      conversation_.messages.push_back(parsed.message);
    }
    return parser->messages();
  }
  void Hear(const Message& message) { conversation_.messages.push_back(message); }

  RenderedConversation Rendered(TranscriptMap* map, std::string_view scope = "client") {
    return RenderWithReplay(format_, map, scope, conversation_, ForAnswer()).value();
  }
  // What the next prompt holds behind the first question.
  Ids Next() {
    const Ids ids = Rendered(&map_).ids;
    return {ids.begin() + static_cast<std::ptrdiff_t>(FakeIds("<user|what is it>").size()),
            ids.end()};
  }

  FakeFormat format_;
  TranscriptMap map_{{}};
  Conversation conversation_ = Question();
};

TEST_F(Replay, PutsTheIdsThatTheModelWroteInPlaceOfCanonicalOnes) {
  Answer(" c=commentary to=functions.clock t=json|{}^");
  EXPECT_EQ(Next(), FakeIds("<assistant c=commentary to=functions.clock t=json|{}^<assistant"));
  EXPECT_EQ(Rendered(nullptr).ids,
            FakeIds("<user|what is it><assistant to=functions.clock c=commentary t=json|{}^"
                    "<assistant"));
}

TEST_F(Replay, GivesSpansOfWhatItReturns) {
  Answer("  c=commentary   to=functions.clock|{}^");
  Hear(Said(Role::kUser, "and"));
  const RenderedConversation rendered = Rendered(&map_);
  ASSERT_EQ(rendered.messages.size(), 3u);
  size_t end = 0;
  for (size_t i = 0; i < rendered.messages.size(); ++i) {
    EXPECT_EQ(rendered.messages[i].message, i);
    EXPECT_EQ(rendered.messages[i].begin, end);
    EXPECT_EQ(rendered.ids[end], kFakeStart);
    end = rendered.messages[i].end;
    EXPECT_GE(rendered.ids[end - 1], kFakeEnd);
  }
  EXPECT_EQ(Ids(rendered.ids.begin() + static_cast<std::ptrdiff_t>(end), rendered.ids.end()),
            FakeIds("<assistant"));
}

TEST_F(Replay, EndsAnAnswerAsPromptsDoAndNotAsItWasStopped) {
  Answer("   c=final|hello!");
  Hear(Said(Role::kUser, "more"));
  EXPECT_EQ(Next(), FakeIds("<assistant   c=final|hello><user|more><assistant"));
}

TEST_F(Replay, EndsAnAnswerThatWasCutOff) {
  // Known by the parser as cut off, which is a repair; another parser may not mind.
  std::vector<ParsedMessage> answer = {Parsed("final", "hel")};
  const Ids ids = FakeIds("  c=final|hel");
  answer[0].end_token = ids.size();
  ASSERT_TRUE(RecordAnswer(format_, map_, "client", conversation_, answer, ids));
  Hear(answer[0].message);
  EXPECT_EQ(Next(), FakeIds("<assistant  c=final|hel><assistant"));
}

TEST_F(Replay, KeepsAnEndThatTheModelWentOnFrom) {
  Answer(" c=commentary to=functions.a|{}><assistant c=commentary to=functions.b|{}^");
  EXPECT_EQ(Next(), FakeIds("<assistant c=commentary to=functions.a|{}>"
                            "<assistant c=commentary to=functions.b|{}^<assistant"));
}

TEST_F(Replay, ReplaysReasoningOfAnOpenToolTurn) {
  Answer("  c=analysis|hm><assistant c=commentary to=functions.a|{}^");
  Message result = Said(Role::kTool, "noon");
  result.name = "functions.a";
  Hear(result);
  EXPECT_EQ(Next(), FakeIds("<assistant  c=analysis|hm><assistant c=commentary to=functions.a|{}^"
                            "<functions.a|noon><assistant"));
}

TEST_F(Replay, LeavesOutReasoningThatIsDropped) {
  Answer("  c=analysis|hm><assistant   c=final|yes!");
  EXPECT_EQ(Next(), FakeIds("<assistant   c=final|yes><assistant"));
  std::erase_if(conversation_.messages,
                [](const Message& message) { return message.channel == "analysis"; });
  EXPECT_EQ(Next(), FakeIds("<assistant   c=final|yes><assistant"))
      << "whether the client sends it or not";
}

TEST_F(Replay, TakesNothingForAnotherMessage) {
  Answer("  c=final|yes!");
  const Conversation sent = conversation_;
  for (const auto& change : std::vector<std::function<void(Message&)>>{
           [](Message& message) { message.content = {std::string("yes.")}; },
           [](Message& message) { message.channel = "commentary"; },
           [](Message& message) { message.channel = std::nullopt; },
           [](Message& message) { message.recipient = "all"; },
           [](Message& message) { message.content_type = "json"; },
           [](Message& message) { message.role = Role::kUser; }}) {
    conversation_ = sent;
    change(conversation_.messages[1]);
    EXPECT_EQ(Rendered(&map_).ids, Rendered(nullptr).ids);
  }
}

TEST_F(Replay, FollowsTheLastOfTwoAnswersThatReadTheSame) {
  const Conversation asked = conversation_;
  for (const char* header : {"  c=final", " c=final", "   c=final"}) {
    conversation_ = asked;
    Answer(std::string(header) + "|yes!");
    EXPECT_EQ(Next(), FakeIds("<assistant" + std::string(header) + "|yes><assistant"));
  }
}

TEST_F(Replay, ComparesWhatClientsCanSend) {
  const Resent without_types = [](const Message& message) {
    Message sent = message;
    sent.content_type = std::nullopt;
    return sent;
  };
  const Ids ids = FakeIds(" c=final t=json|yes!");
  const std::unique_ptr<ChatParser> parser = format_.NewParser(Role::kAssistant);
  for (const int32_t id : ids) parser->Push(id);
  ASSERT_TRUE(
      RecordAnswer(format_, map_, "client", conversation_, parser->messages(), ids, without_types));
  Hear(without_types(parser->messages()[0].message));
  const auto rendered = [this](const Resent& resent) {
    return RenderWithReplay(format_, &map_, "client", conversation_, ForAnswer(), resent)
        .value()
        .ids;
  };
  EXPECT_EQ(rendered(without_types),
            FakeIds("<user|what is it><assistant c=final t=json|yes><assistant"));
  EXPECT_EQ(rendered({}), Rendered(nullptr).ids) << "it is another message to such a client";
  conversation_.messages.back().channel = "commentary";
  EXPECT_EQ(rendered(without_types), Rendered(nullptr).ids);
}

TEST_F(Replay, TakesNothingFromAnotherPlace) {
  Answer("  c=final|yes!");
  conversation_.messages[0].content = {std::string("what else")};
  EXPECT_EQ(Rendered(&map_).ids, Rendered(nullptr).ids);
}

TEST_F(Replay, TakesNothingFromAnotherClient) {
  Answer("  c=final|yes!");
  EXPECT_NE(Rendered(&map_).ids, Rendered(nullptr).ids);
  EXPECT_EQ(Rendered(&map_, "other").ids, Rendered(nullptr).ids);
}

TEST_F(Replay, OfAFlagThatIsOffOrOfTrainingIsCanonical) {
  Answer("  c=final|yes!");
  RenderOptions options;
  options.training = true;
  EXPECT_EQ(RenderWithReplay(format_, &map_, "client", conversation_, options).value().ids,
            FakeIds("<user|what is it><assistant c=final|yes!"));
}

TEST_F(Replay, CollisionsDoNotMatter) {
  Answer(" c=final|yes!");
  const RenderedConversation canonical = Rendered(nullptr);
  const std::vector<size_t> ends = {canonical.messages[1].end};
  const TranscriptKey key = TranscriptKeys(canonical.ids, ends)[0];
  for (const char* wrong :
       {"", "<", "<assistant c=final|no>", "<assistant c=final|yes", "<assistant c=final|yes>yes",
        "<assistant c=final|yes><assistant c=final|yes>", "<assistant odd c=final|yes>",
        "c=final|yes>", "<assistant c=analysis|yes>", "<assistant c=final t=json|yes>",
        "<assistant to=x c=final|yes^"}) {
    map_.Store("client", key, FakeIds(wrong));
    EXPECT_EQ(Rendered(&map_).ids, canonical.ids) << wrong;
  }
  map_.Store("client", key, FakeIds("<assistant    c=final|yes>"));
  EXPECT_NE(Rendered(&map_).ids, canonical.ids);
}

TEST_F(Replay, StoresNeitherWhatIsCanonicalNorWhatWasRepaired) {
  Answer(" c=final|yes!");
  Answer(" odd c=final|yes!");
  Answer("  c=final|cut");
  EXPECT_EQ(map_.statistics().entries, 0u);
  EXPECT_EQ(Rendered(&map_).ids, Rendered(nullptr).ids);
}

TEST_F(Replay, FollowsAConversationOverManyTurns) {
  Ids last = Rendered(&map_).ids;
  for (int turn = 0; turn < 20; ++turn) {
    const std::string text = turn % 2 == 0 ? " c=commentary to=functions.a|{}^" : "  c=final|yes!";
    Answer(text);
    Hear(Said(Role::kUser, "go on"));
    const Ids next = Rendered(&map_).ids;
    Ids seen = last;
    for (const int32_t id : FakeIds(text)) seen.push_back(id);
    seen.pop_back();  // the model was never given the token that ended its answer
    ASSERT_LT(seen.size(), next.size());
    EXPECT_TRUE(std::equal(seen.begin(), seen.end(), next.begin())) << "turn " << turn;
    last = next;
  }
}

// Reused tokens of the second of two turns; the model calls a tool in the first.
int64_t ReusedInSecondTurn(TranscriptMap* map) {
  const FakeFormat format;
  FakeExecutor executor({.max_slots = 2, .kv_pages = {40, 40}});
  Conversation conversation = Question();
  const Ids prompt = RenderWithReplay(format, map, "client", conversation, ForAnswer()).value().ids;
  Ids script = prompt;
  const std::string arguments(200, 'x');
  for (const int32_t id : FakeIds("  c=commentary to=functions.clock|" + arguments + "^")) {
    script.push_back(id);
  }
  executor.change_logits = [&script](const Ids& tokens, std::span<float> logits) {
    const size_t at = tokens.size();
    if (at < script.size()) logits[static_cast<size_t>(script[at])] = 1000.0f;
  };
  const auto engine = Engine::Create(executor, executor.facts(), {}).value();
  const TurnOptions options{
      .sampling = {.temperature = 0.0f}, .max_tokens = 300, .constrain_headers = false};
  TurnReader reader(format, static_cast<int64_t>(prompt.size()),
                    {{"functions.clock"}, CallIdsOf(prompt)});
  const auto take = [&reader](const Event& event) { reader.Take(event); };
  EXPECT_TRUE(engine->Submit(MakeTurnRequest(format, prompt, {}, options).value(), take));
  Drain(*engine);
  EXPECT_EQ(reader.completion().finish_reason(), CompletionFinish::kToolCalls);
  EXPECT_EQ(reader.completion().message().tool_calls.at(0).arguments, arguments);
  if (map != nullptr) {
    EXPECT_TRUE(
        RecordAnswer(format, *map, "client", conversation, reader.messages(), reader.ids()));
  }

  conversation.messages.push_back(reader.messages().at(0).message);
  conversation.messages.push_back(Said(Role::kUser, "thanks"));
  const int64_t before = engine->statistics().kv.reused_tokens;
  const Ids next = RenderWithReplay(format, map, "client", conversation, ForAnswer()).value().ids;
  EXPECT_TRUE(
      engine->Submit(MakeTurnRequest(format, next, {}, options).value(), [](const Event&) {}));
  Drain(*engine);
  return engine->statistics().kv.reused_tokens - before;
}

TEST(Complaints, LaterTurnsDoNotProcessThePromptAgain) {
  TranscriptMap map({});
  const int64_t without = ReusedInSecondTurn(nullptr);
  const int64_t with = ReusedInSecondTurn(&map);
  EXPECT_LE(without, 64);
  EXPECT_GE(with, 192);
}

}  // namespace
}  // namespace fairlead::testing

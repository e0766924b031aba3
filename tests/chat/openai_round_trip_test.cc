// OpenAI messages to harmony's tokens and back, and replays of what gpt-oss writes.
#include <gtest/gtest.h>

#include <algorithm>

#include "chat/openai/chat_request.h"
#include "chat/openai/completion_json.h"
#include "chat/openai/request_messages.h"
#include "chat/replay.h"
#include "chat/turn.h"
#include "tests/chat/parsed.h"
#include "tests/support/random.h"
#include "tests/tokenizer/vocabularies.h"

namespace fairlead::testing {
namespace {

using Ids = std::vector<int32_t>;

std::shared_ptr<const ChatFormat> Harmony() {
  static const auto format =
      CreateChatFormat("harmony", Vocabulary("tiny"), Vocabulary("tiny")->vocabulary_size())
          .value();
  return format;
}

Ids Encoded(std::string_view text) { return Vocabulary("tiny")->Encode(text, true).value(); }

ChatRequest Requested(const Json& messages, const Json& tools = Json::array(),
                      const SystemContent& system = DefaultSystemContent()) {
  return ChatRequestFromJson({{"messages", messages}, {"tools", tools}}, system).value();
}

Json Tools() {
  return Json::parse(R"([{"type":"function","function":{"name":"clock"}},
                         {"type":"function","function":{"name":"get.we-at_her",
                           "parameters":{"type":"object","properties":{"city":{}}}}}])");
}

RenderOptions ForAnswer(bool drop = true) {
  RenderOptions options;
  options.next_role = Role::kAssistant;
  options.auto_drop_analysis = drop;
  return options;
}

std::string RandomText(Random& random) {
  constexpr const char* kPieces[] = {
      "Hello", " ",          "\n\n",     "<|end|>",  "<|start|>user",   "é🙂", "{\"a\":", "}",
      "to=x",  "commentary", "analysis", "<|call|>", "functions.clock", "\"",     "\t"};
  std::string text;
  for (int64_t i = random.Int(1, 6); i > 0; --i) text += kPieces[random.Int(0, 14)];
  return text;
}

// An answer as this program reports it, with the tool messages that follow.
void AddAnswer(Random& random, Json& messages) {
  CompletionMessage answer;
  if (random.Int(0, 1) == 0) answer.reasoning = RandomText(random);
  if (random.Int(0, 2) != 0) answer.content = RandomText(random);
  const int64_t calls = random.Int(0, 2);
  for (int64_t i = 0; i < calls; ++i) {
    const std::string id = "call_" + std::to_string(messages.size()) + "_" + std::to_string(i);
    const char* names[] = {"clock", "get.we-at_her", "unknown"};
    answer.tool_calls.push_back({id, names[random.Int(0, 2)], RandomText(random)});
  }
  if (calls == 0 && !answer.content) answer.content = RandomText(random);
  messages.push_back(CompletionMessageJson(answer));
  for (const CompletionToolCall& call : answer.tool_calls) {
    messages.push_back(
        {{"role", "tool"}, {"tool_call_id", call.id}, {"content", RandomText(random)}});
  }
}

Json RandomMessages(Random& random) {
  Json messages = Json::array();
  for (int64_t turn = random.Int(1, 4); turn > 0; --turn) {
    messages.push_back({{"role", "user"}, {"content", RandomText(random)}});
    AddAnswer(random, messages);
  }
  return messages;
}

// What the API would have called the messages that `ids` hold; the ids of calls are those of
// `sent`, and everything that is not an answer is taken from there.
Json ReadBack(const Ids& ids, const Json& sent) {
  const std::unique_ptr<ChatParser> parser = Harmony()->NewParser(std::nullopt);
  for (const int32_t id : ids) parser->Push(id);
  std::vector<std::vector<ParsedMessage>> answers;
  Role before = Role::kSystem;
  for (const ParsedMessage& parsed : parser->messages()) {
    EXPECT_TRUE(parsed.repairs.empty());
    const Role role = parsed.message.role;
    if (role == Role::kAssistant && before != role) answers.emplace_back();
    if (role == Role::kAssistant) answers.back().push_back(parsed);
    before = role;
  }
  Json messages = Json::array();
  size_t next = 0;
  for (const Json& message : sent) {
    if (message["role"] != "assistant" || next >= answers.size()) {
      messages.push_back(message);
      continue;
    }
    const auto id_of = [&message](size_t index) {
      return message["tool_calls"][index]["id"].get<std::string>();
    };
    Completion completion({{"functions.clock", "functions.get.we-at_her"}, id_of});
    Read(completion, answers[next++]);
    messages.push_back(CompletionMessageJson(completion.message()));
  }
  EXPECT_EQ(next, answers.size());
  return messages;
}

TEST(OpenAiRoundTrip, MessagesComeBackFromHarmonysTokensAsTheyWere) {
  Random random(7);
  for (int round = 0; round < 300; ++round) {
    const Json sent = RandomMessages(random);
    const ChatRequest request = Requested(sent, Tools());
    RenderOptions options;
    options.auto_drop_analysis = false;
    const auto rendered = Harmony()->Render(request.conversation, options);
    ASSERT_TRUE(rendered) << rendered.error().message;
    ASSERT_EQ(ReadBack(rendered->ids, sent).dump(), sent.dump());
  }
}

TEST(OpenAiRoundTrip, RendersCallsAndTheirResultsAsTheModelWasTrained) {
  const Json messages = Json::parse(R"([
      {"role":"user","content":"Weather?"},
      {"role":"assistant","content":null,"reasoning":"Look.","tool_calls":[
        {"id":"a","type":"function","function":{"name":"clock","arguments":"{}"}}]},
      {"role":"tool","tool_call_id":"a","content":"12:00"}])");
  const auto rendered = Harmony()->Render(Requested(messages, Tools()).conversation, ForAnswer());
  const std::string text = Vocabulary("tiny")->Decode(rendered.value().ids).value();
  const std::string end =
      "<|start|>user<|message|>Weather?<|end|>"
      "<|start|>assistant<|channel|>analysis<|message|>Look.<|end|>"
      "<|start|>assistant to=functions.clock<|channel|>commentary <|constrain|>json<|message|>{}"
      "<|call|><|start|>functions.clock to=assistant<|channel|>commentary<|message|>12:00<|end|>"
      "<|start|>assistant";
  EXPECT_TRUE(text.ends_with(end)) << text;
}

TEST(Complaints, PromptsOfferCommentaryOnlyWithTools) {
  const Json messages = Json::parse(R"([{"role":"user","content":"Hi"}])");
  const auto text_of = [&messages](const Json& tools) {
    const auto rendered = Harmony()->Render(Requested(messages, tools).conversation, ForAnswer());
    return Vocabulary("tiny")->Decode(rendered.value().ids).value();
  };
  EXPECT_NE(text_of(Json::array()).find("# Valid channels: analysis, final."), std::string::npos);
  EXPECT_EQ(text_of(Json::array()).find("commentary"), std::string::npos);
  EXPECT_NE(text_of(Tools()).find("# Valid channels: analysis, commentary, final."),
            std::string::npos);
}

// What a server does with one answer: reads it, records it, and gets it back from the client.
class Served : public ::testing::Test {
 protected:
  void SetUp() override { messages_ = Json::parse(R"([{"role":"user","content":"Time?"}])"); }

  RenderedConversation Prompt(TranscriptMap* map) {
    const ChatRequest request = Requested(messages_, Tools(), system_);
    return RenderWithReplay(*Harmony(), map, "client", request.conversation, ForAnswer(), AsResent)
        .value();
  }
  CompletionMessage Answer(const Ids& ids) {
    const ChatRequest request = Requested(messages_, Tools(), system_);
    const Ids prompt = Prompt(&map_).ids;
    TurnReader reader(*Harmony(), static_cast<int64_t>(prompt.size()),
                      {request.callable, CallIdsOf(prompt)});
    for (size_t i = 0; i < ids.size(); ++i) {
      Event event;
      event.token = ids[i];
      if (i + 1 == ids.size()) event.finish_reason = FinishReason::kStop;
      reader.Take(event);
    }
    EXPECT_TRUE(RecordAnswer(*Harmony(), map_, "client", request.conversation, reader.messages(),
                             reader.ids(), AsResent));
    messages_.push_back(CompletionMessageJson(reader.completion().message()));
    for (const CompletionToolCall& call : reader.completion().message().tool_calls) {
      messages_.push_back({{"role", "tool"}, {"tool_call_id", call.id}, {"content", "noon"}});
    }
    return reader.completion().message();
  }

  SystemContent system_ = DefaultSystemContent();
  Json messages_;
  TranscriptMap map_{{}};
};

TEST_F(Served, NextPromptBeginsWithWhatTheModelReadAndWrote) {
  Ids seen = Prompt(&map_).ids;
  const Ids answer = Encoded(
      "<|channel|>analysis<|message|>Look.<|end|><|start|>assistant<|channel|>commentary "
      "to=functions.clock <|constrain|>json<|message|>{\"zone\": \"UTC\"}<|call|>");
  const CompletionMessage message = Answer(answer);
  EXPECT_EQ(message.reasoning, "Look.");
  EXPECT_EQ(message.tool_calls.at(0).name, "clock");
  seen.insert(seen.end(), answer.begin(), answer.end());
  const Ids with = Prompt(&map_).ids;
  const Ids without = Prompt(nullptr).ids;
  ASSERT_GT(with.size(), seen.size());
  EXPECT_TRUE(std::equal(seen.begin(), seen.end(), with.begin()));
  EXPECT_FALSE(std::equal(seen.begin(), seen.end(), without.begin()));
}

TEST_F(Served, TokensThatTheTokenizerWouldNotChooseSurvive) {
  Ids seen = Prompt(&map_).ids;
  Ids answer = Encoded("<|channel|>final<|message|>");
  // Letter by letter.
  for (const char* letter : {"H", "e", "l", "l", "o"}) answer.push_back(Encoded(letter).at(0));
  answer.push_back(Encoded("<|return|>").at(0));
  EXPECT_EQ(Answer(answer).content, "Hello");
  seen.insert(seen.end(), answer.begin(), answer.end() - 1);
  const Ids next = Prompt(&map_).ids;
  ASSERT_GT(next.size(), seen.size());
  EXPECT_TRUE(std::equal(seen.begin(), seen.end(), next.begin()));
  EXPECT_EQ(next[seen.size()], Encoded("<|end|>").at(0)) << "not <|return|>";
}

TEST_F(Served, EveryHeaderThatMayBeWrittenIsReplayed) {
  system_.tools = ToolNamespaces{{"python", PythonTool()}, {"browser", BrowserTool()}};
  const Json question = messages_;
  const std::string end = "<|end|><|start|>assistant";
  for (const std::string header : {
           "<|channel|>commentary to=functions.clock",
           "<|channel|>commentary to=functions.clock <|constrain|>json",
           "<|channel|>commentary to=functions.clock<|constrain|>json",
           "<|channel|>commentary to=functions.clock json",
           "<|channel|>commentary to=functions.clock code",
           " to=functions.clock<|channel|>commentary",
           " to=functions.clock<|channel|>commentary code",
           "<|channel|>analysis to=functions.clock",
           " to=functions.clock<|channel|>analysis <|constrain|>json",
           "<|channel|>analysis to=python",
           "<|channel|>analysis to=python code",
           "<|channel|>analysis to=python <|constrain|>code",
           " to=python<|channel|>commentary code",
           "<|channel|>commentary to=python code",
           "<|channel|>commentary to=browser.search code",
           "<|channel|>analysis to=browser.search <|constrain|>json",
           " to=browser.search<|channel|>analysis code",
           "<|channel|>final",
           "<|channel|>final <|constrain|>json",
           "<|channel|>final<|constrain|>json",
       }) {
    const bool calls = header.find("to=") != std::string::npos;
    // With what may stand before it.
    for (const std::string& before :
         {std::string(), "<|channel|>analysis<|message|>Look." + end,
          "<|channel|>commentary<|message|>I look." + end, header + "<|message|>{}" + end}) {
      if (!calls && !before.empty()) continue;  // reasoning is dropped, and texts become one
      messages_ = question;
      Ids seen = Prompt(&map_).ids;
      const Ids answer =
          Encoded(before + header + "<|message|>{\"a\": 1}" + (calls ? "<|call|>" : "<|return|>"));
      Answer(answer);
      seen.insert(seen.end(), answer.begin(), answer.end() - 1);
      messages_.push_back({{"role", "user"}, {"content", "And now?"}});
      const Ids next = Prompt(&map_).ids;
      ASSERT_GT(next.size(), seen.size());
      EXPECT_TRUE(std::equal(seen.begin(), seen.end(), next.begin())) << before << header;
    }
  }
}

TEST_F(Served, ACallWithoutArgumentsIsReplayed) {
  Ids seen = Prompt(&map_).ids;
  const Ids answer = Encoded("<|channel|>commentary to=functions.clock<|message|><|call|>");
  EXPECT_EQ(Answer(answer).tool_calls.at(0).arguments, "{}");
  seen.insert(seen.end(), answer.begin(), answer.end());
  const Ids next = Prompt(&map_).ids;
  ASSERT_GT(next.size(), seen.size());
  EXPECT_TRUE(std::equal(seen.begin(), seen.end(), next.begin()));
}

TEST(AsResent, IsWhatTheRequestHoldsOnceTheClientSentTheMessageBack) {
  SystemContent system = DefaultSystemContent();
  system.tools = ToolNamespaces{{"python", PythonTool()}};
  const Json sent = Json::parse(R"([
      {"role":"assistant","content":"I look.","reasoning":"Hm.","tool_calls":[
        {"id":"a","function":{"name":"clock","arguments":"{}"}},
        {"id":"b","function":{"name":"python","arguments":"1+1"}}]},
      {"role":"assistant","content":"Noon."},
      {"role":"user","content":"Thanks","name":"ann"}])");
  const ChatRequest request = Requested(sent, Tools(), system);
  for (const Message& message : request.conversation.messages) {
    const Message resent = AsResent(message);
    EXPECT_EQ(resent.role, message.role);
    EXPECT_EQ(resent.name, message.name);
    EXPECT_EQ(resent.recipient, message.recipient);
    EXPECT_EQ(resent.channel, message.channel);
    EXPECT_EQ(resent.content_type, message.content_type);
    EXPECT_EQ(resent.Text(), message.Text());
  }
}

TEST_F(Served, WhatHadToBeRepairedIsRenderedAsItWasUnderstood) {
  const CompletionMessage message =
      Answer(Encoded("<|channel|>commentary to=functions.clock<|channel|>commentary "
                     "json<|message|>{}<|call|>"));
  ASSERT_EQ(message.tool_calls.size(), 1u);
  EXPECT_EQ(message.tool_calls[0].name, "clock");
  EXPECT_EQ(Prompt(&map_).ids, Prompt(nullptr).ids);
}

TEST_F(Served, ChangedTextIsNotReplayed) {
  Answer(
      Encoded("<|channel|>commentary to=functions.clock <|constrain|>json<|message|>{}<|call|>"));
  EXPECT_NE(Prompt(&map_).ids, Prompt(nullptr).ids);
  messages_[1]["tool_calls"][0]["function"]["arguments"] = "{} ";
  EXPECT_EQ(Prompt(&map_).ids, Prompt(nullptr).ids);
}

TEST(Complaints, ToolChoiceReachesTheConstraint) {
  const Json messages = Json::parse(R"([{"role":"user","content":"Time?"}])");
  for (const Json& choice : std::vector<Json>{
           "auto", "none", "required", {{"type", "function"}, {"function", {{"name", "clock"}}}}}) {
    const ChatRequest request =
        ChatRequestFromJson({{"messages", messages}, {"tools", Tools()}, {"tool_choice", choice}},
                            DefaultSystemContent())
            .value();
    const Request made = MakeTurnRequest(*Harmony(), {1}, request.rules, {}).value();
    const auto accepts = [&made](std::string_view answer) {
      const std::unique_ptr<TokenConstraint> constraint = made.constraint->Clone();
      const Ids ids = Encoded(answer);
      return std::all_of(ids.begin(), ids.end(),
                         [&constraint](int32_t id) { return constraint->Accept(id); });
    };
    const std::string call = "<|channel|>commentary to=functions.";
    const std::string end = " <|constrain|>json<|message|>{}<|call|>";
    const bool named = choice.is_object();
    EXPECT_EQ(accepts(call + "clock" + end), choice != "none") << choice;
    EXPECT_EQ(accepts(call + "get.we-at_her" + end), choice != "none" && !named) << choice;
    EXPECT_FALSE(accepts(call + "unknown" + end)) << choice;
    EXPECT_EQ(accepts("<|channel|>final<|message|>Hi<|return|>"),
              choice == "auto" || choice == "none")
        << choice;
  }
}

// The API's answer to any tokens: nothing fails, and all text is somewhere.
TEST(Complaints, NoAnswerFailsOrIsThrownAway) {
  const char* answers[] = {
      "Hello",
      "<|message|>Hello",
      "<|channel|><|message|>Hello<|end|>",
      "<|channel|>final Hello",
      "<|channel|>analysis to=functions.clock code json<|message|>Hello<|call|>",
      "<|channel|>final<|message|>a<|end|>Hello",
      "<|start|>assistant<|channel|>final<|message|>Hello<|return|>",
      "<|channel|>commentary to=functions.<|message|>Hello<|call|>",
      "<|channel|>commentary to=browser.search<|message|>Hello<|call|>",
      "<|end|><|start|>user<|message|>Hello<|end|>",
      "<|channel|>final<|message|><|start|>Hello",
      " to=clock<|channel|>commentary<|message|>Hello<|call|>",
  };
  for (const char* answer : answers) {
    for (const auto& tools : {std::vector<std::string>{}, {"functions.clock"}}) {
      TurnReader reader(*Harmony(), 1, {tools, NumberedIds()});
      std::vector<CompletionDelta> deltas;
      for (const int32_t id : Encoded(answer)) {
        Event event;
        event.token = id;
        for (auto& delta : reader.Take(event).completion) deltas.push_back(std::move(delta));
      }
      Event last;
      last.finish_reason = FinishReason::kLength;
      for (auto& delta : reader.Take(last).completion) deltas.push_back(std::move(delta));
      const CompletionMessage message = reader.completion().message();
      const std::string dump = CompletionMessageJson(message).dump();
      EXPECT_NE(dump.find("Hello"), std::string::npos) << answer << ": " << dump;
      EXPECT_EQ(CompletionMessageJson(Joined(deltas)).dump(), dump) << answer;
    }
  }
}

}  // namespace
}  // namespace fairlead::testing

#include "chat/openai/completion.h"

#include <gtest/gtest.h>

#include <set>

#include "chat/openai/completion_json.h"
#include "tests/chat/parsed.h"
#include "tests/support/random.h"

namespace fairlead::testing {
namespace {

using Answer = std::vector<ParsedMessage>;

const std::vector<std::string> kTools = {"functions.clock", "functions.get_weather"};

Completion New() { return Completion({kTools, NumberedIds()}); }

std::string Content(const CompletionMessage& message) { return message.content.value_or("<null>"); }

TEST(Completion, NamesReasoningContentAndCalls) {
  Completion completion = New();
  Read(completion, {Parsed("analysis", "Hm."), Parsed("commentary", "I will look."),
                    Parsed("commentary", R"({"city":"Oslo"})", "functions.get_weather")});
  const CompletionMessage message = completion.message();
  EXPECT_EQ(message.reasoning, "Hm.");
  EXPECT_EQ(Content(message), "I will look.");
  ASSERT_EQ(message.tool_calls.size(), 1u);
  EXPECT_EQ(message.tool_calls[0].id, "call_0");
  EXPECT_EQ(message.tool_calls[0].name, "get_weather");
  EXPECT_EQ(message.tool_calls[0].arguments, R"({"city":"Oslo"})");
  EXPECT_FALSE(message.tool_calls[0].malformed);
  EXPECT_EQ(completion.finish_reason(), CompletionFinish::kToolCalls);
}

TEST(Completion, SeparatesTheTextsOfSeveralMessagesByABlankLine) {
  Completion completion = New();
  Read(completion, {Parsed("analysis", "One."), Parsed("commentary", "Plan."),
                    Parsed("analysis", "Two."), Parsed("analysis", ""), Parsed("final", "Done.")});
  EXPECT_EQ(completion.message().reasoning, "One.\n\nTwo.");
  EXPECT_EQ(Content(completion.message()), "Plan.\n\nDone.");
  EXPECT_EQ(completion.finish_reason(), CompletionFinish::kStop);
}

TEST(Complaints, StreamedToolCallsAreNeitherLostNorSplit) {
  Completion completion = New();
  Answer answer = {Parsed("commentary", "", "functions.clock")};
  std::vector<CompletionDelta> deltas;
  for (const char* text : {"{\"a\"", "", ":1}"}) {
    for (CompletionDelta& delta : completion.Push({{0, text, false}}, answer)) {
      deltas.push_back(std::move(delta));
    }
  }
  ASSERT_EQ(deltas.size(), 3u);
  EXPECT_EQ(deltas[0].tool_call->id, "call_0");
  EXPECT_EQ(deltas[0].tool_call->name, "clock");
  EXPECT_EQ(deltas[0].tool_call->arguments, "");
  EXPECT_EQ(deltas[1].tool_call->id, std::nullopt);
  EXPECT_EQ(deltas[1].tool_call->name, std::nullopt);
  EXPECT_EQ(deltas[1].tool_call->arguments, "{\"a\"");
  EXPECT_EQ(deltas[2].tool_call->arguments, ":1}");
}

TEST(Completion, SaysEmptyObjectForACallThatEndedWithoutArguments) {
  Completion completion = New();
  const auto deltas = Read(completion, {Parsed("commentary", "", "functions.clock")});
  EXPECT_EQ(completion.message().tool_calls[0].arguments, "{}");
  EXPECT_FALSE(completion.message().tool_calls[0].malformed);
  EXPECT_EQ(Joined(deltas).tool_calls[0].arguments, "{}");
}

TEST(Complaints, ContentIsNeverNullWhenTokensWereSpentOnNoCall) {
  for (const Answer& answer :
       {Answer{}, Answer{Parsed("analysis", "Only thoughts")}, Answer{Parsed("final", "")},
        Answer{Parsed(std::nullopt, "", std::nullopt, Role::kUser)}}) {
    for (const FinishReason reason : {FinishReason::kStop, FinishReason::kLength}) {
      Completion completion = New();
      Read(completion, answer, reason);
      EXPECT_EQ(Content(completion.message()), "");
    }
  }
  Completion call = New();
  Read(call, {Parsed("analysis", "x"), Parsed("commentary", "{}", "functions.clock")});
  EXPECT_EQ(call.message().content, std::nullopt) << "null only beside a call";
}

TEST(Complaints, MalformedToolJsonIsDeliveredAsItIs) {
  for (const char* text : {"{\"a\":", "not json", "[1]", "{} {}", "\"text\"", " ", "{\"a\":1,}"}) {
    Completion completion = New();
    Read(completion, {Parsed("commentary", text, "functions.clock")});
    ASSERT_EQ(completion.message().tool_calls.size(), 1u) << text;
    EXPECT_EQ(completion.message().tool_calls[0].arguments, text);
    EXPECT_TRUE(completion.message().tool_calls[0].malformed) << text;
    EXPECT_EQ(completion.finish_reason(), CompletionFinish::kToolCalls) << text;
  }
  Completion deep = New();
  std::string nested;
  for (int i = 0; i < 100000; ++i) nested += "{\"a\":";
  Read(deep, {Parsed("commentary", nested, "functions.clock")});
  EXPECT_TRUE(deep.message().tool_calls[0].malformed);
}

TEST(Complaints, CallsToUndeclaredToolsAreCalls) {
  Completion completion = New();
  Read(completion, {Parsed("commentary", "{\"q\":1}", "functions.nope")});
  ASSERT_EQ(completion.message().tool_calls.size(), 1u);
  EXPECT_EQ(completion.message().tool_calls[0].name, "nope");
  EXPECT_FALSE(completion.message().tool_calls[0].declared);
  EXPECT_EQ(completion.message().tool_calls[0].arguments, "{\"q\":1}");
}

TEST(Complaints, ParallelCallsHaveIndicesAndIdsOfTheirOwn) {
  Completion completion = New();
  const auto deltas = Read(
      completion, {Parsed("commentary", "{\"a\":1}", "functions.clock"), Parsed("analysis", "And"),
                   Parsed("commentary", "{\"b\":2}", "functions.get_weather")});
  const CompletionMessage joined = Joined(deltas);
  ASSERT_EQ(joined.tool_calls.size(), 2u);
  EXPECT_EQ(joined.tool_calls[0].arguments, "{\"a\":1}");
  EXPECT_EQ(joined.tool_calls[1].arguments, "{\"b\":2}");
  EXPECT_EQ(joined.tool_calls[1].name, "get_weather");
  EXPECT_NE(joined.tool_calls[0].id, joined.tool_calls[1].id);
}

TEST(Complaints, ToolChoiceNoneYieldsTextAndNoCall) {
  Completion completion({{}, NumberedIds()});
  Read(completion, {Parsed("commentary", "{\"a\":1}", "functions.clock")});
  EXPECT_TRUE(completion.message().tool_calls.empty());
  EXPECT_EQ(Content(completion.message()), "{\"a\":1}");
  EXPECT_EQ(completion.finish_reason(), CompletionFinish::kStop);
}

struct FinishCase {
  const char* what;
  Answer answer;
  FinishReason reason;
  bool cut_off;
  CompletionFinish expected;
};

TEST(Completion, FinishReasonSaysWhatTheClientIsToDo) {
  const ParsedMessage text = Parsed("final", "Hello");
  const ParsedMessage call = Parsed("commentary", "{}", "functions.clock");
  const ParsedMessage half = Parsed("commentary", "{\"a\":", "functions.clock");
  const ParsedMessage none = Parsed("commentary", "", "functions.clock");
  const FinishCase cases[] = {
      {"text", {text}, FinishReason::kStop, false, CompletionFinish::kStop},
      {"cut text", {text}, FinishReason::kLength, true, CompletionFinish::kLength},
      {"nothing", {}, FinishReason::kLength, false, CompletionFinish::kLength},
      {"cancelled", {text}, FinishReason::kCancelled, true, CompletionFinish::kStop},
      {"a call", {text, call}, FinishReason::kStop, false, CompletionFinish::kToolCalls},
      {"a call and cut text", {call, text}, FinishReason::kLength, true, CompletionFinish::kLength},
      {"a call, and cut behind it",
       {call},
       FinishReason::kLength,
       false,
       CompletionFinish::kLength},
      {"cut within a call", {half}, FinishReason::kLength, true, CompletionFinish::kLength},
      {"cut before a call's end", {call}, FinishReason::kLength, true, CompletionFinish::kLength},
      {"cut behind its header", {none}, FinishReason::kLength, true, CompletionFinish::kLength},
      {"a whole call and half of one",
       {call, half},
       FinishReason::kLength,
       true,
       CompletionFinish::kLength},
      {"stopped before its end", {call}, FinishReason::kStop, true, CompletionFinish::kToolCalls},
      {"stopped within a call", {half}, FinishReason::kStop, true, CompletionFinish::kStop},
      {"stopped within the second",
       {call, half},
       FinishReason::kStop,
       true,
       CompletionFinish::kStop},
      {"stopped behind the second's header",
       {call, none},
       FinishReason::kStop,
       true,
       CompletionFinish::kStop},
      {"stopped before the second's end",
       {call, call},
       FinishReason::kStop,
       true,
       CompletionFinish::kToolCalls},
      {"stopped in text behind a call",
       {call, text},
       FinishReason::kStop,
       true,
       CompletionFinish::kToolCalls},
      {"a call that is no JSON",
       {half, call},
       FinishReason::kStop,
       false,
       CompletionFinish::kToolCalls},
      {"cancelled within a call", {half}, FinishReason::kCancelled, true, CompletionFinish::kStop},
  };
  for (const FinishCase& each : cases) {
    Completion completion = New();
    const auto deltas = Read(completion, each.answer, each.reason, each.cut_off);
    EXPECT_EQ(completion.finish_reason(), each.expected) << each.what;
    ASSERT_FALSE(deltas.empty());
    EXPECT_EQ(deltas.back().finish_reason, each.expected) << each.what;
    for (size_t i = 0; i + 1 < deltas.size(); ++i) EXPECT_FALSE(deltas[i].finish_reason);
  }
}

TEST(Completion, KeepsHalfACallBesideWholeOnesAndMarksIt) {
  for (const FinishReason reason : {FinishReason::kStop, FinishReason::kLength}) {
    Completion completion = New();
    const auto deltas = Read(completion,
                             {Parsed("commentary", "{}", "functions.clock"),
                              Parsed("commentary", "{\"a\":", "functions.get_weather")},
                             reason, true);
    const std::vector<CompletionToolCall> calls = completion.message().tool_calls;
    ASSERT_EQ(calls.size(), 2u);
    EXPECT_FALSE(calls[0].cut_off);
    EXPECT_TRUE(calls[1].cut_off);
    EXPECT_TRUE(calls[1].malformed);
    EXPECT_EQ(calls[1].arguments, "{\"a\":");
    EXPECT_EQ(Joined(deltas).tool_calls[1].arguments, "{\"a\":") << "it was streamed";
    EXPECT_NE(completion.finish_reason(), CompletionFinish::kToolCalls);
  }
}

TEST(Completion, DoesNotMakeUpArgumentsOfACallThatWasCutOff) {
  Completion completion = New();
  Read(completion, {Parsed("commentary", "", "functions.clock")}, FinishReason::kLength, true);
  EXPECT_EQ(completion.message().tool_calls[0].arguments, "");
  EXPECT_TRUE(completion.message().tool_calls[0].malformed);
}

TEST(Complaints, UsageCountsReasoningTokens) {
  Answer answer = {Parsed("analysis", "Hm"), Parsed("final", "Yes"),
                   Parsed("analysis", "1+1", "python")};
  answer[0].end_token = 10;
  answer[1].first_token = 10, answer[1].end_token = 30;
  answer[2].first_token = 30, answer[2].end_token = 37;
  Completion completion = New();
  Read(completion, answer);
  EXPECT_EQ(completion.ReasoningTokens(answer), 17);
}

TEST(CallIds, AreThoseOfThePromptAndDifferOtherwise) {
  const std::vector<int32_t> one = {1, 2, 3};
  const std::vector<int32_t> two = {1, 2, 4};
  EXPECT_EQ(CallIdsOf(one)(0), CallIdsOf(one)(0));
  std::set<std::string> ids;
  for (size_t index = 0; index < 100; ++index) {
    for (const auto& prompt : {one, two}) {
      for (int answer = 0; answer < 2; ++answer) ids.insert(CallIdsOf(prompt, answer)(index));
    }
  }
  EXPECT_EQ(ids.size(), 400u);
  for (const std::string& id : ids) {
    EXPECT_EQ(id.size(), 29u);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef", 5), std::string::npos) << id;
  }
}

// An answer of random messages, and the deltas in which a parser may have told it.
struct RandomAnswer {
  Answer messages;
  std::vector<MessageDelta> deltas;
};

RandomAnswer MakeAnswer(Random& random) {
  const std::optional<std::string> channels[] = {"analysis", "commentary", "final", "odd",
                                                 std::nullopt};
  const std::optional<std::string> recipients[] = {
      std::nullopt, std::nullopt, "functions.clock", "functions.nope", "python",
      "all",        "clock",      "functions.",      "<|call|>",       "browser.search"};
  RandomAnswer answer;
  const int64_t count = random.Int(0, 6);
  for (int64_t i = 0; i < count; ++i) {
    const bool last = i + 1 == count;
    const auto role = static_cast<Role>(random.Int(0, 9) == 0 ? random.Int(0, 4) : 3);
    ParsedMessage parsed =
        Parsed(channels[random.Int(0, 4)], "", recipients[random.Int(0, 9)], role);
    std::string text;
    for (int64_t part = random.Int(0, 4); part > 0; --part) {
      const std::string piece = "[" + std::to_string(random.Int(0, 1000000)) + "]";
      text += piece;
      answer.deltas.push_back({static_cast<size_t>(i), piece, false});
    }
    const bool open = last && random.Int(0, 1) == 0;
    if (!open) answer.deltas.push_back({static_cast<size_t>(i), "", true});
    parsed.message.content = {text};
    answer.messages.push_back(std::move(parsed));
  }
  return answer;
}

TEST(Completion, JoinedDeltasAreTheMessageAndNoTextIsLost) {
  Random random(6);
  for (int round = 0; round < 20000; ++round) {
    const RandomAnswer answer = MakeAnswer(random);
    Completion completion({round % 3 == 0 ? std::vector<std::string>{} : kTools, NumberedIds()});
    std::vector<CompletionDelta> deltas;
    std::set<size_t> open;
    for (const MessageDelta& delta : answer.deltas) {
      open.insert(delta.message);
      if (delta.ends) open.erase(delta.message);
      for (auto& each : completion.Push({delta}, answer.messages)) deltas.push_back(each);
    }
    std::vector<MessageDelta> last;
    for (const size_t message : open) last.push_back({message, "", true});
    const auto reason = random.Int(0, 1) == 0 ? FinishReason::kStop : FinishReason::kLength;
    for (auto& each : completion.Finish(reason, last, answer.messages)) deltas.push_back(each);

    const CompletionMessage message = completion.message();
    EXPECT_EQ(CompletionMessageJson(Joined(deltas)), CompletionMessageJson(message));
    std::string everything = message.reasoning + message.content.value_or("");
    for (const CompletionToolCall& call : message.tool_calls) everything += call.arguments;
    for (const MessageDelta& delta : answer.deltas) {
      ASSERT_NE(everything.find(delta.text), std::string::npos) << delta.text;
    }
  }
}

TEST(CompletionJson, IsWhatTheApiCallsAMessage) {
  Completion completion = New();
  Read(completion, {Parsed("analysis", "Hm."), Parsed("commentary", "{}", "functions.clock")});
  const Json expected = Json::parse(R"({
    "role": "assistant", "content": null, "reasoning": "Hm.", "reasoning_content": "Hm.",
    "tool_calls": [{"id": "call_0", "type": "function",
                    "function": {"name": "clock", "arguments": "{}"}}]})");
  EXPECT_EQ(CompletionMessageJson(completion.message()), expected);
}

TEST(Complaints, ReasoningIsReportedUnderTheNameThatAClientKnows) {
  CompletionMessage message;
  message.reasoning = "Hm.";
  message.content = "Yes";
  CompletionDelta delta;
  delta.reasoning = "Hm.";
  const struct {
    ReasoningKeys keys;
    bool reasoning, reasoning_content;
  } cases[] = {{ReasoningKeys::kBoth, true, true},
               {ReasoningKeys::kReasoning, true, false},
               {ReasoningKeys::kReasoningContent, false, true},
               {ReasoningKeys::kNone, false, false}};
  for (const auto& each : cases) {
    for (const Json& json :
         {CompletionMessageJson(message, each.keys), CompletionDeltaJson(delta, each.keys)}) {
      EXPECT_EQ(json.contains("reasoning"), each.reasoning);
      EXPECT_EQ(json.contains("reasoning_content"), each.reasoning_content);
    }
  }
}

TEST(CompletionJson, IsWhatTheApiCallsADelta) {
  EXPECT_EQ(FirstCompletionDeltaJson().dump(), R"({"role":"assistant","content":""})");
  CompletionDelta delta;
  delta.content = "Hi";
  EXPECT_EQ(CompletionDeltaJson(delta).dump(), R"({"content":"Hi"})");
  delta = {};
  delta.tool_call = {1, "call_1", "clock", ""};
  EXPECT_EQ(CompletionDeltaJson(delta).dump(),
            R"({"tool_calls":[{"index":1,"id":"call_1","type":"function",)"
            R"("function":{"name":"clock","arguments":""}}]})");
  delta.tool_call = {1, std::nullopt, std::nullopt, "{}"};
  EXPECT_EQ(CompletionDeltaJson(delta).dump(),
            R"({"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]})");
  delta = {};
  delta.finish_reason = CompletionFinish::kStop;
  EXPECT_EQ(CompletionDeltaJson(delta).dump(), "{}");
}

TEST(CompletionJson, IsWhatTheApiCallsUsage) {
  const CompletionUsage usage{100, 64, 50, 30};
  EXPECT_EQ(CompletionUsageJson(usage).dump(),
            R"({"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,)"
            R"("prompt_tokens_details":{"cached_tokens":64},)"
            R"("completion_tokens_details":{"reasoning_tokens":30}})");
}

TEST(Completion, NamesItsFinishReasonsAsTheApiDoes) {
  EXPECT_EQ(CompletionFinishName(CompletionFinish::kStop), "stop");
  EXPECT_EQ(CompletionFinishName(CompletionFinish::kLength), "length");
  EXPECT_EQ(CompletionFinishName(CompletionFinish::kToolCalls), "tool_calls");
}

}  // namespace
}  // namespace fairlead::testing

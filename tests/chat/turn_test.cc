#include "chat/turn.h"

#include <gtest/gtest.h>

#include "tests/chat/fake_format.h"
#include "tests/chat/parsed.h"

namespace fairlead::testing {
namespace {

TurnReader NewReader() { return {FakeFormat(), 7, {{"functions.clock"}, NumberedIds()}}; }

// The deltas of an answer of these tokens that ends for `reason`: with its last token, as engines
// report it, or behind it.
std::vector<TurnDelta> ReadAnswer(TurnReader& reader, std::string_view text, FinishReason reason,
                                  bool with_last_token) {
  std::vector<Event> events;
  for (const int32_t id : FakeIds(text)) {
    events.emplace_back();
    events.back().token = id;
  }
  if (!with_last_token) events.emplace_back();
  events.back().finish_reason = reason;
  std::vector<TurnDelta> deltas;
  for (const Event& event : events) deltas.push_back(reader.Take(event));
  return deltas;
}

TEST(Complaints, TheEndOfACallEndsTheAnswer) {
  const TurnOptions options{
      .sampling = {.temperature = 0.5f}, .max_tokens = 9, .constrain_headers = false};
  const Request request = MakeTurnRequest(FakeFormat(), {1, 2}, {}, options).value();
  EXPECT_EQ(request.prompt, (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(request.max_tokens, 9);
  EXPECT_EQ(request.sampling.temperature, 0.5f);
  EXPECT_EQ(request.stop_token_ids, (std::vector<int32_t>{kFakeReturn, kFakeCall}));
  EXPECT_EQ(request.constraint, nullptr);
}

TEST(Turn, ConstrainsHeadersUnlessItIsToldNotTo) {
  const Result<Request> request = MakeTurnRequest(FakeFormat(), {1}, {}, {});
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().message, "[fake] rules: expected none, got 0");
}

TEST(Turn, ReadsEventsAsMessagesAndAsACompletion) {
  for (const bool with_last_token : {true, false}) {
    TurnReader reader = NewReader();
    const std::vector<TurnDelta> deltas = ReadAnswer(
        reader, " c=analysis|hm><assistant c=final|yes!", FinishReason::kStop, with_last_token);
    std::vector<std::string> texts(2);
    std::vector<CompletionDelta> completion;
    for (const TurnDelta& delta : deltas) {
      for (const MessageDelta& each : delta.messages) texts.at(each.message) += each.text;
      completion.insert(completion.end(), delta.completion.begin(), delta.completion.end());
    }
    EXPECT_EQ(texts, (std::vector<std::string>{"hm", "yes"}));
    EXPECT_EQ(Joined(completion).reasoning, "hm");
    EXPECT_EQ(Joined(completion).content, "yes");
    EXPECT_EQ(completion.back().finish_reason, CompletionFinish::kStop);
    EXPECT_EQ(reader.completion().message().reasoning, "hm");
    EXPECT_EQ(reader.finish_reason(), FinishReason::kStop);
    EXPECT_EQ(reader.messages().size(), 2u);
    EXPECT_EQ(reader.ids(), FakeIds(" c=analysis|hm><assistant c=final|yes!"));
  }
}

TEST(Turn, EndsWhatIsOpenWhenAnAnswerIsCutOff) {
  for (const char* cut : {" c=commentary to=functions.clock|{", " c=commentary to=functions.clock|",
                          " c=commentary to=functions.clock"}) {
    TurnReader reader = NewReader();
    const auto deltas = ReadAnswer(reader, cut, FinishReason::kLength, true);
    ASSERT_EQ(reader.messages().size(), 1u) << cut;
    EXPECT_TRUE(reader.messages()[0].complete);
    EXPECT_TRUE(deltas.back().messages.back().ends);
    EXPECT_EQ(reader.completion().finish_reason(), CompletionFinish::kLength) << cut;
    EXPECT_TRUE(reader.completion().message().tool_calls.at(0).malformed);
  }
}

TEST(Turn, TellsOfAnAnswerThatFailed) {
  TurnReader reader = NewReader();
  Event event;
  event.finish_reason = FinishReason::kError;
  event.error = "logits";
  EXPECT_EQ(reader.Take(event).completion.size(), 1u);
  EXPECT_EQ(reader.finish_reason(), FinishReason::kError);
  EXPECT_EQ(reader.error(), "logits");
  EXPECT_EQ(reader.completion().message().content, "");
}

TEST(Turn, CountsTheTokensOfReasoningWithTheirHeaders) {
  TurnReader reader = NewReader();
  const std::string reasoning = " c=analysis|hm>";
  const std::string text = "<assistant c=final|yes!";
  ReadAnswer(reader, reasoning + text, FinishReason::kStop, true);
  const CompletionUsage usage = reader.usage();
  EXPECT_EQ(usage.prompt_tokens, 7);
  EXPECT_EQ(usage.completion_tokens, static_cast<int64_t>(reasoning.size() + text.size()));
  EXPECT_EQ(usage.reasoning_tokens, static_cast<int64_t>(reasoning.size()));
}

}  // namespace
}  // namespace fairlead::testing

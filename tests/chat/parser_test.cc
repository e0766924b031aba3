// What becomes of malformed answers, one test for each rule of docs/harmony.md.
#include "chat/harmony/parser.h"

#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "tests/chat/parse_checks.h"
#include "tests/chat/token_ids.h"
#include "tests/support/random.h"
#include "tests/tokenizer/vocabularies.h"

namespace fairlead::testing {
namespace {

HarmonyTokens Tokens() { return FindHarmonyTokens(*O200k()).value(); }

// role(name)>recipient#channel{content_type}: text
std::string Describe(const Message& message) {
  const auto field = [](std::string_view before, const std::optional<std::string>& value,
                        std::string_view after = "") {
    return value ? fmt::format("{}{}{}", before, *value, after) : "";
  };
  return fmt::format("{}{}{}{}{}: {}", RoleName(message.role), field("(", message.name, ")"),
                     field(">", message.recipient), field("#", message.channel),
                     field("{", message.content_type, "}"), message.Text());
}

using Lines = std::vector<std::string>;

struct Answer {
  Lines messages;
  Lines repairs;  // "index kind: text"
};

Answer ParseIds(std::span<const int32_t> ids, std::optional<Role> role = Role::kAssistant) {
  const CheckedParse parsed = ParseAndCheck(O200k(), Tokens(), ids, role);
  EXPECT_EQ(parsed.violation, "") << fmt::format("{}", fmt::join(ids, " "));
  Answer answer;
  for (size_t i = 0; i < parsed.messages.size(); ++i) {
    answer.messages.push_back(Describe(parsed.messages[i].message));
    for (const Repair& repair : parsed.messages[i].repairs) {
      answer.repairs.push_back(
          fmt::format("{} {}{}{}", i, repair.kind, repair.text.empty() ? "" : ": ", repair.text));
    }
  }
  return answer;
}

Answer Parse(std::string_view text, std::optional<Role> role = Role::kAssistant) {
  return ParseIds(Ids(text), role);
}

void ExpectAnswer(const Answer& answer, const Lines& messages, const Lines& repairs) {
  EXPECT_EQ(answer.messages, messages);
  EXPECT_EQ(answer.repairs, repairs);
}

constexpr std::string_view kThought = "<|channel|>analysis<|message|>Hm.<|end|>";

TEST(HarmonyParser, ReadsAWellFormedAnswerWithoutRepairs) {
  ExpectAnswer(
      Parse("<|channel|>analysis<|message|>We add.<|end|><|start|>assistant<|channel|>final"
            "<|message|>42<|return|>"),
      {"assistant#analysis: We add.", "assistant#final: 42"}, {});
}

TEST(HarmonyParser, ReadsARecipientBeforeAndBehindTheChannel) {
  const Lines call = {"assistant>functions.f#commentary{<|constrain|>json}: {}"};
  ExpectAnswer(Parse("<|channel|>commentary to=functions.f <|constrain|>json<|message|>{}<|call|>"),
               call, {});
  ExpectAnswer(Parse(" to=functions.f<|channel|>commentary <|constrain|>json<|message|>{}<|call|>"),
               call, {});
  ExpectAnswer(Parse("<|channel|>commentary <|constrain|>json to=functions.f<|message|>{}<|call|>"),
               call, {});
}

TEST(HarmonyParser, ReadsAToolsAnswerAsItsTool) {
  ExpectAnswer(Parse("<|start|>functions.f to=assistant<|channel|>commentary<|message|>{}<|end|>",
                     std::nullopt),
               {"tool(functions.f)>assistant#commentary: {}"}, {});
}

TEST(HarmonyParser, ReadsTheNameOfAnAuthor) {
  ExpectAnswer(Parse("<|start|>user:alice<|message|>Hi<|end|>", std::nullopt), {"user(alice): Hi"},
               {});
}

TEST(HarmonyParser, TakesAContentTypeWithoutARecipientForWhatItIs) {
  ExpectAnswer(Parse("<|channel|>final <|constrain|>json<|message|>{}<|return|>"),
               {"assistant#final{<|constrain|>json}: {}"}, {});
}

TEST(HarmonyParser, KeepsAChannelThatItDoesNotKnow) {
  ExpectAnswer(Parse("<|channel|>notes<|message|>Hi<|end|>"), {"assistant#notes: Hi"},
               {"0 unknown channel: notes"});
}

TEST(HarmonyParser, ReadsAChannelThatIsMisspelled) {
  ExpectAnswer(Parse("<|channel|>Analysis<|message|>Hm.<|end|>"), {"assistant#analysis: Hm."},
               {"0 misspelled channel: Analysis"});
  ExpectAnswer(Parse("<|channel|> FINAL<|message|>Hi<|return|>"), {"assistant#final: Hi"},
               {"0 empty channel", "0 misspelled channel: FINAL"});
  ExpectAnswer(Parse("<|channel|>analysis:<|message|>Hm.<|end|>"),
               {"assistant#analysis: :", "assistant#analysis: Hm."},
               {"0 leftover header words: :", "1 misspelled channel: analysis:"});
  ExpectAnswer(Parse("<|channel|>Analysis: Hm.<|end|>"), {"assistant#analysis: : Hm."},
               {"0 misspelled channel: Analysis", "0 missing message marker"});
  ExpectAnswer(Parse("<|start|>Analysis<|message|>Hm.<|end|>", std::nullopt),
               {"assistant#analysis: Hm."}, {"0 misspelled channel: Analysis", "0 missing role"});
  EXPECT_EQ(Parse("<|channel|>Finally<|message|>Hi<|end|>").messages,
            (Lines{"assistant#Finally: Hi"}));
}

TEST(HarmonyParser, LeavesOverAChannelThatIsNoWord) {
  ExpectAnswer(
      Parse("<|channel|>{\"a\":1}<|message|>Hi<|return|>"),
      {"assistant#analysis: {\"a\":1}", "assistant#final: Hi"},
      {"0 leftover header words: {\"a\":1}", "1 unknown channel: {\"a\":1}", "1 missing channel"});
  ExpectAnswer(Parse("<|channel|>analysis<|channel|>(so)<|message|>Hi<|end|>"),
               {"assistant#analysis: (so)", "assistant#analysis: Hi"},
               {"0 leftover header words: (so)", "1 unknown channel: (so)"});
}

TEST(HarmonyParser, FillsInAMissingChannel) {
  ExpectAnswer(Parse("<|message|>Hi<|return|>"), {"assistant#final: Hi"}, {"0 missing channel"});
  ExpectAnswer(Parse(" to=functions.f<|message|>{}<|call|>"),
               {"assistant>functions.f#commentary: {}"}, {"0 missing channel"});
  ExpectAnswer(Parse("<|message|>Hi<|end|>", Role::kUser), {"user: Hi"}, {});
}

TEST(HarmonyParser, FillsInAnEmptyChannel) {
  ExpectAnswer(Parse("<|channel|><|message|>Hi<|return|>"), {"assistant#final: Hi"},
               {"0 empty channel", "0 missing channel"});
  ExpectAnswer(Parse("<|channel|> analysis<|message|>Hi<|end|>"), {"assistant#analysis: Hi"},
               {"0 empty channel"});
}

TEST(HarmonyParser, TakesAChannelWithoutItsMarker) {
  ExpectAnswer(Parse(" final<|message|>Hi<|return|>"), {"assistant#final: Hi"},
               {"0 missing channel marker: final"});
  ExpectAnswer(Parse("<|start|>final<|message|>Hi<|return|>", std::nullopt),
               {"assistant#final: Hi"}, {"0 missing channel marker: final", "0 missing role"});
}

TEST(HarmonyParser, SeparatesGluedWords) {
  ExpectAnswer(Parse("<|channel|>analysisassistant<|message|>Hi<|end|>"),
               {"assistant#analysis: Hi"}, {"0 glued words: analysisassistant"});
  ExpectAnswer(Parse("<|channel|>commentaryto=functions.f<|message|>{}<|call|>"),
               {"assistant>functions.f#commentary: {}"},
               {"0 glued words: commentaryto=functions.f"});
  ExpectAnswer(Parse("<|start|>assistantfinal<|message|>Hi<|return|>", std::nullopt),
               {"assistant#final: Hi"},
               {"0 glued words: assistantfinal", "0 missing channel marker: final"});
}

TEST(HarmonyParser, LetsTheLastOfSeveralKnownChannelsCount) {
  ExpectAnswer(Parse("<|channel|>final<|channel|>final<|message|>Hi<|return|>"),
               {"assistant#final: Hi"}, {"0 repeated channel: final"});
  ExpectAnswer(Parse("<|channel|>analysis<|channel|>final<|message|>Hi<|return|>"),
               {"assistant#analysis: analysis", "assistant#final: Hi"},
               {"0 leftover header words: analysis", "1 repeated channel: final"});
  ExpectAnswer(Parse("<|channel|>analysis final<|message|>Hi<|return|>"),
               {"assistant#analysis: analysis", "assistant#final: Hi"},
               {"0 leftover header words: analysis", "1 repeated channel: final"});
}

TEST(HarmonyParser, CutsWhatDoesNotBelongToAToolsName) {
  ExpectAnswer(Parse("<|channel|>commentary to=functions.f<|channel|>commentary json<|message|>{}"
                     "<|call|>"),
               {"assistant>functions.f#commentary{json}: {}"}, {"0 repeated channel: commentary"});
  ExpectAnswer(Parse(" to=functions.f<|constrain|>json<|channel|>commentary<|message|>{}<|call|>"),
               {"assistant>functions.f#commentary{<|constrain|>json}: {}"}, {});
  ExpectAnswer(
      Parse("<|channel|>commentary to=functions.f<|reserved_200000|><|message|>{}<|call|>"),
      {"assistant>functions.f#commentary: {}"}, {"0 stray special token: <|reserved_200000|>"});
  ExpectAnswer(Parse("<|channel|>commentary to=\"functions.f\"<|message|>{}<|call|>"),
               {"assistant#analysis: \" \"", "assistant>functions.f#commentary: {}"},
               {"0 leftover header words: \" \"", "1 recipient junk: \"", "1 recipient junk: \""});
}

TEST(HarmonyParser, CutsAColonOffATool) {
  ExpectAnswer(Parse("<|channel|>commentary to=functions.w: json<|message|>{}<|call|>"),
               {"assistant#analysis: :", "assistant>functions.w#commentary{json}: {}"},
               {"0 leftover header words: :", "1 recipient junk: :"});
  EXPECT_EQ(Parse("<|channel|>commentary to=user:bob<|message|>Hi<|end|>").messages,
            (Lines{"assistant>user:bob#commentary: Hi"}));
}

TEST(HarmonyParser, TakesArgumentsInAHeaderForTheContentThatIsMissing) {
  const auto expect = [](std::string_view header, std::string_view type, std::string_view content) {
    for (const char* end : {"<|call|>", "<|end|>", "", "<|start|>assistant<|message|>"}) {
      const Answer answer = Parse(fmt::format("{}<|message|>{}", header, end));
      EXPECT_EQ(answer.messages.front(),
                fmt::format("assistant>functions.w#commentary{}: {}", type, content))
          << header << end;
      const std::string repair = fmt::format("0 arguments in header: {}", content);
      EXPECT_EQ(std::ranges::count(answer.repairs, repair), 1);
    }
  };
  const std::string call = "<|channel|>commentary to=functions.w";
  expect(call + " {\"a\":1}", "", "{\"a\":1}");
  expect(call + " {\"a\": \"b  to=c\"} ", "", "{\"a\": \"b  to=c\"} ");
  expect(call + "{\"a\":1}", "", "{\"a\":1}");
  expect(call + " json{\"a\":1}", "{json}", "{\"a\":1}");
  expect(call + " <|constrain|>json{\"a\":1}", "{<|constrain|>json}", "{\"a\":1}");
  expect(call + " <|constrain|>{\"a\": 1}", "", "{\"a\": 1}");
  expect("<|channel|>commentary functions.w {\"a\": 1}", "", "{\"a\": 1}");
  expect(" to=functions.w {\"a\": 1}<|channel|>commentary <|constrain|>json", "{<|constrain|>json}",
         "{\"a\": 1}");
}

TEST(HarmonyParser, KeepsArgumentsInAHeaderOutOfOtherContent) {
  ExpectAnswer(Parse("<|channel|>commentary to=functions.w do {\"a\": 1}<|message|>{}<|call|>"),
               {"assistant#analysis: {\"a\": 1}", "assistant>functions.w#commentary{do}: {}"},
               {"0 leftover header words: {\"a\": 1}"});
  ExpectAnswer(Parse("<|channel|>commentary to=functions.w json to=functions.w x {}<|message|>"
                     "<|constrain|><|message|>{}<|call|>"),
               {"assistant#analysis: x {}", "assistant>functions.w#commentary{json}: {}"},
               {"0 leftover header words: x {}", "1 repeated recipient: functions.w",
                "1 stray marker: <|constrain|>", "1 repeated message marker: <|message|>"});
}

TEST(HarmonyParser, LeavesOverAContentTypeThatLooksLikeNone) {
  ExpectAnswer(Parse("<|channel|>final <|constrain|>{\"a\"}<|message|>Hi<|return|>"),
               {"assistant#analysis: {\"a\"}", "assistant#final: Hi"},
               {"0 leftover header words: {\"a\"}"});
  ExpectAnswer(Parse("<|channel|>commentary to=functions.w [1]<|message|>{}<|call|>"),
               {"assistant#analysis: [1]", "assistant>functions.w#commentary: {}"},
               {"0 leftover header words: [1]"});
  ExpectAnswer(Parse("<|channel|>commentary to=functions.w application/json<|message|>{}<|call|>"),
               {"assistant>functions.w#commentary{application/json}: {}"}, {});
}

TEST(HarmonyParser, FindsARecipientWithoutItsTo) {
  ExpectAnswer(Parse("<|channel|>commentary functions.f json<|message|>{}<|call|>"),
               {"assistant>functions.f#commentary{json}: {}"},
               {"0 missing to: functions.f", "0 misplaced content type: json"});
  ExpectAnswer(Parse("<|channel|>commentary to= functions.f<|message|>{}<|call|>"),
               {"assistant>functions.f#commentary: {}"},
               {"0 empty recipient", "0 missing to: functions.f"});
}

TEST(HarmonyParser, LetsTheLastOfSeveralRecipientsCount) {
  ExpectAnswer(Parse("<|channel|>commentary to=functions.f to=functions.g<|message|>{}<|call|>"),
               {"assistant#analysis: functions.f", "assistant>functions.g#commentary: {}"},
               {"0 leftover header words: functions.f", "1 repeated recipient: functions.g"});
}

TEST(HarmonyParser, FindsTheContentTypeWhereverItStands) {
  ExpectAnswer(Parse("<|channel|>commentary json to=functions.f<|message|>{}<|call|>"),
               {"assistant>functions.f#commentary{json}: {}"}, {"0 misplaced content type: json"});
  ExpectAnswer(
      Parse("<|channel|>commentary to=functions.f <|constrain|> json<|message|>{}<|call|>"),
      {"assistant>functions.f#commentary{<|constrain|>json}: {}"}, {"0 empty content type"});
  ExpectAnswer(Parse("<|channel|>commentary to=functions.f <|constrain|>json<|constrain|>json"
                     "<|message|>{}<|call|>"),
               {"assistant>functions.f#commentary{<|constrain|>json}: {}"},
               {"0 repeated content type: json"});
}

TEST(HarmonyParser, KeepsWordsWithoutAPlaceOutOfAToolsArguments) {
  ExpectAnswer(Parse("<|channel|>commentary please to=functions.f do json<|message|>{}<|call|>"),
               {"assistant#analysis: please do", "assistant>functions.f#commentary{json}: {}"},
               {"0 leftover header words: please do"});
}

TEST(HarmonyParser, LeavesOverAnUnknownRoleUnlessItIsATool) {
  ExpectAnswer(Parse("<|start|>assistent<|channel|>final<|message|>Hi<|return|>", std::nullopt),
               {"assistant#analysis: assistent", "assistant#final: Hi"},
               {"0 leftover header words: assistent", "1 unknown role: assistent"});
  ExpectAnswer(
      Parse("<|start|>Hello there<|message|>friend<|return|>", std::nullopt),
      {"assistant#analysis: Hello there", "assistant#final: friend"},
      {"0 leftover header words: Hello there", "1 unknown role: Hello", "1 missing channel"});
  ExpectAnswer(Parse("<|start|>assistent to=functions.f<|channel|>commentary<|message|>{}<|call|>",
                     std::nullopt),
               {"assistant#analysis: assistent", "assistant>functions.f#commentary: {}"},
               {"0 leftover header words: assistent", "1 unknown role: assistent"});
  ExpectAnswer(Parse("<|start|>functions.f<|channel|>commentary<|message|>{}<|end|>", std::nullopt),
               {"tool(functions.f)#commentary: {}"}, {"0 unknown role: functions.f"});
}

TEST(HarmonyParser, TakesAMessageWithoutARoleForTheAssistants) {
  ExpectAnswer(Parse("<|start|><|channel|>final<|message|>Hi<|return|>", std::nullopt),
               {"assistant#final: Hi"}, {"0 missing role"});
}

TEST(HarmonyParser, NamesAToolThatSaysNoMoreThanThatItIsOne) {
  EXPECT_EQ(Parse("<|start|>tool<|message|>12<|end|>", std::nullopt).messages,
            (Lines{"tool(tool): 12"}));
  EXPECT_EQ(Parse("<|start|>tool<|channel|>commentary twelve<|end|>", std::nullopt).messages,
            (Lines{"tool(tool)#commentary: twelve"}));
}

TEST(HarmonyParser, TellsARepeatedRole) {
  ExpectAnswer(Parse("<|channel|>analysis assistant assistant<|message|>Hi<|end|>"),
               {"assistant#analysis: Hi"}, {"0 repeated role: assistant"});
}

TEST(HarmonyParser, ReadsTheContentOfAMessageWithoutItsMarker) {
  ExpectAnswer(Parse("<|channel|>final It is  42.\n<|return|>"), {"assistant#final: It is  42.\n"},
               {"0 missing message marker"});
  ExpectAnswer(Parse("<|channel|>finalIt is 42.<|return|>"), {"assistant#final: It is 42."},
               {"0 glued words: finalIt", "0 missing message marker"});
  ExpectAnswer(Parse("It is 42.<|return|>"), {"assistant#final: It is 42."},
               {"0 missing channel", "0 missing message marker"});
  ExpectAnswer(Parse("<|channel|>commentary to=functions.f <|constrain|>json{\"a\": 1}<|call|>"),
               {"assistant>functions.f#commentary{<|constrain|>json}: {\"a\": 1}"},
               {"0 missing message marker"});
  ExpectAnswer(Parse("<|channel|>analysis Hm. <|channel|>final Yes.<|return|>"),
               {"assistant#analysis: Hm. ", "assistant#final: Yes."},
               {"0 missing message marker", "1 missing start", "1 missing message marker"});
}

TEST(HarmonyParser, LeavesTheFirstWordsOfATextWithoutAHeaderInIt) {
  for (const char* text : {"user friendly design", "final answer: 42", "assistant or system",
                           "to be or not", "json is a format", "analysis of the data"}) {
    EXPECT_EQ(Parse(fmt::format("{}<|return|>", text)).messages,
              Lines{fmt::format("assistant#final: {}", text)});
    EXPECT_EQ(Parse(fmt::format("{}{}<|return|>", kThought, text)).messages.back(),
              fmt::format("assistant#final: {}", text));
  }
}

TEST(HarmonyParser, KeepsTheWhiteSpaceThatATextWithoutAHeaderBeginsWith) {
  for (const char* text : {"   x", "\n\n   indented", " \u00A0x"}) {
    const Lines messages = {fmt::format("assistant#final: {}", text)};
    EXPECT_EQ(Parse(fmt::format("{}<|return|>", text)).messages, messages);
    EXPECT_EQ(Parse(text).messages, messages);
    EXPECT_EQ(Parse(fmt::format("<|start|>{}<|return|>", text), std::nullopt).messages, messages);
  }
  EXPECT_EQ(Parse(" \n<|return|>").messages, (Lines{"assistant#final:  \n"}));
  EXPECT_EQ(Parse(fmt::format("{}\n<|start|> x<|end|>", kThought)).messages.back(),
            "assistant#final:  x");
}

TEST(HarmonyParser, KeepsTheNamesOfMarkersThatAreContent) {
  for (const char* text : {"Use the <|constrain|>json marker.", "<|constrain|>json is a marker.",
                           "The tokens are <|channel|>, <|constrain|> and <|message|>.",
                           "<|channel|>final is how an answer begins."}) {
    const auto spelled = Spelled(text);
    const Lines messages = {fmt::format("assistant#final: {}", text)};
    EXPECT_EQ(ParseIds(Joined({spelled, Ids("<|return|>")})).messages, messages);
    EXPECT_EQ(ParseIds(Joined({Ids("<|channel|>final "), spelled, Ids("<|return|>")})).messages,
              messages);
  }
  // In a header they count.
  const auto header = Spelled("<|channel|>analysis");
  ExpectAnswer(ParseIds(Joined({header, Ids("<|message|>Hm.<|end|>")})),
               {"assistant#analysis: Hm."}, {});
}

TEST(HarmonyParser, StreamsATextWithoutAHeaderBeforeItEnds) {
  const auto parser = NewHarmonyParser(O200k(), Tokens(), Role::kAssistant);
  for (const int32_t id : Ids("a b c d e f g h i j k l m n o p q")) parser->Push(id);
  ASSERT_EQ(parser->messages().size(), 1u);
  EXPECT_EQ(Describe(parser->messages()[0].message),
            "assistant#final: a b c d e f g h i j k l m n o p q");
  EXPECT_FALSE(parser->messages()[0].complete);
}

TEST(HarmonyParser, KeepsAnEmptyAnswer) {
  ExpectAnswer(Parse("<|channel|>final<|message|><|return|>"), {"assistant#final: "}, {});
  ExpectAnswer(Parse("<|return|>"), {"assistant#final: "},
               {"0 missing channel", "0 missing message marker"});
  ExpectAnswer(Parse("<|channel|>final<|return|>"), {"assistant#final: "},
               {"0 missing message marker"});
}

TEST(HarmonyParser, GivesNoMessageForNoTokens) {
  ExpectAnswer(Parse(""), {}, {});
  ExpectAnswer(Parse("", std::nullopt), {}, {});
}

TEST(HarmonyParser, KeepsWhatWasWrittenBeforeAStreamWasCutOff) {
  ExpectAnswer(Parse("<|channel|>final<|message|>It is"), {"assistant#final: It is"}, {});
  ExpectAnswer(Parse(fmt::format("{}<|start|>assistant", kThought)),
               {"assistant#analysis: Hm.", "assistant#final: "},
               {"1 cut off header", "1 missing channel"});
  ExpectAnswer(Parse("<|channel|>analysis"), {"assistant#analysis: "}, {"0 cut off header"});
}

TEST(HarmonyParser, CallsNoToolWhoseHeaderWasCutOff) {
  ExpectAnswer(Parse("<|channel|>commentary to=functions.get_we"),
               {"assistant#analysis: commentary to=functions.get_we"},
               {"0 cut off header", "0 leftover header words: commentary to=functions.get_we"});
  EXPECT_EQ(Parse("<|channel|>commentary to=functions<|start|>.f<|message|>{}<|call|>").messages,
            (Lines{"assistant#analysis: commentary to=functions", "assistant#analysis: .f",
                   "assistant#final: {}"}));
}

TEST(HarmonyParser, BeginsAMessageAtAStartOrAChannelInContent) {
  ExpectAnswer(
      Parse("<|channel|>analysis<|message|>Hm.<|start|>assistant<|channel|>final<|message|>"
            "Yes.<|return|>"),
      {"assistant#analysis: Hm.", "assistant#final: Yes."}, {"0 missing end"});
  ExpectAnswer(Parse("<|channel|>analysis<|message|>Hm.<|channel|>final<|message|>Yes.<|return|>"),
               {"assistant#analysis: Hm.", "assistant#final: Yes."},
               {"0 missing end", "1 missing start"});
}

TEST(HarmonyParser, FindsAHeaderThatLostItsMarkersInTheContentBeforeIt) {
  ExpectAnswer(Parse("<|channel|>analysis<|message|>Hm.assistantfinal<|message|>Yes.<|return|>"),
               {"assistant#analysis: Hm.assistantfinal", "assistant#final: Yes."},
               {"0 missing end", "1 header in content: assistantfinal"});
  EXPECT_EQ(Parse("<|channel|>analysis<|message|>Hm.assistantcommentary to=functions.f json"
                  "<|message|>{}<|call|>")
                .messages.back(),
            "assistant>functions.f#commentary{json}: {}");
}

TEST(HarmonyParser, DropsAMarkerThatMeansNothingInContent) {
  ExpectAnswer(Parse("<|channel|>final<|message|><|message|>It <|message|>is.<|return|>"),
               {"assistant#final: It is."}, {"0 repeated message marker: <|message|>"});
  ExpectAnswer(Parse("<|channel|>final<|message|>It <|constrain|>is.<|return|>"),
               {"assistant#final: It is."}, {"0 stray marker: <|constrain|>"});
  ExpectAnswer(Parse("<|channel|>final<|message|>It<|reserved_200001|> is.<|return|>"),
               {"assistant#final: It is."}, {"0 stray special token: <|reserved_200001|>"});
}

TEST(HarmonyParser, EndsAMessageAtTheEndOfText) {
  ExpectAnswer(Parse("<|channel|>final<|message|>Yes.<|endoftext|>"), {"assistant#final: Yes."},
               {"0 end of text: <|endoftext|>"});
  ExpectAnswer(Parse("<|channel|>final<|message|>It<|endoftext|> is.<|return|>"),
               {"assistant#final: It", "assistant#final:  is."},
               {"0 end of text: <|endoftext|>", "1 missing start", "1 missing channel",
                "1 missing message marker"});
}

TEST(HarmonyParser, BeginsAMessageWithoutItsStart) {
  ExpectAnswer(Parse(fmt::format("{}<|channel|>final<|message|>Yes.<|return|>", kThought)),
               {"assistant#analysis: Hm.", "assistant#final: Yes."}, {"1 missing start"});
  ExpectAnswer(Parse(fmt::format("{}Yes.<|return|>", kThought)),
               {"assistant#analysis: Hm.", "assistant#final: Yes."},
               {"1 missing start", "1 missing channel", "1 missing message marker"});
  ExpectAnswer(Parse(fmt::format("{}user<|message|>And?<|end|>", kThought)),
               {"assistant#analysis: Hm.", "user: And?"}, {"1 missing start"});
}

TEST(HarmonyParser, KeepsTextBeforeTheFirstHeader) {
  ExpectAnswer(
      Parse("Hello.<|start|>assistant<|channel|>final<|message|>Yes.<|return|>", std::nullopt),
      {"assistant#final: Hello.", "assistant#final: Yes."},
      {"0 missing start", "0 missing channel", "0 missing message marker"});
  ExpectAnswer(Parse("Sure. <|channel|>final<|message|>Yes.<|return|>"),
               {"assistant#analysis: Sure.", "assistant#final: Yes."},
               {"0 leftover header words: Sure."});
}

TEST(HarmonyParser, IgnoresWhiteSpaceBetweenMessages) {
  ExpectAnswer(Parse(fmt::format(
                   "{}\n<|start|>assistant<|channel|>final<|message|>Yes.<|return|>\n", kThought)),
               {"assistant#analysis: Hm.", "assistant#final: Yes."}, {});
}

TEST(HarmonyParser, TellsOfRepeatedStartsAndEnds) {
  ExpectAnswer(Parse("<|start|><|start|>assistant<|channel|>final<|message|>Yes.<|return|>"),
               {"assistant#final: Yes."}, {"0 repeated start: <|start|>"});
  ExpectAnswer(Parse("<|channel|>final<|message|>Yes.<|return|><|return|>"),
               {"assistant#final: Yes."}, {"0 stray end: <|return|>"});
  ExpectAnswer(Parse("<|end|>", std::nullopt), {"assistant#final: "}, {"0 stray end: <|end|>"});
}

TEST(HarmonyParser, TellsOfIdsWithoutATokenAndGoesOn) {
  const std::pair<int32_t, const char*> unknown[] = {{-2147483647 - 1, "-2147483648 or less"},
                                                     {-1, "-1"},
                                                     {201500, "201500"},
                                                     {2147483647, "2147483647 or more"}};
  for (const auto& [id, name] : unknown) {
    auto ids = Ids("<|channel|>final<|message|>It ");
    ids.push_back(id);
    for (const int32_t rest : Ids("is.<|return|>")) ids.push_back(rest);
    ExpectAnswer(ParseIds(ids), {"assistant#final: It is."},
                 {fmt::format("0 unknown token: {}", name)});
    ExpectAnswer(ParseIds(std::vector<int32_t>{id}, std::nullopt), {"assistant#final: "},
                 {fmt::format("0 unknown token: {}", name)});
  }
}

TEST(HarmonyParser, ReplacesBrokenCharactersOneByMaximalSubpart) {
  const auto content = Ids("<|channel|>final<|message|>");
  ExpectAnswer(ParseIds(Joined({content, ByteIds("\xE2\x82"), Ids("text<|return|>")})),
               {"assistant#final: \uFFFDtext"}, {"0 broken UTF-8"});
  ExpectAnswer(ParseIds(Joined({content, ByteIds("\xED\xA0\x80"), Ids("<|return|>")})),
               {"assistant#final: \uFFFD\uFFFD\uFFFD"}, {"0 broken UTF-8"});
  ExpectAnswer(ParseIds(Joined({content, ByteIds("\xF0\x9F")})), {"assistant#final: \uFFFD"},
               {"0 broken UTF-8"});
  ExpectAnswer(ParseIds(Joined({Ids("<|channel|>commentary to=functions.f"), ByteIds("\xE2\x82"),
                                Ids(" json<|message|>{}<|call|>")})),
               {"assistant#analysis: \uFFFD", "assistant>functions.f#commentary{json}: {}"},
               {"0 leftover header words: \uFFFD", "1 broken UTF-8", "1 recipient junk: \uFFFD"});
}

TEST(HarmonyParser, SendsACharacterOfSeveralTokensWhole) {
  const auto parser = NewHarmonyParser(O200k(), Tokens(), Role::kAssistant);
  for (const int32_t id : Ids("<|channel|>final<|message|>")) parser->Push(id);
  Lines deltas;
  for (const int32_t id : ByteIds("€!")) {
    std::string text;
    for (const MessageDelta& delta : parser->Push(id)) text += delta.text;
    deltas.push_back(text);
  }
  EXPECT_EQ(deltas, (Lines{"", "", "€", "!"}));
}

TEST(HarmonyParser, SaysWhichTokensAMessageHas) {
  const auto ids =
      Ids("<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final"
          "<|message|>Yes.<|return|>");
  const auto parsed = ParseAndCheck(O200k(), Tokens(), ids, Role::kAssistant).messages;
  ASSERT_EQ(parsed.size(), 2u);
  EXPECT_EQ(parsed[0].first_token, 0u);
  EXPECT_EQ(ids[parsed[0].end_token - 1], Tokens().end);
  EXPECT_EQ(parsed[1].first_token, parsed[0].end_token);
  EXPECT_EQ(parsed[1].end_token, ids.size());
  EXPECT_TRUE(parsed[0].complete && parsed[1].complete);
}

TEST(HarmonyParser, AnswersTheSameHoweverTheTextIsCutIntoTokens) {
  for (const Json& golden : ReadGoldens("../harmony/completions.jsonl")) {
    const std::optional<Role> role =
        golden["role"].is_null() ? std::nullopt : RoleFromName(golden["role"].get<std::string>());
    const auto ids = golden["ids"].get<std::vector<int32_t>>();
    std::vector<int32_t> single;
    for (const int32_t id : ids) {
      const auto bytes = O200k()->TokenBytes(id);
      const bool text = bytes && !O200k()->IsSpecial(id);
      for (const int32_t part : text ? ByteIds(*bytes) : std::vector{id}) single.push_back(part);
    }
    const Answer whole = ParseIds(ids, role);
    ExpectAnswer(ParseIds(single, role), whole.messages, whole.repairs);
  }
}

TEST(HarmonyParser, LosesNoTextOfRandomTokens) {
  Random random(20260601);
  const std::vector<int32_t> words =
      Ids("assistant user tool analysis commentary final to=functions.f json code<|constrain|> {}\n"
          " {\"a\": 1} Analysis: functions.f:");
  const std::vector<int32_t> names[] = {Spelled("<|channel|>"), Spelled("<|constrain|>")};
  const HarmonyTokens tokens = Tokens();
  const std::vector<int32_t> structure = {tokens.start,   tokens.channel,    tokens.constrain,
                                          tokens.message, tokens.end,        tokens.ret,
                                          tokens.call,    tokens.end_of_text};
  const auto below = [&](size_t end) {
    return static_cast<size_t>(random.Int(0, static_cast<int64_t>(end) - 1));
  };
  for (int round = 0; round < 5000; ++round) {
    std::vector<int32_t> ids(below(40));
    for (int32_t& id : ids) {
      const size_t kind = below(10);
      id = kind < 4   ? structure[below(structure.size())]
           : kind < 8 ? words[below(words.size())]
                      : static_cast<int32_t>(below(kind == 8 ? 256 : 202000));
    }
    for (const auto& name : names) {
      if (below(3) != 0) continue;
      const auto place = ids.begin() + static_cast<ptrdiff_t>(below(ids.size() + 1));
      ids.insert(place, name.begin(), name.end());
    }
    ParseIds(ids, below(2) == 0 ? std::nullopt : std::optional(Role::kAssistant));
  }
}

TEST(HarmonyParser, TakesTimeLinearInAHeaderThatNeverEnds) {
  for (const char* text :
       {" word", "word", "<|channel|>", "<|channel|>analysis", "assistant", " "}) {
    const auto part = Ids(text);
    const auto parser = NewHarmonyParser(O200k(), Tokens(), Role::kAssistant);
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 200'000; ++i) {
      for (const int32_t id : part) parser->Push(id);
    }
    parser->Finish();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20)) << text;
  }
}

}  // namespace
}  // namespace fairlead::testing

#include "chat/openai/destination.h"

#include <gtest/gtest.h>

#include "tests/chat/parsed.h"

namespace fairlead::testing {
namespace {

using Kind = Destination::Kind;
using Strings = std::vector<std::string>;

const Strings kTools = {"functions.clock", "functions.get_weather", "python"};

struct Case {
  const char* what;
  Role role;
  std::optional<std::string> channel;
  std::optional<std::string> recipient;
  Strings tools;
  Kind kind;
  std::string tool = {};
  bool declared = true;
};

void Check(const Case& expected) {
  const ParsedMessage parsed = Parsed(expected.channel, "", expected.recipient, expected.role);
  const Destination got = DestinationOf(parsed.message, expected.tools);
  EXPECT_EQ(got.kind, expected.kind) << expected.what;
  EXPECT_EQ(got.tool, expected.tool) << expected.what;
  EXPECT_EQ(got.declared, expected.declared) << expected.what;
  if (got.kind == Kind::kToolCall) {
    EXPECT_TRUE(IsToolName(got.tool)) << expected.what;
  }
}

constexpr Role kAssistant = Role::kAssistant;
constexpr auto kNobody = std::nullopt;

TEST(Destination, OfTextFollowsItsChannel) {
  const Case cases[] = {
      {"analysis", kAssistant, "analysis", kNobody, kTools, Kind::kReasoning},
      {"final", kAssistant, "final", kNobody, kTools, Kind::kContent},
      {"a preamble", kAssistant, "commentary", kNobody, kTools, Kind::kContent},
      {"no channel", kAssistant, kNobody, kNobody, kTools, Kind::kContent},
      {"an unknown channel", kAssistant, "finale", kNobody, kTools, Kind::kContent},
      {"to all", kAssistant, "analysis", "all", kTools, Kind::kReasoning},
      {"to the user", kAssistant, "final", "user", kTools, Kind::kContent},
      {"to itself", kAssistant, "analysis", "assistant", kTools, Kind::kReasoning},
  };
  for (const Case& each : cases) Check(each);
}

TEST(Destination, OfACallIsTheToolThatItMeans) {
  const Case cases[] = {
      {"a function", kAssistant, "commentary", "functions.clock", kTools, Kind::kToolCall, "clock"},
      {"in analysis", kAssistant, "analysis", "functions.clock", kTools, Kind::kToolCall, "clock"},
      {"in final", kAssistant, "final", "functions.clock", kTools, Kind::kToolCall, "clock"},
      {"without channel", kAssistant, kNobody, "functions.clock", kTools, Kind::kToolCall, "clock"},
      {"without namespace", kAssistant, "commentary", "clock", kTools, Kind::kToolCall, "clock"},
      {"by an odd role", Role::kTool, "commentary", "functions.clock", kTools, Kind::kToolCall,
       "clock"},
      {"declared as user", kAssistant, "commentary", "user", {"user"}, Kind::kToolCall, "user"},
      {"declared as all", kAssistant, "analysis", "all", {"x", "all"}, Kind::kToolCall, "all"},
      {"declared as assistant",
       kAssistant,
       "commentary",
       "assistant",
       {"assistant"},
       Kind::kToolCall,
       "assistant"},
      {"built in, declared", kAssistant, "analysis", "python", kTools, Kind::kToolCall, "python"},
      {"a function called python",
       kAssistant,
       "analysis",
       "python",
       {"functions.python"},
       Kind::kToolCall,
       "python"},
  };
  for (const Case& each : cases) Check(each);
}

TEST(Destination, OfBuiltInToolsThatNobodyDeclaredIsReasoning) {
  const Case cases[] = {
      {"python", kAssistant, "analysis", "python", {"functions.clock"}, Kind::kReasoning},
      {"python without tools", kAssistant, "commentary", "python", {}, Kind::kReasoning},
      {"search", kAssistant, "analysis", "browser.search", kTools, Kind::kReasoning},
      {"browser", kAssistant, "commentary", "browser", kTools, Kind::kReasoning},
  };
  for (const Case& each : cases) Check(each);
}

TEST(Complaints, CallsToUndeclaredToolsAreDeliveredAndMarked) {
  const Case cases[] = {
      {"unknown", kAssistant, "commentary", "functions.nope", kTools, Kind::kToolCall, "nope",
       false},
      {"another namespace", kAssistant, "commentary", "container.exec", kTools, Kind::kToolCall,
       "container.exec", false},
      {"characters that no name has", kAssistant, "commentary", "functions.a/b\"c", kTools,
       Kind::kToolCall, "a_b_c", false},
      {"not ASCII", kAssistant, "commentary", "functions.é", kTools, Kind::kToolCall, "__", false},
      {"too long", kAssistant, "commentary", "functions." + std::string(100, 'x'), kTools,
       Kind::kToolCall, std::string(64, 'x'), false},
  };
  for (const Case& each : cases) Check(each);
}

TEST(Complaints, NothingBecomesACallWhereNoneIsWanted) {
  const Case cases[] = {
      {"commentary", kAssistant, "commentary", "functions.clock", {}, Kind::kContent},
      {"analysis", kAssistant, "analysis", "functions.clock", {}, Kind::kReasoning},
      {"no channel", kAssistant, kNobody, "clock", {}, Kind::kContent},
  };
  for (const Case& each : cases) Check(each);
}

TEST(Complaints, SpecialTokensNeverGetIntoToolNames) {
  for (const char* leaked :
       {"functions.get_weather<|channel|>commentary", "functions.get_weather<|constrain|>json",
        "functions.get_weather commentary", "functions.get_weather\n", "get_weather<|message|>"}) {
    Check({leaked, kAssistant, "commentary", leaked, kTools, Kind::kToolCall, "get_weather"});
  }
  for (const char* nameless : {"<|channel|>x", "functions.", "functions.<|call|>", ""}) {
    Check({nameless, kAssistant, "commentary", nameless, kTools, Kind::kContent});
  }
}

TEST(Destination, OfWhatTheModelSaysForOthersIsReasoningUnlessFinal) {
  const Case cases[] = {
      {"user", Role::kUser, kNobody, kNobody, kTools, Kind::kReasoning},
      {"system", Role::kSystem, kNobody, kNobody, kTools, Kind::kReasoning},
      {"developer", Role::kDeveloper, "commentary", kNobody, kTools, Kind::kReasoning},
      {"tool", Role::kTool, "commentary", "assistant", kTools, Kind::kReasoning},
      {"final", Role::kUser, "final", kNobody, kTools, Kind::kContent},
  };
  for (const Case& each : cases) Check(each);
}

}  // namespace
}  // namespace fairlead::testing

#include "chat/openai/chat_request.h"

#include <gtest/gtest.h>

namespace fairlead::testing {
namespace {

using Strings = std::vector<std::string>;
using Choice = AnswerRules::ToolChoice;

constexpr const char* kClock = R"({"type":"function","function":{"name":"clock"}})";

SystemContent System() {
  SystemContent system;
  system.model_identity = "You are a test.";
  system.reasoning_effort = ReasoningEffort::kMedium;
  system.conversation_start_date = "2025-06-28";
  return system;
}

Result<ChatRequest> Try(const std::string& text, const SystemContent& system = System()) {
  const Result<Json> json = ParseJson(text, "test", "request");
  EXPECT_TRUE(json) << text << ": " << json.error().message;
  return ChatRequestFromJson(json.value_or(Json()), system);
}

ChatRequest Request(const std::string& text, const SystemContent& system = System()) {
  Result<ChatRequest> request = Try(text, system);
  EXPECT_TRUE(request) << text << ": " << request.error().message;
  return std::move(request).value_or(ChatRequest());
}

// A request with these messages, and more members.
std::string With(const std::string& messages, const std::string& more = "") {
  return R"({"model":"m","messages":[)" + messages + "]" + (more.empty() ? "" : "," + more) + "}";
}

const std::string kUser = R"({"role":"user","content":"Hi"})";

// "role[:name][>recipient][/channel][ type]: text"
std::string Shown(const Message& message) {
  std::string shown(RoleName(message.role));
  if (message.name) shown += ":" + *message.name;
  if (message.recipient) shown += ">" + *message.recipient;
  if (message.channel) shown += "/" + *message.channel;
  if (message.content_type) shown += " " + *message.content_type;
  return shown + ": " + message.Text();
}

// All messages that are text.
Strings Texts(const ChatRequest& request) {
  Strings texts;
  for (const Message& message : request.conversation.messages) {
    if (message.role != Role::kSystem && message.role != Role::kDeveloper) {
      texts.push_back(Shown(message));
    }
  }
  return texts;
}

const SystemContent& SystemOf(const ChatRequest& request) {
  return std::get<SystemContent>(request.conversation.messages.at(0).content.at(0));
}

const DeveloperContent* DeveloperOf(const ChatRequest& request) {
  const std::vector<Message>& messages = request.conversation.messages;
  if (messages.size() < 2 || messages[1].role != Role::kDeveloper) return nullptr;
  return &std::get<DeveloperContent>(messages[1].content.at(0));
}

TEST(ChatRequest, BeginsWithTheSystemMessageAndHasNoDeveloperMessageWithoutNeed) {
  const ChatRequest request = Request(With(kUser));
  EXPECT_EQ(SystemOf(request).model_identity, "You are a test.");
  EXPECT_EQ(SystemOf(request).conversation_start_date, "2025-06-28");
  EXPECT_EQ(SystemOf(request).reasoning_effort, ReasoningEffort::kMedium);
  EXPECT_EQ(DeveloperOf(request), nullptr);
  EXPECT_EQ(Texts(request), (Strings{"user: Hi"}));
  EXPECT_EQ(request.rules.tool_choice, Choice::kAuto);
}

TEST(ChatRequest, ReadsEveryKindOfMessage) {
  const ChatRequest request = Request(With(
      R"({"role":"user","content":"Time?","name":"ann"},
         {"role":"assistant","reasoning":"Look.","content":"I look.","tool_calls":[
           {"id":"a","type":"function","function":{"name":"clock","arguments":"{}"}},
           {"id":"b","type":"function","function":{"name":"x.y-z_1","arguments":"{bad"}}]},
         {"role":"tool","tool_call_id":"b","content":"two"},
         {"role":"tool","tool_call_id":"a","content":"one"},
         {"role":"assistant","reasoning_content":"Ah.","content":"Noon.","refusal":null,
          "function_call":null,"audio":null,"tool_calls":null,"annotations":[]},
         {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]})"));
  EXPECT_EQ(
      Texts(request),
      (Strings{"user:ann: Time?", "assistant/analysis: Look.", "assistant/commentary: I look.",
               "assistant>functions.clock/commentary <|constrain|>json: {}",
               "assistant>functions.x.y-z_1/commentary <|constrain|>json: {bad",
               "tool:functions.clock>assistant/commentary: one",
               "tool:functions.x.y-z_1>assistant/commentary: two", "assistant/analysis: Ah.",
               "assistant/final: Noon.", "user: a\nb"}));
}

TEST(ChatRequest, WritesNoEmptyMessagesForTheAssistant) {
  const ChatRequest request = Request(With(
      R"({"role":"assistant","content":""},{"role":"assistant","content":null},
         {"role":"assistant","content":"","reasoning":"Cut off"},
         {"role":"assistant","content":[],"reasoning":"","reasoning_content":"Other"},
         {"role":"assistant","content":"","tool_calls":[]},
         {"role":"assistant","refusal":"No."},
         {"role":"assistant","content":[{"type":"refusal","refusal":"Never."}]},
         {"role":"user","content":""})"));
  EXPECT_EQ(Texts(request), (Strings{"assistant/analysis: Cut off", "assistant/analysis: Other",
                                     "assistant/final: No.", "assistant/final: Never.", "user: "}));
}

TEST(Complaints, ReasoningIsPassedBackUnderEitherName) {
  for (const char* key : {"reasoning", "reasoning_content"}) {
    const ChatRequest request = Request(
        With(std::string(R"({"role":"assistant","content":"x",")") + key + R"(":"Because"})"));
    EXPECT_EQ(Texts(request), (Strings{"assistant/analysis: Because", "assistant/final: x"}));
  }
  const ChatRequest both = Request(
      With(R"({"role":"assistant","content":"x","reasoning":"r","reasoning_content":"r"})"));
  EXPECT_EQ(Texts(both), (Strings{"assistant/analysis: r", "assistant/final: x"}));
}

TEST(Complaints, SeveralSystemMessagesAreAllKeptInOrder) {
  const ChatRequest request = Request(
      With(R"({"role":"system","content":"One."},{"role":"developer","content":"Two."},)" + kUser +
           R"(,{"role":"system","content":""},
               {"role":"system","content":[{"type":"text","text":"Three."}]})"));
  ASSERT_NE(DeveloperOf(request), nullptr);
  EXPECT_EQ(DeveloperOf(request)->instructions, "One.\n\nTwo.\n\nThree.");
  EXPECT_FALSE(DeveloperOf(request)->tools);
  EXPECT_EQ(Texts(request), (Strings{"user: Hi"}));
}

TEST(Complaints, ReasoningEffortIsHeardWhereverClientsPutIt) {
  const std::pair<const char*, ReasoningEffort> cases[] = {
      {R"("reasoning_effort":"high")", ReasoningEffort::kHigh},
      {R"("reasoning_effort":"low")", ReasoningEffort::kLow},
      {R"("reasoning_effort":"minimal")", ReasoningEffort::kLow},
      {R"("reasoning_effort":"none")", ReasoningEffort::kLow},
      {R"("reasoning_effort":"xhigh")", ReasoningEffort::kHigh},
      {R"("reasoning":{"effort":"none"})", ReasoningEffort::kLow},
      {R"("reasoning_effort":null)", ReasoningEffort::kMedium},
      {R"("reasoning":{"effort":"high"})", ReasoningEffort::kHigh},
      {R"("reasoning":{"effort":"high"},"reasoning_effort":"high")", ReasoningEffort::kHigh},
      {R"("reasoning":{}, "reasoning_effort":"low")", ReasoningEffort::kLow},
  };
  for (const auto& [more, effort] : cases) {
    EXPECT_EQ(SystemOf(Request(With(kUser, more))).reasoning_effort, effort) << more;
  }
}

TEST(Complaints, CommentaryIsOfferedOnlyWithTools) {
  const Strings two = {"analysis", "final"};
  const Strings three = {"analysis", "commentary", "final"};
  const std::string tools = std::string(R"("tools":[)") + kClock + "]";
  for (const char* none : {R"("tools":[])", R"("tools":null)", R"("n":1)"}) {
    const ChatRequest request = Request(With(kUser, none));
    EXPECT_EQ(SystemOf(request).channel_config->valid_channels, two) << none;
    EXPECT_EQ(request.rules.channels, two) << none;
  }
  EXPECT_EQ(SystemOf(Request(With(kUser, tools))).channel_config->valid_channels, three);
  EXPECT_EQ(Request(With(kUser, tools)).rules.channels, three);
  SystemContent built_in = System();
  built_in.tools = ToolNamespaces{{"python", {"python", "Runs code.", {}}}};
  EXPECT_EQ(Request(With(kUser), built_in).rules.channels, three);
}

TEST(ChatRequest, DeclaresToolsAsFunctions) {
  const ChatRequest request = Request(With(kUser, R"("tools":[
    {"type":"function","function":{"name":"b","description":"B.","strict":true,
     "parameters":{"type":"object","properties":{"z":{},"a":{}}}}},
    {"type":"function","function":{"name":"a","description":null,"parameters":null}}])"));
  ASSERT_NE(DeveloperOf(request), nullptr);
  EXPECT_FALSE(DeveloperOf(request)->instructions);
  const ToolNamespace& functions = DeveloperOf(request)->tools->at("functions");
  ASSERT_EQ(functions.tools.size(), 2u);
  EXPECT_EQ(functions.name, "functions");
  EXPECT_EQ(functions.tools[0].name, "b");
  EXPECT_EQ(functions.tools[0].description, "B.");
  EXPECT_EQ(functions.tools[0].parameters->dump(),
            R"({"type":"object","properties":{"z":{},"a":{}}})");
  EXPECT_FALSE(functions.tools[1].parameters);
  EXPECT_EQ(request.rules.tools, (Strings{"functions.b", "functions.a"}));
  EXPECT_EQ(request.callable, request.rules.tools);
}

TEST(Complaints, ToolChoiceIsARule) {
  const std::string tools =
      std::string(R"("tools":[)") + kClock + R"(,{"type":"function","function":{"name":"b"}}],)";
  const Strings all = {"functions.clock", "functions.b"};
  const struct {
    const char* choice;
    Choice rule;
    Strings tools;
    Strings callable;
  } cases[] = {
      {R"("auto")", Choice::kAuto, all, all},
      {"null", Choice::kAuto, all, all},
      {R"("none")", Choice::kNone, all, {}},
      {R"("required")", Choice::kRequired, all, all},
      {R"({"type":"function","function":{"name":"b"}})", Choice::kRequired, {"functions.b"}, all},
  };
  for (const auto& each : cases) {
    const ChatRequest request = Request(With(kUser, tools + R"("tool_choice":)" + each.choice));
    EXPECT_EQ(request.rules.tool_choice, each.rule) << each.choice;
    EXPECT_EQ(request.rules.tools, each.tools) << each.choice;
    EXPECT_EQ(request.callable, each.callable) << each.choice;
    EXPECT_NE(DeveloperOf(request), nullptr) << "the prompt is the same for every choice";
  }
  EXPECT_EQ(Request(With(kUser, R"("tool_choice":"auto")")).rules.tool_choice, Choice::kAuto);
  EXPECT_EQ(Request(With(kUser, R"("tool_choice":"none")")).rules.tool_choice, Choice::kNone);
}

TEST(ChatRequest, CallsBuiltInToolsByTheirOwnNames) {
  SystemContent system = System();
  system.tools = ToolNamespaces{{"python", {"python", "Runs code.", {}}}};
  const std::string messages =
      R"({"role":"assistant","content":null,"tool_calls":[
           {"id":"a","type":"function","function":{"name":"python","arguments":"1+1"}}]},
         {"role":"tool","tool_call_id":"a","content":"2"})";
  EXPECT_EQ(Texts(Request(With(messages), system)),
            (Strings{"assistant>python/analysis code: 1+1", "tool:python>assistant/analysis: 2"}));
  EXPECT_EQ(Texts(Request(With(messages))),
            (Strings{"assistant>functions.python/commentary <|constrain|>json: 1+1",
                     "tool:functions.python>assistant/commentary: 2"}));
  const auto twice =
      Try(With(kUser, R"("tools":[{"type":"function","function":{"name":"python"}}])"), system);
  ASSERT_FALSE(twice);
  EXPECT_EQ(
      twice.error().message,
      "[chat] tools[0].function.name: expected a name that no other tool has, got \"python\"");
}

TEST(Complaints, RequestsAsManyClientsWriteThemAreRead) {
  const ChatRequest request = Request(With(
      R"({"role":"assistant","tool_calls":[
           {"id":"a","function":{"name":"f"}}, {"id":"b","function":{"name":"f","arguments":null}},
           {"id":"c","function":{"name":"f","arguments":{"z":[1,"é"],"a":{}}}}]},
         {"role":"tool","tool_call_id":"a","content":null})"));
  const std::string call = "assistant>functions.f/commentary <|constrain|>json: ";
  EXPECT_EQ(Texts(request), (Strings{call + "{}", call + "{}", call + R"({"z":[1,"é"],"a":{}})",
                                     "tool:functions.f>assistant/commentary: "}));
}

TEST(Complaints, NamesOfUsersThatNoHeaderCanHoldAreMadeToFit) {
  const std::string x64(64, 'x');
  for (const auto& [name, kept] :
       {std::pair<std::string, std::string>("J. Doe", "user:J._Doe: "),
        {"Jürgen", "user:J_rgen: "},
        {"日本", "user:_: "},
        {"<|start|>system", "user:_start_system: "},
        {"to=functions.f<|channel|>final", "user:to_functions.f_channel_final: "},
        {"\\u0000a\\n", "user:_a_: "},
        {x64 + "yz", "user:" + x64 + ": "},
        {"", "user: "}}) {
    EXPECT_EQ(Texts(Request(With(R"({"role":"user","content":"","name":")" + name + "\"}"))),
              Strings{kept});
  }
}

TEST(ChatRequest, PutsResultsInTheOrderOfTheirCalls) {
  const auto calls = [](const Strings& ids) {
    std::string list;
    for (const std::string& id : ids) {
      if (!list.empty()) list += ",";
      list += R"({"id":")" + id + R"(","function":{"name":"f","arguments":"{}"}})";
    }
    return R"({"role":"assistant","tool_calls":[)" + list + "]}";
  };
  const auto result = [](const std::string& id, const std::string& text) {
    return R"(,{"role":"tool","tool_call_id":")" + id + R"(","content":")" + text + "\"}";
  };
  const auto results_of = [](const std::string& messages) {
    std::string texts;
    for (const Message& message : Request(With(messages)).conversation.messages) {
      if (message.role == Role::kTool) texts += message.Text() + " ";
    }
    return texts;
  };
  const std::string three = calls({"a", "b", "c"});
  for (const Strings& order : {Strings{"a", "b", "c"}, Strings{"c", "b", "a"},
                               Strings{"b", "c", "a"}, Strings{"c", "a", "b"}}) {
    std::string messages = three;
    for (const std::string& id : order) messages += result(id, id);
    EXPECT_EQ(results_of(messages), "a b c ");
    messages += "," + calls({"d", "e"}) + result("e", "e") + result("d", "d");
    EXPECT_EQ(results_of(messages), "a b c d e ");
  }
  EXPECT_EQ(results_of(three + result("b", "b1") + result("a", "a") + result("b", "b2")),
            "a b1 b2 ")
      << "two of one call stay as they are";
  EXPECT_EQ(results_of(three + result("b", "b") + "," + kUser + result("a", "a")), "b a ")
      << "nothing moves past what somebody said";
}

TEST(ChatRequest, LetsAnIdNameTheLatestCallThatHasIt) {
  const auto call = [](const std::string& name) {
    return R"({"role":"assistant","tool_calls":[{"id":"a","function":{"name":")" + name +
           R"(","arguments":"{}"}}]},)";
  };
  const ChatRequest request =
      Request(With(call("x") + call("y") + R"({"role":"tool","tool_call_id":"a","content":"r"})"));
  EXPECT_EQ(Texts(request).back(), "tool:functions.y>assistant/commentary: r");
}

TEST(ChatRequest, IgnoresWhatIsNotAboutTheConversation) {
  const ChatRequest request = Request(With(
      kUser, R"("stream":true,"temperature":"warm","n":-1,"user":{},"parallel_tool_calls":false,
               "response_format":{"type":"text"},"functions":null,"function_call":null)"));
  EXPECT_EQ(Texts(request), (Strings{"user: Hi"}));
}

}  // namespace
}  // namespace fairlead::testing

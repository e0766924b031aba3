// Requests that are wrong: each is refused with one line that names the place.
#include <gtest/gtest.h>

#include <string>

#include "chat/openai/chat_request.h"

namespace fairlead::testing {
namespace {

struct Bad {
  std::string request;
  std::string message;  // behind "[chat] "
  ErrorCode code = ErrorCode::kInvalidArgument;
};

void Check(const Bad& bad) {
  const Result<Json> json = ParseJson(bad.request, "test", "request");
  ASSERT_TRUE(json) << bad.request << ": " << json.error().message;
  const Result<ChatRequest> read = ChatRequestFromJson(*json, {});
  ASSERT_FALSE(read) << bad.request;
  EXPECT_EQ(read.error().message, "[chat] " + bad.message) << bad.request;
  EXPECT_EQ(read.error().code, bad.code) << bad.request;
  EXPECT_EQ(read.error().message.find('\n'), std::string::npos);
}

constexpr ErrorCode kUnsupported = ErrorCode::kUnsupported;
constexpr const char* kContent = "a string or a list of text parts";
const std::string kToolName = "a name of 1 to 64 letters, digits, '_', '-' or '.'";

Bad Messages(const std::string& messages, const std::string& message,
             ErrorCode code = ErrorCode::kInvalidArgument) {
  return {R"({"messages":[)" + messages + "]}", message, code};
}

Bad More(const std::string& more, const std::string& message,
         ErrorCode code = ErrorCode::kInvalidArgument) {
  return {R"({"messages":[{"role":"user","content":"Hi"}],)" + more + "}", message, code};
}

Bad Tool(const std::string& tool, const std::string& message,
         ErrorCode code = ErrorCode::kInvalidArgument) {
  return More(R"("tools":[)" + tool + "]", message, code);
}

Bad Named(const std::string& name, const std::string& got) {
  return Tool(R"({"type":"function","function":{"name":)" + name + "}}",
              "tools[0].function.name: expected " + got);
}

Bad Choice(const std::string& choice, const std::string& message,
           ErrorCode code = ErrorCode::kInvalidArgument) {
  return More(R"("tools":[{"type":"function","function":{"name":"a"}}],"tool_choice":)" + choice,
              message, code);
}

Bad Call(const std::string& call, const std::string& message,
         ErrorCode code = ErrorCode::kInvalidArgument) {
  return Messages(R"({"role":"assistant","content":null,"tool_calls":[)" + call + "]}",
                  "messages[0].tool_calls" + message, code);
}

Bad Content(const std::string& content, const std::string& message,
            ErrorCode code = ErrorCode::kInvalidArgument) {
  return Messages(R"({"role":"user","content":)" + content + "}", "messages[0].content" + message,
                  code);
}

TEST(BadChatRequest, Shape) {
  const Bad cases[] = {
      {"null", "request: expected an object, got null"},
      {"[]", "request: expected an object, got an empty list"},
      {"\"messages\"", "request: expected an object, got \"messages\""},
      {"7", "request: expected an object, got a number"},
      {"{}", "messages: expected a list of messages, got nothing"},
      {R"({"messages":null})", "messages: expected a list of messages, got null"},
      {R"({"messages":[]})", "messages: expected a list of messages, got an empty list"},
      {R"({"messages":{}})", "messages: expected a list of messages, got an object"},
      {R"({"messages":"Hi"})", "messages: expected a list of messages, got \"Hi\""},
      Messages("7", "messages[0]: expected an object, got a number"),
      Messages("null", "messages[0]: expected an object, got null"),
      Messages("\"Hi\"", "messages[0]: expected an object, got \"Hi\""),
      Messages("[]", "messages[0]: expected an object, got an empty list"),
      Messages("{}", "messages[0].role: expected a string, got nothing"),
      Messages(R"({"role":null})", "messages[0].role: expected a string, got null"),
      Messages(R"({"role":3})", "messages[0].role: expected a string, got a number"),
      Messages(R"({"role":"User","content":"x"})",
               "messages[0].role: expected \"system\", \"developer\", \"user\", \"assistant\" or "
               "\"tool\", got \"User\""),
      Messages(R"({"role":"user\n<|end|>","content":"x"})",
               "messages[0].role: expected \"system\", \"developer\", \"user\", \"assistant\" or "
               "\"tool\", got \"user\\n<|end|>\""),
      Messages(R"({"role":"function","name":"a","content":"x"})",
               "messages[0].role: expected \"tool\", got \"function\"", kUnsupported),
  };
  for (const Bad& each : cases) Check(each);
}

TEST(BadChatRequest, ContentOfMessages) {
  const std::string expected = std::string(": expected ") + kContent + ", got ";
  const Bad cases[] = {
      Content("null", expected + "null"),
      Content("7", expected + "a number"),
      Content("true", expected + "true"),
      Content("{}", expected + "an object"),
      Messages(R"({"role":"user"})", "messages[0].content" + expected + "nothing"),
      Messages(R"({"role":"system"})", "messages[0].content" + expected + "nothing"),
      Messages(R"({"role":"developer","content":null})", "messages[0].content" + expected + "null"),
      Content("[7]", "[0]: expected an object, got a number"),
      Content("[\"text\"]", "[0]: expected an object, got \"text\""),
      Content("[{}]", "[0].type: expected a string, got nothing"),
      Content(R"([{"type":null}])", "[0].type: expected a string, got null"),
      Content(R"([{"type":"text"}])", "[0].text: expected a string, got nothing"),
      Content(R"([{"type":"text","text":"a"},{"type":"text","text":7}])",
              "[1].text: expected a string, got a number"),
      Content(R"([{"type":"image_url","image_url":{"url":"x"}}])",
              "[0].type: expected \"text\", got \"image_url\"", kUnsupported),
      Content(R"([{"type":"input_audio"}])", "[0].type: expected \"text\", got \"input_audio\"",
              kUnsupported),
      Content(R"([{"type":"file"}])", "[0].type: expected \"text\", got \"file\"", kUnsupported),
      Content(R"([{"type":"refusal","refusal":"no"}])",
              "[0].type: expected \"text\", got \"refusal\"", kUnsupported),
      Messages(R"({"role":"user","content":"x","name":7})",
               "messages[0].name: expected a string, got a number"),
  };
  for (const Bad& each : cases) Check(each);
}

TEST(BadChatRequest, MessagesOfTheAssistantAndOfTools) {
  const Bad cases[] = {
      Messages(R"({"role":"assistant"})",
               "messages[0].content: expected a string, or tool_calls beside it, got nothing"),
      Messages(R"({"role":"assistant","tool_calls":[]})",
               "messages[0].content: expected a string, or tool_calls beside it, got nothing"),
      Messages(R"({"role":"assistant","content":7})",
               "messages[0].content: expected a string or a list of text parts, got a number"),
      Messages(R"({"role":"assistant","content":"x","reasoning":7})",
               "messages[0].reasoning: expected a string, got a number"),
      Messages(R"({"role":"assistant","content":"x","reasoning_content":["x"]})",
               "messages[0].reasoning_content: expected a string, got a list"),
      Messages(R"({"role":"assistant","content":"x","refusal":{}})",
               "messages[0].refusal: expected a string, got an object"),
      Messages(R"({"role":"assistant","content":"x","audio":{"id":"a"}})",
               "messages[0].audio: expected nothing, or text, got an object", kUnsupported),
      Messages(R"({"role":"assistant","content":null,"function_call":{"name":"a"}})",
               "messages[0].function_call: expected nothing, or tool_calls, got an object",
               kUnsupported),
      Messages(R"({"role":"assistant","content":null,"tool_calls":{}})",
               "messages[0].tool_calls: expected a list, got an object"),
      Call("7", "[0]: expected an object, got a number"),
      Call("{}", "[0].id: expected a string, got nothing"),
      Call(R"({"id":7})", "[0].id: expected a string, got a number"),
      Call(R"({"id":"a","type":"custom"})", "[0].type: expected \"function\", got \"custom\"",
           kUnsupported),
      Call(R"({"id":"a","type":7})", "[0].type: expected \"function\", got a number", kUnsupported),
      Call(R"({"id":"a"})", "[0].function: expected an object, got nothing"),
      Call(R"({"id":"a","function":"f"})", "[0].function: expected an object, got \"f\""),
      Call(R"({"id":"a","function":{"arguments":"{}"}})",
           "[0].function.name: expected a string, got nothing"),
      Call(R"({"id":"a","function":{"name":"f g","arguments":"{}"}})",
           "[0].function.name: expected " + kToolName + ", got \"f g\""),
      Call(R"({"id":"a","function":{"name":"f<|channel|>final","arguments":"{}"}})",
           "[0].function.name: expected " + kToolName + ", got \"f<|channel|>final\""),
      Call(R"({"id":"a","function":{"name":"f","arguments":7}})",
           "[0].function.arguments: expected a string, got a number"),
      Call(R"({"id":"a","function":{"name":"f","arguments":["a"]}})",
           "[0].function.arguments: expected a string, got a list"),
      Messages(R"({"role":"tool","content":"x"})",
               "messages[0].tool_call_id: expected a string, got nothing"),
      Messages(R"({"role":"tool","tool_call_id":"a","content":"x"})",
               "messages[0].tool_call_id: expected the id of a tool call before this message, got "
               "\"a\""),
      Messages(R"({"role":"assistant","tool_calls":[
                   {"id":"a","function":{"name":"f","arguments":"{}"}}]},
                  {"role":"tool","tool_call_id":"a"})",
               "messages[1].content: expected a string or a list of text parts, got nothing"),
      Messages(R"({"role":"tool","tool_call_id":"a","content":"x"},
                  {"role":"assistant","tool_calls":[
                   {"id":"a","function":{"name":"f","arguments":"{}"}}]})",
               "messages[0].tool_call_id: expected the id of a tool call before this message, got "
               "\"a\""),
  };
  for (const Bad& each : cases) Check(each);
}

TEST(BadChatRequest, Tools) {
  const std::string a = R"({"type":"function","function":{"name":"a"}})";
  const Bad cases[] = {
      More(R"("tools":{})", "tools: expected a list, got an object"),
      More(R"("tools":"a")", "tools: expected a list, got \"a\""),
      Tool("7", "tools[0]: expected an object, got a number"),
      Tool("{}", "tools[0].type: expected \"function\", got nothing"),
      Tool(R"({"type":7})", "tools[0].type: expected \"function\", got a number"),
      Tool(R"({"type":"web_search"})", "tools[0].type: expected \"function\", got \"web_search\"",
           kUnsupported),
      Tool(R"({"type":"function"})", "tools[0].function: expected an object, got nothing"),
      Tool(R"({"type":"function","function":[]})",
           "tools[0].function: expected an object, got an empty list"),
      Named("7", "a string, got a number"),
      Named("null", "a string, got null"),
      Named("\"\"", kToolName + ", got \"\""),
      Named("\"a b\"", kToolName + ", got \"a b\""),
      Named("\"a<|call|>\"", kToolName + ", got \"a<|call|>\""),
      Named("\"\\u00e9\"", kToolName + ", got \"é\""),
      Named("\"a\\u0000\"", kToolName + ", got \"a\\x00\""),
      Named("\"a\\nb\"", kToolName + ", got \"a\\nb\""),
      Named("\"" + std::string(65, 'x') + "\"",
            kToolName + ", got \"" + std::string(65, 'x') + "\""),
      Tool(a + "," + a,
           "tools[1].function.name: expected a name that no other tool has, got \"a\""),
      Tool(R"({"type":"function","function":{"name":"a","description":7}})",
           "tools[0].function.description: expected a string, got a number"),
      Tool(R"({"type":"function","function":{"name":"a","parameters":"{}"}})",
           "tools[0].function.parameters: expected an object, got \"{}\""),
      Tool(R"({"type":"function","function":{"name":"a","parameters":[]}})",
           "tools[0].function.parameters: expected an object, got an empty list"),
      Choice("7",
             "tool_choice: expected \"auto\", \"none\", \"required\" or a function, got a number"),
      Choice("\"any\"",
             "tool_choice: expected \"auto\", \"none\", \"required\" or a function, got \"any\""),
      Choice("{}", "tool_choice.type: expected \"function\", got nothing"),
      Choice(R"({"type":"allowed_tools"})",
             "tool_choice.type: expected \"function\", got \"allowed_tools\"", kUnsupported),
      Choice(R"({"type":"function"})", "tool_choice.function.name: expected a string, got nothing"),
      Choice(R"({"type":"function","function":{"name":"b"}})",
             "tool_choice.function.name: expected the name of one of the tools, got \"b\""),
      More(R"("tool_choice":"required")",
           "tool_choice: expected tools to choose from, got \"required\""),
      More(R"("tool_choice":{"type":"function","function":{"name":"a"}})",
           "tool_choice.function.name: expected the name of one of the tools, got \"a\""),
  };
  for (const Bad& each : cases) Check(each);
}

TEST(BadChatRequest, TheRest) {
  const std::string efforts =
      R"(expected "none", "minimal", "low", "medium", "high" or "xhigh", got )";
  const Bad cases[] = {
      More(R"("reasoning_effort":"extreme")", "reasoning_effort: " + efforts + "\"extreme\""),
      More(R"("reasoning_effort":"")", "reasoning_effort: " + efforts + "\"\""),
      More(R"("reasoning_effort":3)", "reasoning_effort: " + efforts + "a number"),
      More(R"("reasoning":"high")", "reasoning: expected an object, got \"high\""),
      More(R"("reasoning":{"effort":"High"})", "reasoning.effort: " + efforts + "\"High\""),
      More(R"("reasoning":{"effort":"high"},"reasoning_effort":"low")",
           "reasoning_effort: expected what reasoning.effort says, got \"low\""),
      More(R"("parallel_tool_calls":"yes")",
           "parallel_tool_calls: expected true or false, got \"yes\""),
      More(R"("response_format":"json")", "response_format: expected an object, got \"json\""),
      More(R"("response_format":{})", "response_format.type: expected a string, got nothing"),
      More(R"("functions":[])", "functions: expected nothing, or tools, got an empty list",
           kUnsupported),
      More(R"("function_call":"auto")",
           "function_call: expected nothing, or tool_choice, got \"auto\"", kUnsupported),
  };
  for (const Bad& each : cases) Check(each);
}

TEST(Complaints, StructuredOutputIsRefusedAndNotIgnored) {
  Check(More(R"("response_format":{"type":"json_object"})",
             "response_format.type: expected \"text\", got \"json_object\"", kUnsupported));
  Check(More(R"("response_format":{"type":"json_schema","json_schema":{}})",
             "response_format.type: expected \"text\", got \"json_schema\"", kUnsupported));
}

TEST(BadChatRequest, ErrorsStayShortAndOnOneLine) {
  const std::string huge(100000, 'x');
  const Result<ChatRequest> read =
      ChatRequestFromJson({{"messages", {{{"role", huge + "\n"}, {"content", ""}}}}}, {});
  ASSERT_FALSE(read);
  EXPECT_LT(read.error().message.size(), 500u);
  EXPECT_EQ(read.error().message.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace fairlead::testing

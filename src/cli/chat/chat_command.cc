#include <unistd.h>

#include <array>
#include <ctime>
#include <map>
#include <memory>

#include "cli/arguments.h"
#include "cli/chat/chat_options.h"
#include "cli/chat/commands.h"
#include "cli/command.h"

namespace fairlead {
namespace {

constexpr const char* kFooter = R"(
In a terminal it opens a conversation; /help there tells the rest. Anywhere else all of stdin is one
message, and nothing but the answer is printed:

  fairlead chat openai/gpt-oss-20b
  echo "What is 17+25?" | fairlead chat gpt-oss-20b/
  fairlead chat gpt-oss-20b/ --message "Name a colour" --message "And another" --seed 7
  fairlead chat gpt-oss-20b/ --tools tools.json

--tools takes a file of commands that the model may ask to be run, each after a question:
  [{"name": "now", "description": "The time", "command": ["date", "-u"]},
   {"name": "weather", "description": "The weather in a city", "timeout_seconds": 10,
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    "command": ["./weather.py"]}]
A command runs without a shell and reads its arguments as a JSON object from stdin; what it prints
goes to the model. A program ./x is that of the tool file's folder. docs/chat.md has the rest.)";

// More than any context: what is left of it is the limit.
constexpr int64_t kChatTokens = int64_t{1} << 20;

std::string Today() {
  const std::time_t now = std::time(nullptr);
  std::tm date{};
  ::localtime_r(&now, &date);
  std::array<char, 16> text{};
  const size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%d", &date);
  return {text.data(), size};
}

template <typename T>
std::map<std::string, T> Names(std::initializer_list<std::pair<const std::string, T>> names) {
  return names;
}

// An option that takes one of a few words.
template <typename T>
CLI::Option* AddChoice(CLI::App& command, const std::string& name, T& value,
                       const std::map<std::string, T>& words, const std::string& standard,
                       const std::string& help) {
  std::vector<std::string> names;
  names.reserve(words.size());
  for (const auto& [word, meaning] : words) names.push_back(word);
  return command
      .add_option_function<std::string>(
          name, [&value, words](const std::string& word) { value = words.at(word); }, help)
      ->check(CLI::IsMember(names))
      ->default_str(standard);
}

void AddConversationOptions(CLI::App& command, ChatOptions& options) {
  const std::string group = "Conversation";
  command
      .add_option("--message", options.messages,
                  "Ask this and print a transcript; may be given several times")
      ->allow_extra_args(false)
      ->type_name("TEXT")
      ->group(group);
  AddChoice(command, "--effort", options.effort,
            Names<ReasoningEffort>({{"low", ReasoningEffort::kLow},
                                    {"medium", ReasoningEffort::kMedium},
                                    {"high", ReasoningEffort::kHigh}}),
            "medium", "How long the model thinks")
      ->group(group);
  command.add_option("--system", options.system, "Tell the model who it is, instead of ChatGPT")
      ->group(group);
  command
      .add_option("--developer", options.developer,
                  "Instructions for all answers (elsewhere called the system prompt)")
      ->group(group);
  command
      .add_option("--date", options.date,
                  "What the model takes for today, instead of today; none: nothing")
      ->group(group);
  command.add_option("--load", options.load_file, "Go on with a conversation that /save wrote")
      ->type_name("FILE")
      ->group(group);
}

void AddToolOptions(CLI::App& command, ChatOptions& options) {
  const std::string group = "Tools";
  command.add_option("--tools", options.tools_file, "Commands that the model may ask for")
      ->type_name("FILE")
      ->group(group);
  AddChoice(command, "--tool_choice", options.tool_choice,
            Names<AnswerRules::ToolChoice>({{"auto", AnswerRules::ToolChoice::kAuto},
                                            {"none", AnswerRules::ToolChoice::kNone},
                                            {"required", AnswerRules::ToolChoice::kRequired}}),
            "auto", "Whether the model calls one; required: in its first answer to a message")
      ->group(group);
  command.add_flag("--yes_to_tools", options.yes_to_tools, "Run them without asking")->group(group);
}

void AddOutputOptions(CLI::App& command, ChatOptions& options) {
  const std::string group = "Output";
  AddChoice(
      command, "--think", options.think,
      Names<ThinkMode>(
          {{"show", ThinkMode::kShow}, {"fold", ThinkMode::kFold}, {"hide", ThinkMode::kHide}}),
      "fold", "What is seen of the thinking")
      ->group(group);
  command.add_option("--color", options.color, "auto (also obeys NO_COLOR), always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str()
      ->group(group);
  command.add_flag("--json", options.json, "Print each answer as an OpenAI chat.completion")
      ->group(group);
  command
      .add_flag_function(
          "--no_header_constraint",
          [&options](int64_t count) { options.header_constraint = count == 0; },
          "Let the model write message headers as it likes; they are repaired")
      ->group(group);
}

Status Run(ChatOptions& options) {
  if (!options.date) options.date = Today();
  if (options.date == "none") options.date.reset();
  const bool terminal = ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0;
  if (options.messages.empty() && !options.json && terminal) return ChatInTerminal(options);
  return ChatScripted(options);
}

}  // namespace

std::vector<std::string> ChatSettingNames() {
  return {"max_tokens",
          "temperature",
          "top_k",
          "top_p",
          "min_p",
          "seed",
          "repetition_penalty",
          "presence_penalty",
          "frequency_penalty",
          "logit_bias"};
}

void AddChatCommand(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("chat", "Talk to a model, in a terminal or in a pipe");
  auto options = std::make_shared<ChatOptions>();
  // As long as there is context.
  options->generate.settings.request.max_tokens = kChatTokens;
  AddRunOptions(*command, options->generate.run);
  AddConversationOptions(*command, *options);
  AddToolOptions(*command, *options);
  AddOutputOptions(*command, *options);
  AddSettingOptions(*command, options->generate.settings, ChatSettingNames());
  command->get_option("--max_tokens")
      ->description("Tokens of an answer at most; default: what is left of the context")
      ->default_str("");
  command->footer(kFooter);
  command->callback([options, &action] { action = [options] { return Run(*options); }; });
}

}  // namespace fairlead

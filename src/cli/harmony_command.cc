#include <memory>

#include "chat/harmony/lines.h"
#include "checkpoint/resolve.h"
#include "cli/command.h"
#include "cli/json_lines.h"
#include "tokenizer/tokenizer.h"

namespace fairlead {
namespace {

struct HarmonyOptions {
  std::string model;
  JsonLinesOptions lines;
};

// RenderLine or ParseLine.
using AnswerLine = std::string (*)(const Tokenizer::Pointer& tokenizer, const HarmonyTokens& tokens,
                                   std::string_view line);

std::string Render(const Tokenizer::Pointer& tokenizer, const HarmonyTokens& tokens,
                   std::string_view line) {
  return RenderLine(*tokenizer, tokens, line);
}

Status Run(const HarmonyOptions& options, AnswerLine answer) {
  FAIRLEAD_ASSIGN_OR_RETURN(const ResolvedModel model, ResolveModel(options.model));
  FAIRLEAD_ASSIGN_OR_RETURN(const Tokenizer::Pointer tokenizer, Tokenizer::Open(model.dir));
  FAIRLEAD_ASSIGN_OR_RETURN(const HarmonyTokens tokens, FindHarmonyTokens(*tokenizer));
  return AnswerLines("harmony", options.lines,
                     [&](std::string_view line) { return answer(tokenizer, tokens, line); });
}

void AddLines(CLI::App& command, AnswerLine answer, Action& action) {
  auto options = std::make_shared<HarmonyOptions>();
  command.add_option("--model", options->model, "Model, or a folder with just tokenizer.json")
      ->required();
  command.add_option("--input", options->lines.input, "JSON lines to answer; - for stdin")
      ->required();
  command.add_option("--output", options->lines.output,
                     "Where the answers go; - for stdout, the default");
  command.callback(
      [options, answer, &action] { action = [options, answer] { return Run(*options, answer); }; });
}

}  // namespace

void AddHarmonyCommand(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand(
      "harmony", "Turn conversations into gpt-oss's tokens, and its tokens into messages");
  command->require_subcommand(0, 1);
  command->footer(R"(
Both commands answer each line of a file with a line, and need nothing of a model but its
tokenizer.json.)");

  CLI::App* render = command->add_subcommand("render", "Turn conversations into token ids");
  AddLines(*render, Render, action);
  render->footer(R"(
Lines of --input and their answers:
  {"conversation": {"messages": [{"role": "user", "content": "Hello"}]}, "next_role": "assistant"}
    ->  {"ids": [...], "text": "<|start|>user<|message|>Hello<|end|><|start|>assistant"}
A conversation is what openai-harmony's Conversation.to_json() writes. May be given too:
  "next_role": whose message is begun at the end; without one, nobody's
  "training": true ends a last message in channel final with <|return|>; not with next_role
  "auto_drop_analysis": false keeps the reasoning that an answer has followed
What a line has beyond that is not looked at. A line that cannot be answered gives
{"error": "..."}.)");

  CLI::App* parse = command->add_subcommand("parse", "Turn token ids into messages");
  AddLines(*parse, ParseLine, action);
  parse->footer(R"(
Lines of --input and their answers:
  {"ids": [...], "role": "assistant"}
    ->  {"messages": [...], "repairs": [...], "error": null}
With a role, the ids follow "<|start|>" and that role; without, they begin with <|start|>. Whatever
the ids are, they give messages, and no text is lost; "repairs" says what was not well formed.
May be given too:
  "strict": true or false answers as openai-harmony does, strict or not: {"messages", "error"}
  "trace": true adds "steps", what was known before any id and after each
A line that cannot be answered gives {"error": "..."}.)");
}

}  // namespace fairlead

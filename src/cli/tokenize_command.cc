#include <fmt/ranges.h>

#include <iostream>
#include <memory>

#include "checkpoint/resolve.h"
#include "cli/command.h"
#include "cli/json_lines.h"
#include "tokenizer/jsonl.h"
#include "tokenizer/tokenizer.h"

namespace fairlead {
namespace {

struct TokenizeOptions {
  std::string model;
  std::string text;
  JsonLinesOptions lines;
  bool parse_special = false;
};

Status PrintText(const Tokenizer& tokenizer, const TokenizeOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<int32_t> ids,
                            tokenizer.Encode(options.text, options.parse_special));
  std::cout << fmt::format("{}\n", fmt::join(ids, ","));
  return {};
}

Status Run(const TokenizeOptions& options, bool has_text) {
  FAIRLEAD_ASSIGN_OR_RETURN(const ResolvedModel model, ResolveModel(options.model));
  FAIRLEAD_ASSIGN_OR_RETURN(const Tokenizer::Pointer tokenizer, Tokenizer::Open(model.dir));
  if (has_text) return PrintText(*tokenizer, options);
  return AnswerLines("tokenize", options.lines,
                     [&](std::string_view line) { return TokenizeLine(tokenizer, line); });
}

}  // namespace

void AddTokenizeCommand(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("tokenize", "Turn text into token ids, and ids into text");
  auto options = std::make_shared<TokenizeOptions>();
  command->add_option("MODEL", options->model, "Model, or a folder with just tokenizer.json")
      ->required();
  CLI::Option* text = command->add_option("--text", options->text, "Print this text's ids");
  CLI::Option* input = command->add_option("--input", options->lines.input,
                                           "JSON lines to answer; - for stdin (see below)");
  command->add_option("--output", options->lines.output, "Where the answers go; default stdout")
      ->needs(input);
  command->add_flag("--parse_special", options->parse_special,
                    "Read <|start|> and the like in --text as special tokens");
  text->excludes(input);
  command->footer(R"(
Lines of --input and their answers:
  {"text": "...", "parse_special": false}  ->  {"ids": [...]}
  {"ids": [...]}                           ->  {"text": "..."}
  {"ids": [...], "stream": true}           ->  {"chunks": [one text per id], "tail": "..."}
A line that cannot be answered gives {"error": "..."}.)");
  command->callback([options, text, input, &action] {
    if (text->count() + input->count() == 0) {
      throw CLI::RequiredError("one of --text and --input");
    }
    const bool has_text = text->count() > 0;
    action = [options, has_text] { return Run(*options, has_text); };
  });
}

}  // namespace fairlead

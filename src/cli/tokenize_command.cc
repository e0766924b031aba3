#include <fmt/ranges.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>

#include "checkpoint/resolve.h"
#include "cli/command.h"
#include "tokenizer/jsonl.h"
#include "tokenizer/tokenizer.h"

namespace fairlead {
namespace {

struct TokenizeOptions {
  std::string model;
  std::string text;
  std::string input;
  std::string output;
  bool parse_special = false;
};

Status PrintText(const Tokenizer& tokenizer, const TokenizeOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<int32_t> ids,
                            tokenizer.Encode(options.text, options.parse_special));
  std::cout << fmt::format("{}\n", fmt::join(ids, ","));
  return {};
}

// A folder opens like an empty file, and opening the output would empty an input of the same name.
Status CheckInput(const TokenizeOptions& options) {
  std::error_code ignored;
  if (std::filesystem::is_directory(options.input, ignored)) {
    return Fail(ErrorCode::kInvalidArgument, "tokenize",
                "--input {}: expected a file, got a folder", options.input);
  }
  if (std::filesystem::equivalent(options.input, options.output, ignored)) {
    return Fail(ErrorCode::kInvalidArgument, "tokenize",
                "--output {}: expected another file than --input, got the same", options.output);
  }
  return {};
}

Status AnswerLines(const Tokenizer::Pointer& tokenizer, const TokenizeOptions& options) {
  std::ifstream input_file;
  std::ofstream output_file;
  const bool to_file = !options.output.empty() && options.output != "-";
  if (options.input != "-") {
    FAIRLEAD_RETURN_IF_ERROR(CheckInput(options));
    input_file.open(options.input);
    if (!input_file) {
      return Fail(ErrorCode::kNotFound, "tokenize", "--input {}: cannot be read", options.input);
    }
  }
  if (to_file) {
    output_file.open(options.output);
    if (!output_file) {
      return Fail(ErrorCode::kIo, "tokenize", "--output {}: cannot be written", options.output);
    }
  }
  std::istream& input = options.input == "-" ? std::cin : input_file;
  std::ostream& output = to_file ? output_file : std::cout;
  // Each answer is flushed: another program may wait for it before it sends the next line.
  for (std::string line; output && std::getline(input, line);) {
    output << TokenizeLine(tokenizer, line) << '\n' << std::flush;
  }
  if (input.bad()) return Fail(ErrorCode::kIo, "tokenize", "--input: reading failed");
  if (!output.flush()) return Fail(ErrorCode::kIo, "tokenize", "--output: writing failed");
  return {};
}

Status Run(const TokenizeOptions& options, bool has_text) {
  FAIRLEAD_ASSIGN_OR_RETURN(const ResolvedModel model, ResolveModel(options.model));
  FAIRLEAD_ASSIGN_OR_RETURN(const Tokenizer::Pointer tokenizer, Tokenizer::Open(model.dir));
  if (has_text) return PrintText(*tokenizer, options);
  return AnswerLines(tokenizer, options);
}

}  // namespace

void AddTokenizeCommand(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("tokenize", "Turn text into token ids, and ids into text");
  auto options = std::make_shared<TokenizeOptions>();
  command->add_option("MODEL", options->model, "Model, or a folder with just tokenizer.json")
      ->required();
  CLI::Option* text = command->add_option("--text", options->text, "Print this text's ids");
  CLI::Option* input = command->add_option("--input", options->input,
                                           "JSON lines to answer; - for stdin (see below)");
  command->add_option("--output", options->output, "Where the answers go; default stdout")
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

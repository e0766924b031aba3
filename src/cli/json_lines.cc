#include "cli/json_lines.h"

#include <filesystem>
#include <fstream>
#include <iostream>

namespace fairlead {
namespace {

// A folder opens like an empty file, and opening the output would empty an input of the same name.
Status CheckInput(std::string_view command, const JsonLinesOptions& options) {
  std::error_code ignored;
  if (std::filesystem::is_directory(options.input, ignored)) {
    return Fail(ErrorCode::kInvalidArgument, command, "--input {}: expected a file, got a folder",
                options.input);
  }
  if (std::filesystem::equivalent(options.input, options.output, ignored)) {
    return Fail(ErrorCode::kInvalidArgument, command,
                "--output {}: expected another file than --input, got the same", options.output);
  }
  return {};
}

}  // namespace

Status AnswerLines(std::string_view command, const JsonLinesOptions& options,
                   const std::function<std::string(std::string_view line)>& answer) {
  std::ifstream input_file;
  std::ofstream output_file;
  const bool to_file = !options.output.empty() && options.output != "-";
  if (options.input != "-") {
    FAIRLEAD_RETURN_IF_ERROR(CheckInput(command, options));
    input_file.open(options.input);
    if (!input_file) {
      return Fail(ErrorCode::kNotFound, command, "--input {}: cannot be read", options.input);
    }
  }
  if (to_file) {
    output_file.open(options.output);
    if (!output_file) {
      return Fail(ErrorCode::kIo, command, "--output {}: cannot be written", options.output);
    }
  }
  std::istream& input = options.input == "-" ? std::cin : input_file;
  std::ostream& output = to_file ? output_file : std::cout;
  // Each answer is flushed: another program may wait for it before it sends the next line.
  for (std::string line; output && std::getline(input, line);) {
    output << answer(line) << '\n' << std::flush;
  }
  if (input.bad()) return Fail(ErrorCode::kIo, command, "--input: reading failed");
  if (!output.flush()) return Fail(ErrorCode::kIo, command, "--output: writing failed");
  return {};
}

}  // namespace fairlead

#include "cli/line_file.h"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <utility>

namespace fairlead {
namespace {

// What has no line breaks is no file of lines, and may have no end.
constexpr size_t kLongestLine = size_t{64} << 20;

Status ReadAll(std::istream& input, const std::string& name, std::string_view command,
               std::string& text) {
  std::string chunk(size_t{1} << 20, '\0');
  size_t line_begin = 0;
  while (input) {
    input.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    text.append(chunk, 0, static_cast<size_t>(input.gcount()));
    const size_t last_break = text.rfind('\n');
    if (last_break != std::string::npos) line_begin = last_break + 1;
    if (text.size() - line_begin > kLongestLine) {
      return Fail(ErrorCode::kInvalidArgument, command,
                  "{}: expected lines of at most {} bytes, got a longer one", name, kLongestLine);
    }
  }
  if (input.bad()) return Fail(ErrorCode::kIo, command, "{}: reading failed", name);
  return {};
}

Status ReadPath(const std::string& path, const LineFileWords& words, std::string& text) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return Fail(ErrorCode::kInvalidArgument, words.command, "{}{}: expected a file, got a folder",
                words.label, path);
  }
  std::ifstream input(path, std::ios::binary);
  if (!input) {
    return Fail(ErrorCode::kNotFound, words.command, "{}{}: cannot be read", words.label, path);
  }
  return ReadAll(input, path, words.command, text);
}

}  // namespace

std::string WithoutComponent(const std::string& message) {
  const size_t end = message.find("] ");
  return message.starts_with('[') && end != std::string::npos ? message.substr(end + 2) : message;
}

Result<LineFile> LineFile::Read(const std::string& path, const LineFileWords& words) {
  std::string name = path == "-" ? "stdin" : path;
  std::string text;
  FAIRLEAD_RETURN_IF_ERROR(path == "-" ? ReadAll(std::cin, name, words.command, text)
                                       : ReadPath(path, words, text));
  return FromText(std::move(name), std::move(text), words);
}

Result<LineFile> LineFile::FromText(std::string name, std::string whole,
                                    const LineFileWords& words) {
  LineFile file(std::move(name), words);
  std::string& text = file.text_ = std::move(whole);
  const size_t last = text.find_last_not_of(" \t\r\n");
  if (last == std::string::npos) {
    return Fail(ErrorCode::kInvalidArgument, words.command,
                "{}: expected at least one {}, got none", file.name_, words.line);
  }
  text += '\n';
  text.erase(text.find('\n', last) + 1);
  for (size_t begin = 0; begin < text.size(); begin = text.find('\n', begin) + 1) {
    file.begins_.push_back(begin);
  }
  return file;
}

std::string_view LineFile::line(size_t index) const {
  const size_t begin = begins_[index];
  const size_t end = index + 1 < begins_.size() ? begins_[index + 1] : text_.size();
  return std::string_view(text_).substr(begin, end - begin - 1);
}

Result<Json> LineFile::Parse(size_t index) const {
  const std::string place = fmt::format("{}:{}", name_, index + 1);
  auto json = ParseJson(line(index), words_.command, place);
  if (!json) return tl::unexpected(Error{ErrorCode::kInvalidArgument, json.error().message});
  return json;
}

std::string LineFile::AtLine(size_t index, const std::string& message) const {
  return fmt::format("{}:{}: {}", name_, index + 1, WithoutComponent(message));
}

}  // namespace fairlead

#include "cli/prompt_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "base/nearest.h"

namespace fairlead {
namespace {

// What has no line breaks is no file of prompts, and may have no end.
constexpr size_t kLongestLine = size_t{64} << 20;

template <typename... Args>
tl::unexpected<Error> Invalid(fmt::format_string<Args...> format, Args&&... args) {
  return Fail(ErrorCode::kInvalidArgument, "generate", format, std::forward<Args>(args)...);
}

std::string WithoutComponent(const std::string& message) {
  const size_t end = message.find("] ");
  return message.starts_with('[') && end != std::string::npos ? message.substr(end + 2) : message;
}

Status ReadAll(std::istream& input, const std::string& name, std::string& text) {
  std::string chunk(size_t{1} << 20, '\0');
  size_t line_begin = 0;
  while (input) {
    input.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    text.append(chunk, 0, static_cast<size_t>(input.gcount()));
    const size_t last_break = text.rfind('\n');
    if (last_break != std::string::npos) line_begin = last_break + 1;
    if (text.size() - line_begin > kLongestLine) {
      return Invalid("{}: expected lines of at most {} bytes, got a longer one", name,
                     kLongestLine);
    }
  }
  if (input.bad()) return Fail(ErrorCode::kIo, "generate", "{}: reading failed", name);
  return {};
}

Status CheckKeys(const Json& line) {
  std::vector<std::string> known = SettingNames();
  known.insert(known.end(), {"prompt", "prompt_ids", "id"});
  for (const auto& [key, value] : line.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      return Invalid("{}: expected no such key{}", Quoted(key), DidYouMean(key, known));
    }
  }
  return {};
}

Result<std::vector<int32_t>> ReadIds(const Json& list, int64_t vocabulary_size) {
  if (!list.is_array() || list.empty()) {
    return Invalid("prompt_ids: expected an array of token ids, got {}", Shown(list));
  }
  std::vector<int32_t> ids;
  ids.reserve(list.size());
  for (const Json& value : list) {
    // An unsigned number above int64's range looks negative and is refused with those that are.
    const int64_t id = value.is_number_integer() ? value.get<int64_t>() : -1;
    if (id < 0 || id >= vocabulary_size) {
      return Invalid("prompt_ids[{}]: expected a token id below {}, got {}", ids.size(),
                     vocabulary_size, Shown(value));
    }
    ids.push_back(static_cast<int32_t>(id));
  }
  return ids;
}

Result<Prompt> ReadPrompt(const Json& line, const GenerateSettings& defaults,
                          int64_t vocabulary_size) {
  if (!line.is_object()) return Invalid("expected an object, got {}", Shown(line));
  FAIRLEAD_RETURN_IF_ERROR(CheckKeys(line));
  Prompt prompt;
  if (line.contains("prompt") == line.contains("prompt_ids")) {
    return Invalid("expected either prompt or prompt_ids, got {}",
                   line.contains("prompt") ? "both" : "neither");
  }
  if (const auto text = line.find("prompt"); text != line.end()) {
    if (!text->is_string() || text->get_ref<const std::string&>().empty()) {
      return Invalid("prompt: expected text, got {}", Shown(*text));
    }
    prompt.text = text->get<std::string>();
  } else {
    FAIRLEAD_ASSIGN_OR_RETURN(prompt.ids, ReadIds(line["prompt_ids"], vocabulary_size));
  }
  if (const auto id = line.find("id"); id != line.end()) {
    if (!id->is_string() && !id->is_number()) {
      return Invalid("id: expected a string or a number, got {}", Shown(*id));
    }
    prompt.id = *id;
  }
  prompt.settings = defaults;
  FAIRLEAD_RETURN_IF_ERROR(ApplySettings(line, prompt.settings));
  return prompt;
}

}  // namespace

Result<PromptFile> PromptFile::Read(const std::string& path) {
  PromptFile file;
  file.name_ = path == "-" ? "stdin" : path;
  if (path == "-") {
    FAIRLEAD_RETURN_IF_ERROR(ReadAll(std::cin, file.name_, file.text_));
  } else {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) {
      return Invalid("--prompts_file {}: expected a file, got a folder", path);
    }
    std::ifstream input(path, std::ios::binary);
    if (!input) {
      return Fail(ErrorCode::kNotFound, "generate", "--prompts_file {}: cannot be read", path);
    }
    FAIRLEAD_RETURN_IF_ERROR(ReadAll(input, file.name_, file.text_));
  }
  const size_t last = file.text_.find_last_not_of(" \t\r\n");
  if (last == std::string::npos) {
    return Invalid("{}: expected at least one prompt, got none", file.name_);
  }
  file.text_ += '\n';
  file.text_.erase(file.text_.find('\n', last) + 1);
  for (size_t begin = 0; begin < file.text_.size(); begin = file.text_.find('\n', begin) + 1) {
    file.begins_.push_back(begin);
  }
  return file;
}

std::string_view PromptFile::line(size_t index) const {
  const size_t begin = begins_[index];
  const size_t end = index + 1 < begins_.size() ? begins_[index + 1] : text_.size();
  return std::string_view(text_).substr(begin, end - begin - 1);
}

std::string PromptFile::AtLine(size_t index, const std::string& message) const {
  return fmt::format("{}:{}: {}", name_, index + 1, WithoutComponent(message));
}

Result<Prompt> PromptFile::Parse(size_t index, const GenerateSettings& defaults,
                                 int64_t vocabulary_size) const {
  const std::string place = fmt::format("{}:{}", name_, index + 1);
  const auto json = ParseJson(line(index), "generate", place);
  if (!json) return tl::unexpected(Error{ErrorCode::kInvalidArgument, json.error().message});
  auto prompt = ReadPrompt(*json, defaults, vocabulary_size);
  if (!prompt) return Invalid("{}", AtLine(index, prompt.error().message));
  return prompt;
}

Result<int64_t> PromptFile::Check(const GenerateSettings& defaults, int64_t vocabulary_size) const {
  int64_t answers = 0;
  std::optional<std::string> regex;  // the last one that was found good; files tend to have one
  for (size_t i = 0; i < size(); ++i) {
    FAIRLEAD_ASSIGN_OR_RETURN(Prompt prompt, Parse(i, defaults, vocabulary_size));
    answers += prompt.settings.request.n;
    if (prompt.settings.regex == regex) {
      prompt.settings.regex.reset();
    } else if (prompt.settings.regex) {
      regex = prompt.settings.regex;
    }
    const Status valid = CheckSettings(prompt.settings, vocabulary_size);
    if (!valid) return Invalid("{}", AtLine(i, valid.error().message));
  }
  return answers;
}

}  // namespace fairlead

#include "cli/prompt_file.h"

#include <algorithm>
#include <utility>

#include "base/nearest.h"

namespace fairlead {
namespace {

template <typename... Args>
tl::unexpected<Error> Invalid(fmt::format_string<Args...> format, Args&&... args) {
  return Fail(ErrorCode::kInvalidArgument, "generate", format, std::forward<Args>(args)...);
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
  FAIRLEAD_ASSIGN_OR_RETURN(LineFile lines,
                            LineFile::Read(path, {"generate", "--prompts_file ", "prompt"}));
  return PromptFile(std::move(lines));
}

Result<Prompt> PromptFile::Parse(size_t index, const GenerateSettings& defaults,
                                 int64_t vocabulary_size) const {
  FAIRLEAD_ASSIGN_OR_RETURN(const Json json, lines_.Parse(index));
  auto prompt = ReadPrompt(json, defaults, vocabulary_size);
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

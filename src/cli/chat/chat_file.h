// A conversation in a file: openai-harmony's JSON for conversations, and the settings beside it.
#pragma once

#include <filesystem>

#include "base/error.h"
#include "cli/chat/dialogue.h"
#include "cli/generate_settings.h"

namespace fairlead {

// {"messages": [...], "settings": {"temperature": 1.0, ...}}. The file is complete or as it was. A
// new one nobody else may read; true: it took the place of one that was there, and has its mode.
// Symbolic links stay. kInvalidArgument: something is there that is no regular file.
Result<bool> SaveChat(const std::filesystem::path& path, const Dialogue& dialogue,
                      const GenerateSettings& settings);

struct LoadedChat {
  std::vector<Message> messages;  // turns
  ChatSetup setup;                // without tools: a file must not choose what is run
  size_t tools = 0;               // that the model was told about
  GenerateSettings settings;      // over those that were given
};

// Any openai-harmony conversation will do: without settings, those of `now` stay.
// kInvalidArgument, kInvalidData: one line that names file and member.
Result<LoadedChat> LoadChat(const std::filesystem::path& path, const GenerateSettings& now,
                            int64_t vocabulary_size);

// Goes on with a loaded conversation; the tools stay those of `dialogue`.
void Adopt(LoadedChat chat, Dialogue& dialogue, GenerateSettings& settings);

}  // namespace fairlead

// What every chat begins with.
#pragma once

#include <memory>

#include "cli/chat/answerer.h"
#include "cli/chat/dialogue.h"
#include "cli/chat/screen.h"

namespace fairlead {

struct ChatStart {
  std::unique_ptr<Answerer> answerer;
  Dialogue dialogue;
  GenerateSettings settings;
};

// Reads the tools and the conversation to go on with, then opens the model.
Result<ChatStart> StartChat(const ChatOptions& options);

// What stdout can show, by --color, NO_COLOR and TERM.
ScreenOptions OutputScreen(const ChatOptions& options);

}  // namespace fairlead

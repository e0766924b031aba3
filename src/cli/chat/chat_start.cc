#include "cli/chat/chat_start.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>
#include <utility>

#include "cli/chat/chat_file.h"
#include "cli/chat/terminal.h"

namespace fairlead {
namespace {

bool WantsColor() {
  const char* const value = std::getenv("NO_COLOR");
  return value == nullptr || *value == '\0';
}

}  // namespace

Result<ChatStart> StartChat(const ChatOptions& options) {
  ChatSetup setup;
  setup.effort = options.effort;
  setup.system = options.system;
  setup.developer = options.developer;
  setup.date = options.date;
  if (!options.tools_file.empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(setup.tools, ReadToolFile(options.tools_file));
  }
  ChatStart start{nullptr, Dialogue(std::move(setup)), options.generate.settings};
  FAIRLEAD_ASSIGN_OR_RETURN(start.answerer, Answerer::Create(options));
  if (!options.load_file.empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(LoadedChat chat, LoadChat(options.load_file, start.settings,
                                                        start.answerer->vocabulary_size()));
    Adopt(std::move(chat), start.dialogue, start.settings);
  }
  return start;
}

ScreenOptions OutputScreen(const ChatOptions& options) {
  const bool terminal = ::isatty(STDOUT_FILENO) != 0;
  const bool capable = terminal && HasCapableTerminal();
  ScreenOptions screen;
  screen.raw = !terminal;
  screen.moves = capable;
  screen.color = options.color == "always" || (options.color == "auto" && capable && WantsColor());
  winsize size{};
  if (capable && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    screen.columns = size.ws_col;
    screen.rows = size.ws_row;
  }
  return screen;
}

}  // namespace fairlead

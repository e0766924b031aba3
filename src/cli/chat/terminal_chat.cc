#include <cstdlib>

#include "cli/chat/chat_session.h"
#include "cli/chat/chat_start.h"
#include "cli/chat/display_text.h"

namespace fairlead {
namespace {

Status Chat(const ChatOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(ChatStart start, StartChat(options));
  UseUtf8Characters();
  FAIRLEAD_ASSIGN_OR_RETURN(const auto terminal, Terminal::Open());
  Screen screen(OutputScreen(options), [&](std::string_view text) { terminal->Write(text); });
  ChatSession session(*start.answerer, start.dialogue, start.settings, options, *terminal, screen);
  FAIRLEAD_RETURN_IF_ERROR(session.Init());
  return session.Run();
}

}  // namespace

Status ChatInTerminal(const ChatOptions& options) {
  Status status = Chat(options);
  // Everything is put away by now; what is left is to say why, as a shell does.
  if (const int signal = Terminal::ended_by(); signal != 0) std::exit(128 + signal);
  return status;
}

}  // namespace fairlead

// The terminal that a chat runs in: its keys, its signals and its size.
#pragma once

#include <termios.h>

#include <chrono>
#include <csignal>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace fairlead {

// Whether TERM names a terminal that moves its cursor when it is told to.
bool HasCapableTerminal();

// Stdin and stdout, which are a terminal. While it lives, Ctrl-C, resizing, SIGTERM, SIGQUIT and
// the end of the terminal are things to be told about. One at a time.
class Terminal {
 public:
  struct Size {
    int columns = 80;
    int rows = 24;
  };
  enum class Happening {
    kNothing,    // in the given time
    kInput,      // there is something to Take
    kInterrupt,  // Ctrl-C
    kResize,
    kContinue,  // after having been stopped: what is on the screen is unknown
    kEnd,       // of input, of the terminal, or by a signal
  };

  static Result<std::unique_ptr<Terminal>> Open();
  // Leaves the terminal as it was found.
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  // SIGTERM, SIGHUP or SIGQUIT, if it came since the last Open; else 0.
  static int ended_by();

  // Not a dumb one: colours, and a cursor that moves.
  bool capable() const { return capable_; }
  Size size() const;
  void Write(std::string_view text);

  // What happened next; a negative `limit` waits for ever.
  Happening Wait(std::chrono::milliseconds limit);
  // The next byte that was typed, after kInput.
  std::optional<char> Take();
  // Puts text before what is taken next, as if it had just been typed.
  void Unread(std::string_view text);
  // What was typed and not taken so far, which is then no longer there to take.
  std::string TakeAll();

  // Keys come one by one and are not shown; or in lines that the system lets the user edit.
  void ReadKeys();
  void ReadLines();

 private:
  Terminal() = default;
  bool AwaitRoom();
  void Read();
  void Set(const termios& mode);

  bool capable_ = false;
  bool ended_ = false;
  std::deque<char> input_;
  termios before_{};
  struct sigaction old_interrupt_ {};
  struct sigaction old_resize_ {};
  struct sigaction old_continue_ {};
  struct sigaction old_terminate_ {};
  struct sigaction old_hangup_ {};
  struct sigaction old_quit_ {};
};

}  // namespace fairlead

// Ctrl-C as a question to ask between steps.
#pragma once

#include <csignal>

namespace fairlead {

// While it lives, the first SIGINT only makes requested() true; a second one ends the program as
// usual. One at a time.
class InterruptWatch {
 public:
  InterruptWatch();
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

  static bool requested();

 private:
  struct sigaction before_ {};
};

}  // namespace fairlead

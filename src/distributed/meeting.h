// Where the threads of a group wait for each other: a barrier that can be broken.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace fairlead {

// Members arrive; the last to come is told so, does what is to be done while all others are held,
// and releases them. A member that waits leaves with an error when the meeting is broken, but never
// once all have come: whoever works may rely on the others being held until Release.
class Meeting {
 public:
  Meeting(int members, std::chrono::milliseconds deadline);

  enum class Wait {
    kDeadline,  // breaks the meeting when somebody is missing at the deadline
    kForever,   // as long as it takes, or until broken
    kHeld,      // all are sure to come soon: not to be broken
  };
  // Member `rank` comes for `call` (named in the error). True: it is the last, and must call
  // Release; false: it was released. After an error nobody meets again, except with kHeld.
  Result<bool> Arrive(int rank, std::string_view call, Wait wait);
  void Release();
  // The first call decides what every later Arrive returns.
  void Break(const Error& error);

 private:
  // Waits for the release of `generation`.
  Status WaitForRelease(uint32_t generation, std::string_view call, Wait wait);
  // Breaks the meeting for those who are missing, unless its state is no longer `seen`.
  void BreakForMissing(uint32_t seen, std::string_view call);
  Error failure() const;

  const uint32_t members_;
  const std::chrono::milliseconds deadline_;
  const bool may_spin_;
  // How many are there, whether it is broken and a count of releases: one word, so that every
  // change is decided against the others, and waited on as a futex.
  std::atomic<uint32_t> state_{0};
  struct alignas(64) Count {
    std::atomic<uint64_t> arrivals{0};
  };
  std::vector<Count> counts_;  // by rank: tells who is missing
  mutable std::mutex mutex_;
  Error failure_{};  // set when the state is broken
};

}  // namespace fairlead

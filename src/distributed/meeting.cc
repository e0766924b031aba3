#include "distributed/meeting.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <ctime>
#include <optional>
#include <string>

#include "base/thread_pool.h"

namespace fairlead {
namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

constexpr uint32_t kPresent = 0xffff;  // mask
constexpr uint32_t kBroken = 0x10000;
constexpr uint32_t kGeneration = 0x20000;  // one release; the highest bits count them

uint32_t GenerationOf(uint32_t state) { return state / kGeneration; }

// Sleeps while the word is `expected`, at most until woken or for `limit`; may return early.
void FutexWait(std::atomic<uint32_t>& word, uint32_t expected, std::optional<nanoseconds> limit) {
  timespec time{};
  if (limit) {
    time.tv_sec = static_cast<time_t>(limit->count() / 1'000'000'000);
    time.tv_nsec = static_cast<long>(limit->count() % 1'000'000'000);  // NOLINT: the field's type
  }
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAIT_PRIVATE, expected,
          limit ? &time : nullptr, nullptr, 0);
}

void FutexWakeAll(std::atomic<uint32_t>& word) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAKE_PRIVATE, INT_MAX, nullptr,
          nullptr, 0);
}

// Tells the CPU that this is a waiting loop.
void Relax() {
#if defined(__x86_64__)
  asm volatile("pause");
#endif
}

}  // namespace

Meeting::Meeting(int members, std::chrono::milliseconds deadline)
    : members_(static_cast<uint32_t>(members)),
      deadline_(deadline),
      may_spin_(members <= AvailableCpus()),
      counts_(static_cast<size_t>(members)) {}

Result<bool> Meeting::Arrive(int rank, std::string_view call, Wait wait) {
  uint32_t state = state_.load();
  do {
    if ((state & kBroken) != 0 && wait != Wait::kHeld) return tl::unexpected(failure());
  } while (!state_.compare_exchange_weak(state, state + 1));
  counts_[static_cast<size_t>(rank)].arrivals.fetch_add(1);
  if ((state & kPresent) + 1 == members_) return true;
  FAIRLEAD_RETURN_IF_ERROR(WaitForRelease(GenerationOf(state), call, wait));
  return false;
}

Status Meeting::WaitForRelease(uint32_t generation, std::string_view call, Wait wait) {
  constexpr int kSpins = 1000;  // 15 to 50 microseconds
  const steady_clock::time_point end = steady_clock::now() + deadline_;
  for (int tries = 0; true; ++tries) {
    const uint32_t state = state_.load();
    if (GenerationOf(state) != generation) return {};
    const bool may_leave = (state & kPresent) < members_ && wait != Wait::kHeld;
    if (may_leave && (state & kBroken) != 0) return tl::unexpected(failure());
    if (may_spin_ && tries < kSpins) {
      Relax();
      continue;
    }
    std::optional<nanoseconds> limit;
    if (may_leave && wait == Wait::kDeadline) limit = end - steady_clock::now();
    if (limit && limit->count() <= 0) {
      BreakForMissing(state, call);
    } else {
      FutexWait(state_, state, limit);
    }
  }
}

void Meeting::Release() {
  // Everybody waits, so that only Break can change the state at the same time.
  uint32_t state = state_.load();
  while (!state_.compare_exchange_weak(state, (state & ~kPresent) + kGeneration)) continue;
  FutexWakeAll(state_);
}

void Meeting::Break(const Error& error) {
  {
    std::lock_guard lock(mutex_);
    if ((state_.fetch_or(kBroken) & kBroken) == 0) failure_ = error;
  }
  FutexWakeAll(state_);
}

void Meeting::BreakForMissing(uint32_t seen, std::string_view call) {
  {
    std::lock_guard lock(mutex_);
    if (!state_.compare_exchange_strong(seen, seen | kBroken)) return;
    uint64_t most = 0;
    for (const Count& count : counts_) most = std::max(most, count.arrivals.load());
    std::string missing;
    for (size_t rank = 0; rank < counts_.size(); ++rank) {
      if (counts_[rank].arrivals.load() == most) continue;
      missing += fmt::format("{}{}", missing.empty() ? "" : ", ", rank);
    }
    failure_ = Fail(ErrorCode::kInternal, "group",
                    "{}: expected all {} ranks within {} ms, got nothing from rank {}", call,
                    members_, deadline_.count(), missing)
                   .value();
  }
  FutexWakeAll(state_);
}

Error Meeting::failure() const {
  std::lock_guard lock(mutex_);
  return failure_;
}

}  // namespace fairlead

// Random operations on a KvManager, every step of which runs on a fake executor: whatever is
// shared, reused, given up or overwritten, each row's logits must be those of its text alone.
#pragma once

#include <map>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "runtime/kv/kv_manager.h"
#include "tests/runtime/fake_executor.h"

namespace fairlead::testing {

class KvWalk {
 public:
  // `longest` is the length at which sequences end.
  KvWalk(uint32_t seed, const FakeLimits& limits, bool prefix_cache, int longest);

  // Stops at the first failure.
  void Run(int operations);

  // With room for everything that was ever committed: every admission must find the longest
  // beginning in whole pages, and nothing is truncated.
  bool nothing_is_lost = false;
  int steps = 0, refused_admissions = 0, refused_reserves = 0, truncations = 0;
  int refused_truncations = 0, forks = 0, shared_by_forks = 0;
  KvStatistics statistics() const { return kv_->statistics(); }

 private:
  struct Sequence {
    std::vector<int32_t> tokens;  // its committed text
    std::vector<int32_t> coming;  // what it was admitted with
    int promised = 0;
  };

  int Below(int end) { return static_cast<int>(random_() % static_cast<uint32_t>(end)); }
  // The longest beginning of any committed text, in whole pages and without the last token.
  int LongestKnown(const std::vector<int32_t>& text) const;
  // Long common beginnings, small differences.
  std::vector<int32_t> NewText();
  void Operate();
  void Admit();
  void Fork();
  // One step of one to three sequences, with drafts that are rejected.
  void Step();
  void Truncate();
  void Release();
  // Some live sequence.
  int AnySlot();
  void Check();

  std::mt19937 random_;
  FakeExecutor executor_;
  std::unique_ptr<KvManager> kv_;
  int window_;
  int longest_;
  std::map<int, Sequence> live_;             // by slot
  std::vector<std::vector<int32_t>> texts_;  // that were asked for
  std::vector<std::vector<int32_t>> ended_;  // that were committed
};

}  // namespace fairlead::testing

// A backend whose executors are the ranks of a fake model: they meet in every step, compute simple
// values, and note what they do.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "backends/backend.h"
#include "tests/runtime/fake_executor.h"

namespace fairlead::testing {

// What a rank shall do, and what it did.
struct RankNotes {
  bool fails_to_load = false;
  int fails_in_step = -1;  // counted from 0
  bool fails_before_meeting = false;
  std::string slow_value = {};  // it sleeps before this one

  int threads = 0;
  std::thread::id loaded_by = {};
  std::vector<std::vector<std::byte>> plans = {};             // as SerialisePlan gives them
  std::map<std::string, std::vector<std::byte>> values = {};  // of the last step, after the tap
};

class FakeRanks : public Backend {
 public:
  // How many executors exist.
  int alive() const { return alive_; }
  // Of a rank; to be read when it does nothing.
  RankNotes& notes(int rank) { return notes_.at(static_cast<size_t>(rank)); }

  std::string_view name() const override { return "fake"; }
  Layout ChooseLayout(const Parameter&, StorageFormat) const override { return {}; }
  Result<std::unique_ptr<Executor>> Load(std::shared_ptr<const Program> program,
                                         const ExecutorOptions& options) const override;

 private:
  mutable std::vector<RankNotes> notes_ = std::vector<RankNotes>(8);
  mutable std::atomic<int> alive_{0};
};

// Element (row, column) of every value of the fake model.
inline float FakeValue(int64_t row, int64_t column) {
  return static_cast<float>(row * 1000 + column);
}

// A program with FakeFacts and these values; the fake computes them in this order.
std::shared_ptr<const Program> FakeProgram(const std::vector<ValueInfo>& values = {});

}  // namespace fairlead::testing

// Runs schedules and keeps what came out, row by row.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "backends/backend.h"
#include "base/cpu_features.h"
#include "tests/support/plans.h"

namespace fairlead::testing {

// A backend as tests run it.
struct Variant {
  std::string name;  // "reference", "cpu_avx2"
  const Backend* backend = nullptr;
  Isa isa = Isa::kScalar;
};

// `backend` once for every instruction set this CPU has.
std::vector<Variant> IsaVariants(const Backend& backend);

// Makes what is loaded during its life use one instruction set (FAIRLEAD_FORCE_ISA).
class ForcedIsa {
 public:
  explicit ForcedIsa(Isa isa);
  ~ForcedIsa();
  ForcedIsa(const ForcedIsa&) = delete;
  ForcedIsa& operator=(const ForcedIsa&) = delete;
};

// Loads with the variant's instruction set.
Result<std::unique_ptr<Executor>> LoadVariant(const Variant& variant,
                                              std::shared_ptr<const Program> program,
                                              const ExecutorOptions& options);

// The bytes of a value's row, by slot and position.
using RowBytes = std::map<std::pair<int, int>, std::vector<std::byte>>;

// The rows of every wanted value over a whole schedule; "logits" holds what the steps returned.
using Trace = std::map<std::string, RowBytes>;

// What to take down of a run besides the logits, and of which rows those are wanted.
struct Recording {
  std::vector<std::string> names;  // values with one row per token
  bool odd_positions_only = false;
};

// Runs every step of the schedule.
Result<Trace> RunSchedule(Executor& executor, const Schedule& schedule,
                          const std::vector<Sequence>& sequences, const SlotPages& pages,
                          const Recording& recording = {});

// How far two float values are apart: the largest difference over the largest magnitude in
// `expected`. Infinite where the rows differ in number or size, or a number is not finite.
double RelativeDistance(const RowBytes& expected, const RowBytes& found);

}  // namespace fairlead::testing

#include "tests/support/run.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace fairlead::testing {
namespace {

constexpr const char* kForceIsa = "FAIRLEAD_FORCE_ISA";

// Where each row of a step belongs.
std::vector<std::pair<int, int>> RowKeys(const std::vector<Span>& spans) {
  std::vector<std::pair<int, int>> keys;
  for (const Span& span : spans) {
    for (int i = 0; i < span.token_count; ++i) keys.push_back({span.slot, span.start_position + i});
  }
  return keys;
}

void AddRows(const std::vector<std::pair<int, int>>& keys, std::span<const std::byte> bytes,
             RowBytes& rows) {
  if (keys.empty()) return;
  const size_t size = bytes.size() / keys.size();
  for (size_t i = 0; i < keys.size(); ++i) {
    const auto row = bytes.subspan(i * size, size);
    rows[keys[i]].assign(row.begin(), row.end());
  }
}

void KeepOddPositions(StepPlan& plan, std::vector<std::pair<int, int>>& keys) {
  plan.output_rows.clear();
  std::vector<std::pair<int, int>> kept;
  for (size_t row = 0; row < keys.size(); ++row) {
    if (keys[row].second % 2 == 0) continue;
    plan.output_rows.push_back(static_cast<int32_t>(row));
    kept.push_back(keys[row]);
  }
  keys = std::move(kept);
}

class Recorder : public ValueTap {
 public:
  explicit Recorder(std::vector<std::string> names) : names_(std::move(names)) {}

  bool Wants(std::string_view name) const override {
    return std::find(names_.begin(), names_.end(), name) != names_.end();
  }
  Status Visit(std::string_view name, DType, const Shape& shape,
               std::span<std::byte> bytes) override {
    if (shape[0] != static_cast<int64_t>(keys.size())) {
      return Fail(ErrorCode::kInternal, "test", "{}: expected {} rows, got {}", name, keys.size(),
                  shape[0]);
    }
    AddRows(keys, bytes, trace[std::string(name)]);
    return {};
  }

  std::vector<std::pair<int, int>> keys;  // of the step being run
  Trace trace;

 private:
  std::vector<std::string> names_;
};

}  // namespace

std::vector<Variant> IsaVariants(const Backend& backend) {
  std::vector<Variant> variants;
  for (Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
    if (!CpuSupports(isa)) continue;
    variants.push_back({fmt::format("{}_{}", backend.name(), IsaName(isa)), &backend, isa});
  }
  return variants;
}

ForcedIsa::ForcedIsa(Isa isa) { setenv(kForceIsa, std::string(IsaName(isa)).c_str(), 1); }

ForcedIsa::~ForcedIsa() { unsetenv(kForceIsa); }

Result<std::unique_ptr<Executor>> LoadVariant(const Variant& variant,
                                              std::shared_ptr<const Program> program,
                                              const ExecutorOptions& options) {
  const ForcedIsa forced(variant.isa);
  return variant.backend->Load(std::move(program), options);
}

Result<Trace> RunSchedule(Executor& executor, const Schedule& schedule,
                          const std::vector<Sequence>& sequences, const SlotPages& pages,
                          const Recording& recording) {
  Recorder recorder(recording.names);
  executor.SetTap(&recorder);
  for (const std::vector<Span>& spans : schedule) {
    recorder.keys = RowKeys(spans);
    StepPlan plan = MakePlan(spans, sequences, pages);
    std::vector<std::pair<int, int>> output_keys = recorder.keys;
    if (recording.odd_positions_only) KeepOddPositions(plan, output_keys);
    auto result = executor.Step(plan);
    if (!result) {
      executor.SetTap(nullptr);
      return tl::unexpected<Error>(std::move(result).error());
    }
    AddRows(output_keys, result->logits.bytes, recorder.trace["logits"]);
  }
  executor.SetTap(nullptr);
  return std::move(recorder.trace);
}

double RelativeDistance(const RowBytes& expected, const RowBytes& found) {
  constexpr double kFar = std::numeric_limits<double>::infinity();
  if (expected.size() != found.size()) return kFar;
  double largest = 0, distance = 0;
  for (const auto& [key, row] : expected) {
    const auto other = found.find(key);
    if (other == found.end() || other->second.size() != row.size()) return kFar;
    for (size_t i = 0; i < row.size(); i += sizeof(float)) {
      float a, b;
      std::memcpy(&a, row.data() + i, sizeof(float));
      std::memcpy(&b, other->second.data() + i, sizeof(float));
      if (!std::isfinite(a) || !std::isfinite(b)) return kFar;
      largest = std::max(largest, std::abs(double{a}));
      distance = std::max(distance, std::abs(double{a} - double{b}));
    }
  }
  return distance == 0 ? 0 : largest == 0 ? kFar : distance / largest;
}

}  // namespace fairlead::testing

#include "distributed/group.h"

#include <algorithm>
#include <mutex>
#include <optional>

namespace fairlead {
namespace {

class SingleRank final : public Group {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }

  Status AllReduceSum(std::span<const float> input, std::span<float> output) override {
    FAIRLEAD_RETURN_IF_ERROR(Barrier());
    FAIRLEAD_RETURN_IF_ERROR(CheckAllReduce(input, output));
    std::copy(input.begin(), input.end(), output.begin());
    return {};
  }

  Status AllGatherColumns(std::span<const float> input, int64_t rows,
                          std::span<const int64_t> parts, std::span<float> output) override {
    FAIRLEAD_RETURN_IF_ERROR(Barrier());
    FAIRLEAD_RETURN_IF_ERROR(CheckAllGather(*this, input, rows, parts, output));
    std::copy(input.begin(), input.end(), output.begin());
    return {};
  }

  Status Send(std::span<const std::byte> /*message*/) override { return Barrier(); }

  Result<std::vector<std::byte>> Receive() override {
    FAIRLEAD_RETURN_IF_ERROR(Barrier());
    return Fail(ErrorCode::kInternal, "group", "receive: expected another rank, got rank 0");
  }

  Status Barrier() override {
    std::lock_guard lock(mutex_);
    if (failure_) return tl::unexpected(*failure_);
    return {};
  }

  void Abort(const Error& error) override {
    std::lock_guard lock(mutex_);
    if (!failure_) failure_ = error;
  }

 private:
  std::mutex mutex_;
  std::optional<Error> failure_;
};

// Whether `size` is rows x columns.
bool IsProduct(size_t size, int64_t rows, int64_t columns) {
  int64_t product = 0;
  return rows >= 0 && columns >= 0 && !__builtin_mul_overflow(rows, columns, &product) &&
         static_cast<uint64_t>(product) == size;
}

}  // namespace

std::shared_ptr<Group> SingleGroup() { return std::make_shared<SingleRank>(); }

Status CheckAllReduce(std::span<const float> input, std::span<const float> output) {
  if (input.size() != output.size()) {
    return Fail(ErrorCode::kInternal, "group", "all_reduce: expected {} outputs, got {}",
                input.size(), output.size());
  }
  return {};
}

Status CheckAllGather(const Group& group, std::span<const float> input, int64_t rows,
                      std::span<const int64_t> parts, std::span<const float> output) {
  if (static_cast<int64_t>(parts.size()) != group.size()) {
    return Fail(ErrorCode::kInternal, "group", "all_gather: expected {} parts, got {}",
                group.size(), parts.size());
  }
  int64_t columns = 0;
  for (int64_t part : parts) {
    if (part < 0 || __builtin_add_overflow(columns, part, &columns)) {
      return Fail(ErrorCode::kInternal, "group", "all_gather: expected columns, got {}", part);
    }
  }
  const int64_t own = parts[static_cast<size_t>(group.rank())];
  if (!IsProduct(input.size(), rows, own) || !IsProduct(output.size(), rows, columns)) {
    return Fail(ErrorCode::kInternal, "group",
                "all_gather: expected {} rows of {} and {} columns, got {} and {} elements", rows,
                own, columns, input.size(), output.size());
  }
  return {};
}

}  // namespace fairlead

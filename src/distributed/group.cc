#include "distributed/group.h"

#include "distributed/thread_group.h"

namespace fairlead {
namespace {

// Whether `size` is rows x columns.
bool IsProduct(size_t size, int64_t rows, int64_t columns) {
  int64_t product = 0;
  return rows >= 0 && columns >= 0 && !__builtin_mul_overflow(rows, columns, &product) &&
         static_cast<uint64_t>(product) == size;
}

}  // namespace

std::shared_ptr<Group> SingleGroup() { return ThreadGroups(1).front(); }

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

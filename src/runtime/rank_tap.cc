#include "runtime/rank_tap.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <numeric>

namespace fairlead {
namespace {

using Split = SharedTap::Split;

// Elements are 4 bytes, f32 or i32; they travel as floats, whose bits nobody looks at.
constexpr size_t kElement = sizeof(float);

// Calls copy(whole, part) for every run of columns that `rank` holds, in all rows: `whole` is the
// offset of its first element in the whole value, `part` that in the matrix whose rows have
// `stride` columns and in which the rank's part begins at `start`.
template <typename Copy>
void ForEachRun(const Split& split, size_t rank, int64_t rows, int64_t start, int64_t stride,
                const Copy& copy) {
  for (int64_t row = 0; row < rows; ++row) {
    int64_t part = row * stride + start;
    for (const Range& range : split.held[rank]) {
      copy(row * split.size + range.start, part, range.count);
      part += range.count;
    }
  }
}

// The ranks' parts, side by side, put where they belong. Columns that several ranks hold are equal.
std::vector<float> Assemble(const Split& split, int64_t rows, std::span<const float> parts) {
  std::vector<float> whole(static_cast<size_t>(rows * split.size));
  const int64_t stride = rows == 0 ? 0 : static_cast<int64_t>(parts.size()) / rows;
  int64_t start = 0;
  for (size_t rank = 0; rank < split.held.size(); ++rank) {
    ForEachRun(split, rank, rows, start, stride, [&](int64_t to, int64_t from, int64_t count) {
      std::copy_n(parts.data() + from, count, whole.data() + to);
    });
    start += split.parts[rank];
  }
  return whole;
}

// Adds what one rank's graph says about a value; an error when it contradicts the others'.
Status AddRank(const ValueInfo& value, size_t rank, Split& split) {
  const Axis& columns = value.columns;
  if (split.held.size() != rank || split.size != columns.size || split.partial != value.partial) {
    return Fail(ErrorCode::kInternal, "tap",
                "{}: expected the same value on every rank, got "
                "another on rank {}",
                value.name, rank);
  }
  split.held.push_back(columns.ranges());
  split.parts.push_back(columns.count());
  for (const Range& range : columns.held) {
    if (range.start < 0 || range.count < 0 || range.start > columns.size - range.count) {
      return Fail(ErrorCode::kInternal, "tap", "{}: expected parts of {} columns, got {} from {}",
                  value.name, columns.size, range.count, range.start);
    }
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<SharedTap>> SharedTap::Create(const std::vector<const Graph*>& ranks) {
  auto shared = std::make_shared<SharedTap>();
  for (size_t rank = 0; rank < ranks.size(); ++rank) {
    for (const ValueInfo& value : ranks[rank]->values) {
      if (!std::holds_alternative<std::monostate>(value.origin)) continue;  // no node computes it
      auto found = shared->splits_.find(value.name);
      if (found == shared->splits_.end()) {
        Split fresh{value.partial, value.columns.size, {}, {}};
        found = shared->splits_.emplace(value.name, std::move(fresh)).first;
      }
      FAIRLEAD_RETURN_IF_ERROR(AddRank(value, rank, found->second));
    }
  }
  for (const auto& [name, split] : shared->splits_) {
    if (split.held.size() == ranks.size()) continue;
    return Fail(ErrorCode::kInternal, "tap", "{}: expected the value on all {} ranks, got {}", name,
                ranks.size(), split.held.size());
  }
  std::erase_if(shared->splits_, [&](const auto& named) {
    const Split& split = named.second;
    return !split.partial && std::ranges::all_of(split.held, [&](const auto& held) {
      return held == std::vector<Range>{{0, split.size}};
    });
  });
  return shared;
}

void SharedTap::Set(ValueTap* tap) {
  std::unique_lock lock(mutex_);
  tap_ = tap;
}

bool SharedTap::Wants(std::string_view name) const {
  const Split* split = Find(name);
  if (split != nullptr && split->partial) return false;
  std::shared_lock lock(mutex_);
  return tap_ != nullptr && tap_->Wants(name);
}

const Split* SharedTap::Find(std::string_view name) const {
  const auto found = splits_.find(name);
  return found == splits_.end() ? nullptr : &found->second;
}

Status RankTap::Visit(std::string_view name, DType dtype, const Shape& shape,
                      std::span<std::byte> bytes) {
  const Split* split = shared_->Find(name);
  if (split == nullptr) return Show(name, dtype, shape, bytes);
  const auto rank = static_cast<size_t>(group_->rank());
  const int64_t own = split->parts[rank];
  const auto elements = static_cast<size_t>(NumElements(shape));
  if (shape.empty() || shape.back() != own || bytes.size() != elements * kElement) {
    return Fail(ErrorCode::kInternal, "tap", "{}: expected {} columns, got shape {} in {} bytes",
                name, own, ShapeString(shape), bytes.size());
  }
  Shape whole_shape = shape;
  whole_shape.back() = 1;
  const int64_t rows = NumElements(whole_shape);
  whole_shape.back() = split->size;
  const int64_t columns = std::accumulate(split->parts.begin(), split->parts.end(), int64_t{0});
  std::vector<float> part(elements);
  std::memcpy(part.data(), bytes.data(), bytes.size());
  std::vector<float> parts(static_cast<size_t>(rows * columns));
  FAIRLEAD_RETURN_IF_ERROR(group_->AllGatherColumns(part, rows, split->parts, parts));
  std::vector<float> whole = Assemble(*split, rows, parts);
  FAIRLEAD_RETURN_IF_ERROR(
      Show(name, dtype, whole_shape, std::as_writable_bytes(std::span(whole))));
  ForEachRun(*split, rank, rows, 0, own, [&](int64_t from, int64_t to, int64_t count) {
    std::copy_n(whole.data() + from, count, part.data() + to);
  });
  std::memcpy(bytes.data(), part.data(), bytes.size());
  return {};
}

Status RankTap::Show(std::string_view name, DType dtype, const Shape& shape,
                     std::span<std::byte> whole) {
  if (group_->rank() == 0) {
    FAIRLEAD_RETURN_IF_ERROR(shared_->tap()->Visit(name, dtype, shape, whole));
    return group_->Send(whole);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<std::byte> shown, group_->Receive());
  if (shown.size() != whole.size()) {
    return Fail(ErrorCode::kInternal, "tap", "{}: expected {} bytes from rank 0, got {}", name,
                whole.size(), shown.size());
  }
  std::copy(shown.begin(), shown.end(), whole.begin());
  return {};
}

}  // namespace fairlead

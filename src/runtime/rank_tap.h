// A user's tap on a model that several ranks share: it sees whole values, once, whatever part of
// them each rank computes.
#pragma once

#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "backends/backend.h"
#include "distributed/group.h"
#include "graph/graph.h"

namespace fairlead {

// What the ranks' taps share: the user's tap, and who holds which part of a value.
class SharedTap {
 public:
  // How a value lies on the ranks.
  struct Split {
    bool partial = false;                  // only the sum has a meaning; not shown
    int64_t size = 0;                      // columns of the whole value
    std::vector<std::vector<Range>> held;  // by rank, in the order of its columns
    std::vector<int64_t> parts;            // by rank: columns it has, repeated ones included
  };

  // `ranks` are the graphs of all ranks. kInternal when they do not agree about a value.
  static Result<std::shared_ptr<SharedTap>> Create(const std::vector<const Graph*>& ranks);

  // nullptr removes the tap. When this returns, no rank uses the one before, nor will.
  void Set(ValueTap* tap);
  // Any rank asks, at any time: the user's Wants must allow that.
  bool Wants(std::string_view name) const;
  // Rank 0's, in the thread that calls Set.
  ValueTap* tap() const { return tap_; }
  // nullptr for a value that every rank holds whole.
  const Split* Find(std::string_view name) const;

 private:
  mutable std::shared_mutex mutex_;
  ValueTap* tap_ = nullptr;
  std::map<std::string, Split, std::less<>> splits_;
};

// The tap of one rank's executor. Visit is collective: all ranks visit the same values in the same
// order. Rank 0 shows the whole value to the user; what the user changed goes to all ranks.
class RankTap final : public ValueTap {
 public:
  RankTap(std::shared_ptr<const SharedTap> shared, std::shared_ptr<Group> group)
      : shared_(std::move(shared)), group_(std::move(group)) {}

  bool Wants(std::string_view name) const override { return shared_->Wants(name); }
  Status Visit(std::string_view name, DType dtype, const Shape& shape,
               std::span<std::byte> bytes) override;

 private:
  // Shows `whole` on rank 0; afterwards it holds the same on all ranks.
  Status Show(std::string_view name, DType dtype, const Shape& shape, std::span<std::byte> whole);

  std::shared_ptr<const SharedTap> shared_;
  std::shared_ptr<Group> group_;
};

}  // namespace fairlead

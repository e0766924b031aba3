// The ranks that share a model, as one of them sees the others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/error.h"

namespace fairlead {

// Every call but Abort is collective: all ranks make it, in the same order, with sizes that agree.
// A rank that stays away past the group's deadline, sizes that differ and Abort are errors that
// name the ranks they are about. They break the group for good: every later call of every rank
// returns the first of them. One thread per rank; any thread may call Abort.
class Group {
 public:
  virtual ~Group() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  // output[i] = sum over the ranks of input[i], added in rank order, so that it is the same on
  // every rank and in every run. `input` and `output` do not overlap.
  virtual Status AllReduceSum(std::span<const float> input, std::span<float> output) = 0;
  // The ranks' [rows, parts[rank]] matrices side by side: `output` is [rows, sum of parts] on every
  // rank. `input` and `output` do not overlap.
  virtual Status AllGatherColumns(std::span<const float> input, int64_t rows,
                                  std::span<const int64_t> parts, std::span<float> output) = 0;
  // A message of rank 0 to all others: rank 0 calls Send, the others Receive. Receive waits as long
  // as it takes, because a group is idle between requests; all other waits have a deadline.
  virtual Status Send(std::span<const std::byte> message) = 0;
  virtual Result<std::vector<std::byte>> Receive() = 0;
  // Returns when all ranks have come.
  virtual Status Barrier() = 0;
  // Ends all waits of all ranks, now and later, with this error.
  virtual void Abort(const Error& error) = 0;
};

// A group of one rank: collectives copy.
std::shared_ptr<Group> SingleGroup();

// What every implementation refuses before it talks to others; kInternal.
Status CheckAllReduce(std::span<const float> input, std::span<const float> output);
Status CheckAllGather(const Group& group, std::span<const float> input, int64_t rows,
                      std::span<const int64_t> parts, std::span<const float> output);

}  // namespace fairlead

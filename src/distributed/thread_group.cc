#include "distributed/thread_group.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "distributed/meeting.h"

namespace fairlead {
namespace {

enum class Kind { kAllReduce, kAllGather, kMessage, kBarrier };

std::string_view KindName(Kind kind) {
  constexpr std::array<std::string_view, 4> kNames{"all_reduce", "all_gather", "message",
                                                   "barrier"};
  return kNames[static_cast<size_t>(kind)];
}

// What one rank brings to a call.
struct Call {
  Kind kind = Kind::kBarrier;
  std::span<const float> input = {};
  std::span<float> output = {};
  int64_t rows = 0;                            // kAllGather
  std::span<const int64_t> parts = {};         // kAllGather
  std::span<const std::byte> message = {};     // kMessage, rank 0
  std::vector<std::byte>* received = nullptr;  // kMessage, other ranks
};

// Elements [first, last) of the sum, into every rank's output.
void Reduce(const std::vector<Call>& calls, size_t first, size_t last) {
  std::array<float, 512> sum;
  for (size_t begin = first; begin < last; begin += sum.size()) {
    const size_t count = std::min(sum.size(), last - begin);
    std::copy_n(calls[0].input.begin() + static_cast<ptrdiff_t>(begin), count, sum.begin());
    for (size_t rank = 1; rank < calls.size(); ++rank) {
      const float* addend = calls[rank].input.data() + begin;
      for (size_t i = 0; i < count; ++i) sum[i] += addend[i];
    }
    for (const Call& call : calls) std::copy_n(sum.begin(), count, call.output.data() + begin);
  }
}

// Fills the output of one rank.
void Gather(const std::vector<Call>& calls, const Call& to) {
  float* output = to.output.data();
  for (int64_t row = 0; row < to.rows; ++row) {
    for (size_t rank = 0; rank < calls.size(); ++rank) {
      output = std::copy_n(calls[rank].input.data() + row * to.parts[rank], to.parts[rank], output);
    }
  }
}

// Part `part` of `parts` of the work that the call is.
void RunPart(const std::vector<Call>& calls, size_t part, size_t parts) {
  if (calls[0].kind == Kind::kAllReduce) {
    // Whole cache lines, so that two ranks seldom write to the same one.
    const size_t size = calls[0].input.size();
    const size_t chunk = (size / parts / 16 + 1) * 16;
    Reduce(calls, std::min(size, part * chunk), std::min(size, (part + 1) * chunk));
    return;
  }
  for (size_t rank = part; rank < calls.size(); rank += parts) {
    const Call& call = calls[rank];
    if (call.kind == Kind::kAllGather) Gather(calls, call);
    if (call.received != nullptr) {
      call.received->assign(calls[0].message.begin(), calls[0].message.end());
    }
  }
}

// Whether all ranks mean the same.
Status CheckCalls(const std::vector<Call>& calls) {
  const Call& first = calls[0];
  const std::string_view name = KindName(first.kind);
  for (size_t rank = 1; rank < calls.size(); ++rank) {
    const Call& call = calls[rank];
    if (call.kind != first.kind) {
      return Fail(ErrorCode::kInternal, "group",
                  "{}: expected the same call from every rank, got {} from rank {}", name,
                  KindName(call.kind), rank);
    }
    if (first.kind == Kind::kAllReduce && call.input.size() != first.input.size()) {
      return Fail(ErrorCode::kInternal, "group",
                  "{}: expected {} elements as from rank 0, got {} from rank {}", name,
                  first.input.size(), call.input.size(), rank);
    }
    if (call.rows != first.rows || !std::ranges::equal(call.parts, first.parts)) {
      return Fail(ErrorCode::kInternal, "group",
                  "{}: expected {} rows and the parts of rank 0, got {} rows or other parts from "
                  "rank {}",
                  name, first.rows, call.rows, rank);
    }
  }
  return {};
}

// What the ranks share.
class Team {
 public:
  Team(int ranks, std::chrono::milliseconds deadline)
      : meeting_(ranks, deadline), calls_(static_cast<size_t>(ranks)) {}

  int size() const { return static_cast<int>(calls_.size()); }
  void Break(const Error& error) { meeting_.Break(error); }

  // Brings a rank's call together with those of the others.
  Status Run(int rank, const Call& call, Meeting::Wait wait);

 private:
  // The last rank that comes decides how all go on.
  void Decide();

  Meeting meeting_;
  std::vector<Call> calls_;  // by rank; read only while every rank is held or works
  Status verdict_;
  bool share_work_ = false;
};

void Team::Decide() {
  // Up to here one thread moves the data sooner than many meet a second time.
  constexpr size_t kElementsAlone = 1 << 15;
  verdict_ = CheckCalls(calls_);
  if (!verdict_) meeting_.Break(verdict_.error());
  size_t elements = 0;
  for (const Call& call : calls_) elements += call.output.size();
  share_work_ = verdict_.has_value() && elements > kElementsAlone;
  if (verdict_ && !share_work_) RunPart(calls_, 0, 1);
}

Status Team::Run(int rank, const Call& call, Meeting::Wait wait) {
  const std::string_view name = KindName(call.kind);
  calls_[static_cast<size_t>(rank)] = call;
  FAIRLEAD_ASSIGN_OR_RETURN(bool last, meeting_.Arrive(rank, name, wait));
  if (last) {
    Decide();
    meeting_.Release();
  }
  if (!share_work_) return verdict_;
  RunPart(calls_, static_cast<size_t>(rank), calls_.size());
  FAIRLEAD_ASSIGN_OR_RETURN(last, meeting_.Arrive(rank, name, Meeting::Wait::kHeld));
  if (last) meeting_.Release();
  return {};
}

class ThreadGroup final : public Group {
 public:
  ThreadGroup(std::shared_ptr<Team> team, int rank) : team_(std::move(team)), rank_(rank) {}

  int rank() const override { return rank_; }
  int size() const override { return team_->size(); }

  Status AllReduceSum(std::span<const float> input, std::span<float> output) override {
    FAIRLEAD_RETURN_IF_ERROR(Checked(CheckAllReduce(input, output)));
    Call call{.kind = Kind::kAllReduce, .input = input, .output = output};
    return team_->Run(rank_, call, Meeting::Wait::kDeadline);
  }

  Status AllGatherColumns(std::span<const float> input, int64_t rows,
                          std::span<const int64_t> parts, std::span<float> output) override {
    FAIRLEAD_RETURN_IF_ERROR(Checked(CheckAllGather(*this, input, rows, parts, output)));
    Call call{Kind::kAllGather, input, output, rows, parts};
    return team_->Run(rank_, call, Meeting::Wait::kDeadline);
  }

  Status Send(std::span<const std::byte> message) override {
    FAIRLEAD_RETURN_IF_ERROR(Checked(CheckSender(rank_ == 0, "send")));
    Call call{.kind = Kind::kMessage, .message = message};
    return team_->Run(rank_, call, Meeting::Wait::kDeadline);
  }

  Result<std::vector<std::byte>> Receive() override {
    FAIRLEAD_RETURN_IF_ERROR(Checked(CheckSender(rank_ != 0, "receive")));
    std::vector<std::byte> message;
    Call call{.kind = Kind::kMessage, .received = &message};
    FAIRLEAD_RETURN_IF_ERROR(team_->Run(rank_, call, Meeting::Wait::kForever));
    return message;
  }

  Status Barrier() override { return team_->Run(rank_, Call{}, Meeting::Wait::kDeadline); }

  void Abort(const Error& error) override { team_->Break(error); }

 private:
  // A call that is wrong by itself ends the group: the others would wait for it in vain.
  Status Checked(Status status) {
    if (status) return status;
    team_->Break(status.error());
    return Barrier();  // the first error
  }

  Status CheckSender(bool right, std::string_view call) const {
    if (right) return {};
    return Fail(ErrorCode::kInternal, "group",
                "{}: expected rank 0 to send to all others, got rank {}", call, rank_);
  }

  std::shared_ptr<Team> team_;
  int rank_;
};

}  // namespace

std::vector<std::shared_ptr<Group>> ThreadGroups(int ranks, std::chrono::milliseconds deadline) {
  auto team = std::make_shared<Team>(ranks, deadline);
  std::vector<std::shared_ptr<Group>> groups;
  groups.reserve(static_cast<size_t>(ranks));
  for (int rank = 0; rank < ranks; ++rank) {
    groups.push_back(std::make_shared<ThreadGroup>(team, rank));
  }
  return groups;
}

}  // namespace fairlead

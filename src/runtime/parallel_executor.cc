#include "runtime/parallel_executor.h"

#include <algorithm>
#include <system_error>
#include <thread>
#include <utility>

#include "backends/step_plan_wire.h"
#include "distributed/thread_group.h"
#include "runtime/rank_tap.h"

namespace fairlead {
namespace {

// What rank 0 tells the others: the first byte of a message.
enum class Order : uint8_t { kStop, kStep, kTapOn, kTapOff };  // a plan follows kStep

Status SendOrder(Group& group, Order order, std::span<const std::byte> plan = {}) {
  std::vector<std::byte> message{static_cast<std::byte>(order)};
  message.insert(message.end(), plan.begin(), plan.end());
  return group.Send(message);
}

// Ends the group with an error of this rank. Returns the first error of the group: when another
// rank failed before, that is what ended this one.
tl::unexpected<Error> EndGroup(Group& group, const Error& error) {
  group.Abort({error.code, fmt::format("rank {}: {}", group.rank(), error.message)});
  return tl::unexpected(group.Barrier().error());
}

Status FollowStep(Executor& executor, std::span<const std::byte> bytes) {
  FAIRLEAD_ASSIGN_OR_RETURN(const StepPlan plan, ParsePlan(bytes));
  FAIRLEAD_RETURN_IF_ERROR(executor.Step(plan));
  return {};
}

// A rank's thread, from loading to the end.
void RunFollower(const Backend& backend, std::shared_ptr<const Program> program,
                 const ExecutorOptions& options, std::shared_ptr<const SharedTap> shared) {
  Group& group = *options.group;
  const Result<std::unique_ptr<Executor>> executor = backend.Load(std::move(program), options);
  if (!executor) {
    EndGroup(group, executor.error());
    return;
  }
  RankTap tap(std::move(shared), options.group);
  // The barrier tells rank 0 that this rank has loaded. Rank 0 learns of errors from the group.
  if (group.Barrier()) static_cast<void>(Follow(**executor, group, &tap));
}

class ParallelExecutor final : public Executor {
 public:
  ParallelExecutor(std::shared_ptr<Group> group, std::shared_ptr<SharedTap> shared)
      : group_(std::move(group)), shared_(std::move(shared)), tap_(shared_, group_) {}

  ~ParallelExecutor() override {
    // Where this fails, the group is broken and the ranks have ended by themselves.
    static_cast<void>(SendOrder(*group_, Order::kStop));
    for (std::thread& thread : followers_) thread.join();
  }

  // Starts the other ranks and loads rank 0. After an error the group is broken.
  Status Start(const Backend& backend, std::vector<std::shared_ptr<const Program>> ranks,
               const std::vector<std::shared_ptr<Group>>& groups, ExecutorOptions options);

  const Capabilities& capabilities() const override { return own_->capabilities(); }
  Result<StepResult> Step(const StepPlan& plan) override;
  void SetTap(ValueTap* tap) override;

 private:
  std::shared_ptr<Group> group_;
  std::shared_ptr<SharedTap> shared_;
  RankTap tap_;
  ModelFacts facts_;
  std::unique_ptr<Executor> own_;  // rank 0
  std::vector<std::thread> followers_;
};

Status ParallelExecutor::Start(const Backend& backend,
                               std::vector<std::shared_ptr<const Program>> ranks,
                               const std::vector<std::shared_ptr<Group>>& groups,
                               ExecutorOptions options) {
  facts_ = ranks[0]->facts;
  followers_.reserve(ranks.size() - 1);
  options.threads = std::max(1, options.threads / static_cast<int>(ranks.size()));
  try {
    for (size_t rank = 1; rank < ranks.size(); ++rank) {
      options.group = groups[rank];
      followers_.emplace_back(RunFollower, std::cref(backend), std::move(ranks[rank]), options,
                              shared_);
    }
  } catch (const std::system_error& error) {
    return EndGroup(*group_, {ErrorCode::kResourceExhausted,
                              fmt::format("[executor] threads: expected {} to start, got {}",
                                          ranks.size() - 1, error.code().message())});
  }
  options.group = group_;
  Result<std::unique_ptr<Executor>> own = backend.Load(std::move(ranks[0]), options);
  if (!own) return EndGroup(*group_, own.error());
  own_ = std::move(*own);
  return group_->Barrier();
}

Result<StepResult> ParallelExecutor::Step(const StepPlan& plan) {
  FAIRLEAD_RETURN_IF_ERROR(ValidatePlan(plan, facts_, capabilities()));
  FAIRLEAD_RETURN_IF_ERROR(SendOrder(*group_, Order::kStep, SerialisePlan(plan)));
  Result<StepResult> result = own_->Step(plan);
  if (!result) return EndGroup(*group_, result.error());
  return result;
}

void ParallelExecutor::SetTap(ValueTap* tap) {
  if (tap == shared_->tap()) return;
  // All ranks have ended their step when this returns, so that none asks one tap about the values
  // of another's step. An error is one of the group: the next step returns it.
  static_cast<void>(SendOrder(*group_, tap == nullptr ? Order::kTapOff : Order::kTapOn));
  shared_->Set(tap);
  own_->SetTap(tap == nullptr ? nullptr : &tap_);
}

}  // namespace

Result<std::unique_ptr<Executor>> CreateParallelExecutor(
    const Backend& backend, std::vector<std::shared_ptr<const Program>> ranks,
    const ExecutorOptions& options) {
  if (ranks.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "executor", "programs: expected one a rank, got none");
  }
  if (ranks.size() == 1) return backend.Load(std::move(ranks[0]), options);
  std::vector<const Graph*> graphs;
  graphs.reserve(ranks.size());
  for (const std::shared_ptr<const Program>& program : ranks) graphs.push_back(&program->graph);
  FAIRLEAD_ASSIGN_OR_RETURN(std::shared_ptr<SharedTap> shared, SharedTap::Create(graphs));
  const std::vector<std::shared_ptr<Group>> groups = ThreadGroups(static_cast<int>(ranks.size()));
  auto executor = std::make_unique<ParallelExecutor>(groups[0], std::move(shared));
  FAIRLEAD_RETURN_IF_ERROR(executor->Start(backend, std::move(ranks), groups, options));
  return executor;
}

Status Follow(Executor& executor, Group& group, ValueTap* tap) {
  while (true) {
    FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<std::byte> message, group.Receive());
    const auto order = message.empty() ? Order{0xff} : static_cast<Order>(message[0]);
    Status status;
    switch (order) {
      case Order::kStop:
        return {};
      case Order::kStep:
        status = FollowStep(executor, std::span(message).subspan(1));
        break;
      case Order::kTapOn:
        executor.SetTap(tap);
        break;
      case Order::kTapOff:
        executor.SetTap(nullptr);
        break;
      default:
        status = Fail(ErrorCode::kInvalidData, "follow", "order: expected a step or stop, got {}",
                      static_cast<int>(order));
    }
    if (!status) return EndGroup(group, status.error());
  }
}

}  // namespace fairlead

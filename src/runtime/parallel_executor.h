// One executor made of several: ranks that hold parts of a model and step together.
#pragma once

#include <memory>
#include <vector>

#include "backends/backend.h"
#include "base/error.h"
#include "distributed/group.h"

namespace fairlead {

// An executor for the programs of all ranks, in their order; with one it is the backend's own. The
// caller is rank 0, every other rank a thread that loads its program and follows. All get `options`
// with a group and an equal part of the threads, at least one each.
//
// Step returns the logits of rank 0. A plan that breaks a promise is an error and changes nothing;
// any other failure of any rank is for good: this and every later Step returns the first one, with
// "rank N: " before it. A tap sees whole values, whatever the ranks hold; its Wants is called by
// any rank at any time. Failures to load, of any rank, are returned once all threads have ended.
Result<std::unique_ptr<Executor>> CreateParallelExecutor(
    const Backend& backend, std::vector<std::shared_ptr<const Program>> ranks,
    const ExecutorOptions& options);

// What every rank but 0 does: steps as rank 0 says, until it says stop. `tap` is set on the
// executor while rank 0 has one. An error of this rank ends the group.
Status Follow(Executor& executor, Group& group, ValueTap* tap);

}  // namespace fairlead

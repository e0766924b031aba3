// Ranks that are threads of this process.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "distributed/group.h"

namespace fairlead {

// One group of `ranks` (1 to 65535) members, as each of them sees it. Data goes straight from the
// inputs of some ranks to the outputs of others; a call returns only when nobody uses its arguments
// any more, errors included. Waiting ranks sleep at once where there are more of them than CPUs.
std::vector<std::shared_ptr<Group>> ThreadGroups(
    int ranks, std::chrono::milliseconds deadline = std::chrono::minutes(10));

}  // namespace fairlead

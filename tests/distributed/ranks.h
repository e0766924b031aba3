// Runs one function on every rank of a group of threads.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "distributed/thread_group.h"

namespace fairlead::testing {

// Calls body(group) in one thread a rank; returns when all have returned.
inline void RunRanks(const std::vector<std::shared_ptr<Group>>& groups,
                     const std::function<void(Group&)>& body) {
  std::vector<std::thread> threads;
  for (const std::shared_ptr<Group>& group : groups) {
    threads.emplace_back([&body, &group] { body(*group); });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace fairlead::testing

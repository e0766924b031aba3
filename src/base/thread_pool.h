// A fixed team of threads that run one function together and meet at its end.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace fairlead {

// Not thread-safe: one owner calls ParallelFor at a time. The caller works as thread 0.
class ThreadPool {
 public:
  // `threads` counts the caller; values below 1 mean 1. Where the system refuses to start all of
  // them, the team is smaller and a warning says so.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls body(i) once for every i in [0, count), in any order, on any thread; returns when all are
  // done. Indices are handed out dynamically, so bodies must not depend on who runs them.
  void ParallelFor(int64_t count, const std::function<void(int64_t)>& body);

 private:
  void WorkerLoop();
  void RunIndices();
  // Waits for `ready` without sleeping, for as long as a short serial stretch between two calls
  // takes; at once false where threads outnumber CPUs, because then others need this one.
  template <typename Ready>
  bool Spin(const Ready& ready) const;

  std::vector<std::thread> workers_;
  bool may_spin_ = false;
  std::mutex mutex_;
  std::condition_variable start_;
  std::condition_variable done_;
  std::atomic<uint64_t> generation_{0};  // counts calls
  // Workers inside the current call. One that wakes up late finds the call closed and is not waited
  // for.
  std::atomic<int> active_{0};
  bool open_ = false;
  bool stopping_ = false;
  const std::function<void(int64_t)>* body_ = nullptr;
  int64_t count_ = 0;
  std::atomic<int64_t> next_{0};
};

// CPUs this process may really use: the affinity mask, limited by the cgroup's CPU quota.
int AvailableCpus();

}  // namespace fairlead

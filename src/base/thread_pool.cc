#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <system_error>

#include "base/log.h"

namespace fairlead {
namespace {

// Tells the CPU that this is a waiting loop.
void Relax() {
#if defined(__x86_64__)
  asm volatile("pause");
#endif
}

}  // namespace

ThreadPool::ThreadPool(int threads) : may_spin_(threads <= AvailableCpus()) {
  try {
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { WorkerLoop(); });
  } catch (const std::system_error& error) {
    // A limit on processes or memory. The threads that did start can do all the work.
    spdlog::warn("[threads] {} of {} started: {}", size(), threads, error.code().message());
  }
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    ++generation_;
  }
  start_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::ParallelFor(int64_t count, const std::function<void(int64_t)>& body) {
  if (workers_.empty() || count <= 1) {
    for (int64_t i = 0; i < count; ++i) body(i);
    return;
  }
  {
    std::lock_guard lock(mutex_);
    body_ = &body;
    count_ = count;
    next_.store(0, std::memory_order_relaxed);
    open_ = true;
    ++generation_;
  }
  start_.notify_all();
  RunIndices();
  {
    std::lock_guard lock(mutex_);
    open_ = false;
  }
  if (Spin([this] { return active_.load() == 0; })) return;
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return active_.load() == 0; });
}

void ThreadPool::RunIndices() {
  for (int64_t i = next_.fetch_add(1); i < count_; i = next_.fetch_add(1)) (*body_)(i);
}

template <typename Ready>
bool ThreadPool::Spin(const Ready& ready) const {
  constexpr int kTries = 1000;  // 15 to 50 microseconds
  for (int i = 0; may_spin_ && i < kTries; ++i) {
    if (ready()) return true;
    Relax();
  }
  return false;
}

void ThreadPool::WorkerLoop() {
  uint64_t seen = 0;
  while (true) {
    const auto called = [&] { return generation_.load() != seen; };
    Spin(called);
    std::unique_lock lock(mutex_);
    start_.wait(lock, called);
    if (stopping_) return;
    seen = generation_;
    if (!open_) continue;
    ++active_;
    lock.unlock();
    RunIndices();
    lock.lock();
    if (--active_ == 0) done_.notify_one();
  }
}

int AvailableCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int cpus = 1;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) cpus = std::max(1, CPU_COUNT(&set));
  std::ifstream limit("/sys/fs/cgroup/cpu.max");  // cgroup v2: "<quota|max> <period>"
  std::string quota;
  double period = 0;
  if (limit >> quota >> period && quota != "max" && period > 0) {
    const double allowed = std::strtod(quota.c_str(), nullptr) / period;
    if (allowed > 0) cpus = std::min(cpus, std::max(1, static_cast<int>(std::ceil(allowed))));
  }
  return cpus;
}

}  // namespace fairlead

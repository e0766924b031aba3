// How far something long is.
#pragma once

#include <cstdint>
#include <functional>

namespace fairlead {

// Told how many bytes are done; called a few hundred times a gigabyte, the last time with done ==
// total.
using ProgressFn = std::function<void(uint64_t done, uint64_t total)>;

// Counts bytes and reports them in steps large enough to draw.
class ProgressMeter {
 public:
  ProgressMeter(const ProgressFn& report, uint64_t total) : report_(report), total_(total) {
    Report();
  }
  void Add(uint64_t bytes) {
    done_ += bytes;
    if (done_ == total_ || done_ - reported_ >= kStep) Report();
  }

 private:
  static constexpr uint64_t kStep = uint64_t{4} << 20;
  void Report() {
    reported_ = done_;
    if (report_) report_(done_, total_);
  }

  const ProgressFn& report_;
  uint64_t total_, done_ = 0, reported_ = 0;
};

}  // namespace fairlead

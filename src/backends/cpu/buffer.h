// Memory for values, scratch and caches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/error.h"

namespace fairlead::cpu {

// Zeroed bytes at a multiple of 64. Pages that are never written take no memory, so that a cache
// may be laid out for the longest sequence it could ever hold.
class Buffer {
 public:
  Buffer() = default;
  // `what` names the buffer in the error when memory runs out.
  static Result<Buffer> Allocate(int64_t bytes, std::string_view what);

  std::byte* data() const { return start_; }
  float* floats() const { return reinterpret_cast<float*>(start_); }

 private:
  struct Release {
    void operator()(void* address) const;
  };
  std::unique_ptr<void, Release> memory_;
  std::byte* start_ = nullptr;
};

// `bytes` or `count` rounded up so that the next thing begins aligned.
inline int64_t RoundUp(int64_t count, int64_t multiple) {
  return (count + multiple - 1) / multiple * multiple;
}

}  // namespace fairlead::cpu

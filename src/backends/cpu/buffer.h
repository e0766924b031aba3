// Memory for values, scratch and caches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/error.h"

namespace fairlead::cpu {

// Zeroed bytes that begin on a page. Pages that are never written take no memory, so that a cache
// may be laid out for the longest sequence it could ever hold.
class Buffer {
 public:
  Buffer() = default;
  // `what` names the buffer in the error when memory runs out. No bytes: data() is nullptr.
  static Result<Buffer> Allocate(int64_t bytes, std::string_view what);

  std::byte* data() const { return memory_.get(); }
  float* floats() const { return reinterpret_cast<float*>(data()); }

 private:
  struct Unmap {
    size_t bytes;
    void operator()(std::byte* address) const;
  };
  std::unique_ptr<std::byte, Unmap> memory_;
};

// `count` rounded up to a multiple, so that the next thing begins aligned.
inline int64_t RoundUp(int64_t count, int64_t multiple) {
  return (count + multiple - 1) / multiple * multiple;
}

}  // namespace fairlead::cpu

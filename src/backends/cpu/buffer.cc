#include "backends/cpu/buffer.h"

#include <cstdlib>

namespace fairlead::cpu {
namespace {

constexpr size_t kAlignment = 64;

}  // namespace

void Buffer::Release::operator()(void* address) const { std::free(address); }

Result<Buffer> Buffer::Allocate(int64_t bytes, std::string_view what) {
  Buffer buffer;
  // calloc leaves large zeroed blocks to the kernel; aligned_alloc would have to write them.
  const size_t size = static_cast<size_t>(bytes) + kAlignment;
  buffer.memory_.reset(std::calloc(size, 1));
  if (bytes < 0 || buffer.memory_ == nullptr) {
    return Fail(ErrorCode::kResourceExhausted, "cpu", "{}: expected {} MB of memory, got none",
                what, bytes / 1000000);
  }
  void* start = buffer.memory_.get();
  size_t space = size;
  buffer.start_ =
      static_cast<std::byte*>(std::align(kAlignment, static_cast<size_t>(bytes), start, space));
  return buffer;
}

}  // namespace fairlead::cpu

#include "backends/cpu/buffer.h"

#include <sys/mman.h>

namespace fairlead::cpu {

void Buffer::Unmap::operator()(std::byte* address) const { munmap(address, bytes); }

Result<Buffer> Buffer::Allocate(int64_t bytes, std::string_view what) {
  if (bytes == 0) return Buffer();
  const auto size = static_cast<size_t>(bytes);
  void* const address =
      bytes < 0 ? MAP_FAILED
                : mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED) {
    return Fail(ErrorCode::kResourceExhausted, "cpu", "{}: expected {} MB of memory, got none",
                what, bytes / 1000000);
  }
  // Large pages are faster to read; where the kernel has none to give, small ones do.
  madvise(address, size, MADV_HUGEPAGE);
  Buffer buffer;
  buffer.memory_ = {static_cast<std::byte*>(address), Unmap{size}};
  return buffer;
}

}  // namespace fairlead::cpu

// XXH3: the checksum of everything in an artifact. It finds damage, not forgery.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct XXH3_state_s;

namespace fairlead {

// The 64-bit XXH3 hash of bytes that come piece by piece.
class Checksum {
 public:
  Checksum();
  void Add(std::span<const std::byte> bytes);
  void Add(std::string_view text) { Add(std::as_bytes(std::span(text))); }
  std::string Digest() const;  // 16 hexadecimal digits of everything added so far

 private:
  struct Free {
    void operator()(XXH3_state_s* state) const;
  };
  std::unique_ptr<XXH3_state_s, Free> state_;
};

std::string ChecksumOf(std::span<const std::byte> bytes);

}  // namespace fairlead

#include "artifact/checksum.h"

#include <fmt/format.h>
#include <xxhash.h>

namespace fairlead {

Checksum::Checksum() : state_(XXH3_createState()) { XXH3_64bits_reset(state_.get()); }

void Checksum::Free::operator()(XXH3_state_s* state) const { XXH3_freeState(state); }

void Checksum::Add(std::span<const std::byte> bytes) {
  XXH3_64bits_update(state_.get(), bytes.data(), bytes.size());
}

std::string Checksum::Digest() const {
  return fmt::format("{:016x}", XXH3_64bits_digest(state_.get()));
}

std::string ChecksumOf(std::span<const std::byte> bytes) {
  Checksum checksum;
  checksum.Add(bytes);
  return checksum.Digest();
}

}  // namespace fairlead

// Sizes as people write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace fairlead {

// "50GB", "1.5 TB", "512MiB" or "1000000": bytes, in units of powers of 1000, or of 1024 with an i.
// None for anything else, negative numbers among them.
std::optional<uint64_t> ParseByteSize(std::string_view text);

}  // namespace fairlead

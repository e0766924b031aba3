// fairlead.json from any bytes: refused with one line, or what was read is what is written again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "artifact/manifest.h"
#include "tests/fuzz/manifest_checksum.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

void Parse(std::string_view text) {
  const auto manifest = fairlead::ParseManifest(text, "fuzz");
  if (!manifest) {
    Require(!manifest.error().message.empty());
    Require(manifest.error().message.find('\n') == std::string::npos);
    return;
  }
  const std::string written = fairlead::ManifestText(*manifest);
  const auto again = fairlead::ParseManifest(written, "fuzz");
  Require(again.has_value() && fairlead::ManifestText(*again) == written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Parse(text);
  Parse(fairlead::WithRightChecksum(text));
  return 0;
}

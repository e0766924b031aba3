// Copies of artifacts that tests change.
#pragma once

#include <filesystem>
#include <functional>

#include "base/json.h"

namespace fairlead::e2e {

// weights/rank-RANK-of-RANKS.safetensors of an artifact.
std::filesystem::path RankFile(const std::filesystem::path& artifact, int rank, int ranks);

// Changes fairlead.json and makes its checksum right again, as only malice would.
void EditManifest(const std::filesystem::path& artifact,
                  const std::function<void(Json& manifest)>& edit);

// Flips a bit of the byte at `position`.
void FlipByte(const std::filesystem::path& path, size_t position);
// The same near the end, before what padding there may be: in the last tensor of a rank's file.
void FlipLastByte(const std::filesystem::path& path);

}  // namespace fairlead::e2e

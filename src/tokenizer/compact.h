// The compact form of a tokenizer: its tables in one file, used where they are mapped.
#pragma once

#include <filesystem>

#include "base/error.h"
#include "tokenizer/tables.h"

namespace fairlead {

// Layout (little endian): a 64-byte header with magic, version, counts and an XXH3 checksum of all
// the rest; then the arrays of Tables in a fixed order, each at a multiple of 16 bytes.
Status WriteCompactTables(const Tables& tables, const std::filesystem::path& path);

// Maps a file and checks it: magic, version, length, checksum, and everything CheckTables checks.
Result<Tables> MapCompactTables(const std::filesystem::path& path);

}  // namespace fairlead

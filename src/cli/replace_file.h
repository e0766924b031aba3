// Files that are written whole or stay as they were.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace fairlead {

// What a file is to be written in place of.
struct FileTarget {
  std::filesystem::path path;  // where symbolic links lead, be it there or not
  std::optional<mode_t> mode;  // of the file that is there
};

// `command` names itself in errors. kInvalidArgument: something is there that is no regular file.
// kIo: no file can be made there.
Result<FileTarget> FindFileTarget(std::string_view command, const std::filesystem::path& path);

// A file that is there keeps its mode, a new one has `new_mode` less the umask. kIo.
Status ReplaceFile(std::string_view command, const FileTarget& target, std::string_view text,
                   mode_t new_mode);

}  // namespace fairlead

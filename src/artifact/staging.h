// A folder that appears under its name all at once, complete, or not at all.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "artifact/path_lock.h"
#include "base/error.h"

namespace fairlead {

// A new path ".NAME.tmp-PID-RANDOM" beside `target`, for what is not ready to be seen.
std::filesystem::path TemporaryPath(const std::filesystem::path& target);
// NAME of such a path's last part, or empty if it is none.
std::string_view TargetOfTemporary(std::string_view name);

// Fills a hidden folder ".NAME.tmp-PID-RANDOM" beside the target; a lock on it shows others that
// it is in use, and ends with the process. Without Commit the folder is removed, and so are the
// parents that were made for it.
class StagingFolder {
 public:
  // Checks that `target` may be written (see ExportArtifact), makes its parents, removes the hidden
  // folders of this target that no process has locked, and makes a new one.
  static Result<StagingFolder> Create(const std::filesystem::path& target, bool force);
  StagingFolder(StagingFolder&& other) noexcept;
  StagingFolder& operator=(StagingFolder&&) = delete;
  ~StagingFolder();

  // Where to write.
  const std::filesystem::path& path() const { return path_; }

  // Gives the folder its name. Its files must have been flushed to the disk. If another process
  // made the target in the meantime, that one stays and this is an error, unless `force` was set.
  Status Commit();

 private:
  StagingFolder(std::filesystem::path target, bool force)
      : target_(std::move(target)), force_(force) {}
  Status MakeParents();
  Status Rename();

  std::filesystem::path target_;
  bool force_;
  std::vector<std::filesystem::path> made_parents_;  // the deepest first; none once committed
  std::filesystem::path path_;                       // empty once committed
  std::optional<PathLock> lock_;
};

}  // namespace fairlead

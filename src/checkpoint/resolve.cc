#include "checkpoint/resolve.h"

#include <algorithm>
#include <cstdlib>
#include <string>

#include "base/file.h"

namespace fairlead {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxRefBytes = 256;

// The parts of "org/name@revision".
struct HubId {
  std::string repository;  // "org/name"
  std::string revision;    // empty: main
};

bool IsHubCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

// One path part that cannot leave its folder.
bool IsHubWord(std::string_view word) {
  return !word.empty() && word.front() != '.' && word.front() != '-' && word.size() <= 128 &&
         std::all_of(word.begin(), word.end(), IsHubCharacter);
}

// Revisions may hold slashes ("refs/pr/1").
bool IsRevision(std::string_view text) {
  while (true) {
    const size_t slash = text.find('/');
    if (!IsHubWord(text.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    text.remove_prefix(slash + 1);
  }
}

// Fills `id` if `text` has the form of a hub id.
bool ParseHubId(std::string_view text, HubId& id) {
  const size_t at = text.find('@');
  const std::string_view repository = text.substr(0, at);
  const size_t slash = repository.find('/');
  if (slash == std::string_view::npos || !IsHubWord(repository.substr(0, slash)) ||
      !IsHubWord(repository.substr(slash + 1))) {
    return false;
  }
  id.repository = repository;
  if (at == std::string_view::npos) return true;
  id.revision = text.substr(at + 1);
  return IsRevision(id.revision);
}

// The excluded folders hold the same weights of OpenAI's models in two other formats.
std::string DownloadCommand(const HubId& id) {
  std::string command =
      fmt::format("hf download {} --exclude 'original/*' --exclude 'metal/*'", id.repository);
  if (!id.revision.empty()) command += " --revision " + id.revision;
  return command;
}

std::string EnvironmentOr(const char* name, std::string fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : std::move(fallback);
}

Result<ResolvedModel> IdentifyFolder(const fs::path& dir) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(dir, error)) {
    std::error_code ignored;
    const bool is_read =
        entry.path().extension() == ".json" || entry.path().extension() == ".safetensors";
    if (is_read && entry.is_symlink(ignored) && !entry.exists(ignored)) {
      return Fail(ErrorCode::kNotFound, "model",
                  "{}: expected the file {} that it links to, got none (was a download "
                  "interrupted?)",
                  entry.path().string(), fs::read_symlink(entry.path(), ignored).string());
    }
  }
  if (error) {
    return Fail(ErrorCode::kIo, "model", "{}: cannot list the folder: {}", dir.string(),
                error.message());
  }
  if (fs::exists(dir / "fairlead.json", error)) return ResolvedModel{dir, ModelKind::kArtifact};
  if (fs::exists(dir / "config.json", error)) return ResolvedModel{dir, ModelKind::kCheckpoint};
  if (fs::exists(dir / "tokenizer.json", error)) {
    return ResolvedModel{dir, ModelKind::kTokenizerOnly};
  }
  return Fail(ErrorCode::kNotFound, "model",
              "{}: expected a folder with fairlead.json, config.json or tokenizer.json, got none "
              "of them",
              dir.string());
}

// The snapshot folder of `id` below `repository`, empty if it is not in the cache.
Result<fs::path> FindSnapshot(const fs::path& repository, const HubId& id) {
  const std::string revision = id.revision.empty() ? "main" : id.revision;
  const fs::path ref = repository / "refs" / revision;
  std::string commit = revision;  // a full commit hash names its snapshot directly
  std::error_code ignored;
  if (fs::is_regular_file(ref, ignored)) {
    FAIRLEAD_ASSIGN_OR_RETURN(commit, ReadFile(ref, "model", kMaxRefBytes));
    while (!commit.empty() && (commit.back() == '\n' || commit.back() == ' ')) commit.pop_back();
    if (!IsHubWord(commit)) {
      return Fail(ErrorCode::kInvalidData, "model", "{}: expected a commit hash, got {}",
                  ref.string(), Quoted(commit));
    }
  }
  const fs::path snapshot = repository / "snapshots" / commit;
  return fs::is_directory(snapshot, ignored) ? snapshot : fs::path();
}

Result<ResolvedModel> ResolveInHubCache(const HubId& id) {
  FAIRLEAD_ASSIGN_OR_RETURN(const fs::path cache, HubCacheDir());
  std::string folder = "models--" + id.repository;
  folder.replace(folder.find('/'), 1, "--");
  FAIRLEAD_ASSIGN_OR_RETURN(const fs::path snapshot, FindSnapshot(cache / folder, id));
  if (snapshot.empty()) {
    return Fail(ErrorCode::kNotFound, "model",
                "{}{}{}: no folder of that name, and not in the hub cache {}; download it with: {}",
                id.repository, id.revision.empty() ? "" : "@", id.revision, cache.string(),
                DownloadCommand(id));
  }
  auto resolved = IdentifyFolder(snapshot);
  if (!resolved) {
    resolved.error().message += "; complete it with: " + DownloadCommand(id);
  }
  return resolved;
}

}  // namespace

Result<fs::path> HubCacheDir() {
  const std::string home = EnvironmentOr("HOME", "");
  const std::string user_cache =
      EnvironmentOr("XDG_CACHE_HOME", home.empty() ? "" : home + "/.cache");
  const std::string hf_home =
      EnvironmentOr("HF_HOME", user_cache.empty() ? "" : user_cache + "/huggingface");
  const std::string cache = EnvironmentOr("HF_HUB_CACHE", hf_home.empty() ? "" : hf_home + "/hub");
  if (cache.empty()) {
    return Fail(ErrorCode::kNotFound, "model",
                "hub cache: expected HF_HUB_CACHE, HF_HOME or HOME to be set, got none of them");
  }
  return fs::path(cache);
}

Result<ResolvedModel> ResolveModel(std::string_view id_or_path) {
  if (id_or_path.empty() || id_or_path.find('\0') != std::string_view::npos) {
    return Fail(ErrorCode::kInvalidArgument, "model", "expected a folder or an id, got {}",
                Quoted(id_or_path));
  }
  const fs::path path(id_or_path);
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return IdentifyFolder(path);
  if (fs::exists(path, ignored)) {
    return Fail(ErrorCode::kInvalidArgument, "model", "{}: expected a folder, got a file",
                path.string());
  }
  HubId id;
  if (ParseHubId(id_or_path, id)) return ResolveInHubCache(id);
  return Fail(ErrorCode::kNotFound, "model",
              "{}: expected a folder, or an id such as openai/gpt-oss-20b, got neither",
              Quoted(id_or_path));
}

}  // namespace fairlead

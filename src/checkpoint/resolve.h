// The one place where the name of a model becomes a folder.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/error.h"

namespace fairlead {

enum class ModelKind {
  kCheckpoint,     // has config.json: a Hugging Face checkpoint
  kArtifact,       // has fairlead.json: an exported model
  kTokenizerOnly,  // has tokenizer.json and nothing to run
};

struct ResolvedModel {
  std::filesystem::path dir;
  ModelKind kind;
};

// `id_or_path` is a folder, or "org/name" or "org/name@revision" in the hub cache
// ($HF_HUB_CACHE, else $HF_HOME/hub, else ~/.cache/huggingface/hub; layout of huggingface_hub,
// "Understand caching"). Nothing is downloaded: the error for an absent model prints the command
// that would. A link whose target is missing, as an interrupted download leaves it, is an error.
Result<ResolvedModel> ResolveModel(std::string_view id_or_path);

// The folder that holds models--org--name folders.
Result<std::filesystem::path> HubCacheDir();

}  // namespace fairlead

// A Hugging Face checkpoint folder: config.json, generation_config.json and the tensors.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/tensor.h"
#include "checkpoint/safetensors.h"

namespace fairlead {

class Checkpoint {
 public:
  // Opens `dir`: config.json; model.safetensors, or else the shards that
  // model.safetensors.index.json names; generation_config.json if it is there. Every header is
  // checked, and the index against the shards, before this returns.
  static Result<std::shared_ptr<const Checkpoint>> Open(const std::filesystem::path& dir);

  // The text of config.json, and the parsed files; generation_config() is an empty object when the
  // folder has none.
  const std::string& config_text() const { return config_text_; }
  const Json& config() const { return config_; }
  const Json& generation_config() const { return generation_config_; }

  // A view into the mapped files, valid as long as this object; may be misaligned (see
  // SafetensorsFile::Find).
  std::optional<TensorView> Find(std::string_view name) const;
  // All tensors: the files in alphabetical order, in each the order of the data.
  std::vector<std::string> names() const;

  const std::filesystem::path& dir() const { return dir_; }
  const std::vector<std::shared_ptr<const SafetensorsFile>>& files() const { return files_; }

  // 32 hex digits that change when a configuration, a tensor's declaration, or the size or time of
  // the weights or tokenizer.json changes. Data is not read, so equal content in another copy may
  // differ.
  Result<std::string> Fingerprint() const;

  // 32 hex digits that are the same for every copy of this checkpoint, on any machine and however
  // its tensors are spread over files: a hash of config.json, of every tensor's declaration, and of
  // its data: whole up to 64 KiB, else the first, middle and last 4 KiB. That tells another
  // fine-tune of the same shape apart and reads a few megabytes of the largest models; a change
  // between the samples of a large tensor is not seen.
  Result<std::string> Identity() const;

 private:
  explicit Checkpoint(std::filesystem::path dir) : dir_(std::move(dir)) {}

  Status ReadConfigs();
  Status OpenFile(const std::string& file_name);
  Status OpenShards();

  std::filesystem::path dir_;
  std::string config_text_;
  Json config_;
  Json generation_config_ = Json::object();
  std::vector<std::shared_ptr<const SafetensorsFile>> files_;
  std::map<std::string_view, const SafetensorsFile*> owners_;  // keys live in files_
};

}  // namespace fairlead

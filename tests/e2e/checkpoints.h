// Copies of checkpoints that tests change.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "base/json.h"
#include "base/tensor.h"

namespace fairlead::e2e {

// Copies the files of a folder, not what golden outputs lie beside them.
void CopyModel(const std::filesystem::path& from, const std::filesystem::path& to);

void EditJson(const std::filesystem::path& path, const std::function<void(Json&)>& edit);

// Sets one value of an object, given as JSON text. The file stays JSON.
void SetJson(const std::filesystem::path& path, const std::string& key, const std::string& value);

using Tensors = std::map<std::string, Tensor>;

Tensors ReadTensors(const std::filesystem::path& path);
void WriteTensors(const std::filesystem::path& path, const Tensors& tensors);
// Rewrites a file as a sound one with other content.
void EditTensors(const std::filesystem::path& path, const std::function<void(Tensors&)>& edit);

// Replaces the first `from` of a file by `to`.
void ReplaceText(const std::filesystem::path& path, const std::string& from, const std::string& to);

// Replaces the text of a safetensors header by one of another length; the data stays.
void EditHeader(const std::filesystem::path& path, const std::function<void(std::string&)>& edit);

}  // namespace fairlead::e2e

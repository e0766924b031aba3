#include "tests/e2e/checkpoints.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "checkpoint/safetensors.h"
#include "tests/e2e/program.h"

namespace fairlead::e2e {
namespace {

namespace fs = std::filesystem;

void WriteText(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  ASSERT_TRUE(file.flush().good()) << path;
}

}  // namespace

void CopyModel(const fs::path& from, const fs::path& to) {
  fs::create_directories(to);
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(from)) {
    const fs::path name = entry.path().lexically_relative(from);
    const std::string text = name.string();
    if (text.starts_with("golden.") || text.starts_with("ragged.")) continue;
    if (entry.is_directory()) {
      fs::create_directory(to / name);
      continue;
    }
    fs::copy_file(entry.path(), to / name);
    fs::permissions(to / name, fs::perms::owner_write, fs::perm_options::add);
  }
}

void EditJson(const fs::path& path, const std::function<void(Json&)>& edit) {
  Json json = Json::parse(ReadText(path));
  edit(json);
  WriteText(path, json.dump(1));
}

void SetJson(const fs::path& path, const std::string& key, const std::string& value) {
  EditJson(path, [&](Json& json) { json[key] = Json::parse(value); });
}

Tensors ReadTensors(const fs::path& path) {
  const auto file = SafetensorsFile::Open(path);
  EXPECT_TRUE(file) << file.error().message;
  Tensors tensors;
  if (!file) return tensors;
  for (const std::string& name : (*file)->names()) {
    const TensorView view = *(*file)->Find(name);
    tensors[name] = {view.dtype, view.shape, {view.bytes.begin(), view.bytes.end()}};
  }
  return tensors;
}

void WriteTensors(const fs::path& path, const Tensors& tensors) {
  std::vector<std::pair<std::string, TensorView>> views;
  for (const auto& [name, tensor] : tensors) views.emplace_back(name, tensor.view());
  const Status written = WriteSafetensors(path, views);
  ASSERT_TRUE(written) << written.error().message;
}

void EditTensors(const fs::path& path, const std::function<void(Tensors&)>& edit) {
  Tensors tensors = ReadTensors(path);
  edit(tensors);
  WriteTensors(path, tensors);
}

void ReplaceText(const fs::path& path, const std::string& from, const std::string& to) {
  std::string text = ReadText(path);
  const size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from << " in " << path;
  WriteText(path, text.replace(at, from.size(), to));
}

void EditHeader(const fs::path& path, const std::function<void(std::string&)>& edit) {
  const std::string text = ReadText(path);
  uint64_t length = 0;
  std::memcpy(&length, text.data(), sizeof(length));
  std::string header = text.substr(sizeof(length), length);
  edit(header);
  const uint64_t changed = header.size();
  std::string prefix(sizeof(changed), '\0');
  std::memcpy(prefix.data(), &changed, sizeof(changed));
  WriteText(path, prefix + header + text.substr(sizeof(length) + length));
}

}  // namespace fairlead::e2e

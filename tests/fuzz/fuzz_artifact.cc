// A rank's weights file and fairlead.json from any bytes, through the loader: refused with one
// line, or a model whose every weight is there in its size and can be read.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "artifact/artifact.h"
#include "checkpoint/safetensors.h"
#include "models/model.h"
#include "tests/fuzz/manifest_checksum.h"

namespace {

using namespace fairlead;  // NOLINT: a fuzz target is no part of it
namespace fs = std::filesystem;

constexpr std::string_view kConfig = R"({"model_type": "gpt_oss", "vocab_size": 8, "hidden_size": 8,
  "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4,
  "num_local_experts": 2, "num_experts_per_tok": 1, "intermediate_size": 8, "eos_token_id": 7,
  "layer_types": ["full_attention"], "max_position_embeddings": 32, "rope_theta": 10000})";
constexpr size_t kRanks = 2;
constexpr size_t kRank = 1;  // the one whose file is fuzzed

void Require(bool holds) {
  if (!holds) std::abort();
}

template <typename T>
T Take(Result<T> result) {
  Require(result.has_value());
  return *std::move(result);
}

void Write(const fs::path& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  Require(file.flush().good());
}

std::string Read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Where the data of a safetensors file begins.
size_t DataBegin(std::string_view file) {
  size_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | static_cast<uint8_t>(file[i]);
  return 8 + length;
}

// Writes zeros as a rank's weights, and returns how they are recorded.
std::vector<StoredTensor> WriteZeros(const Graph& graph, const std::string& hash, size_t rank,
                                     const fs::path& dir) {
  static const std::vector<std::byte> zeros(4096);
  std::vector<StoredTensor> stored;
  std::vector<std::pair<std::string, TensorView>> tensors;
  for (const Parameter* parameter : graph.parameters()) {
    const Layout layout{LayoutOrder::kRowMajor, StorageFormat::kF32};
    const auto bytes =
        static_cast<uint64_t>(PackedTensor{layout, parameter->shape, {}}.expected_bytes());
    const std::span<const std::byte> part = std::span(zeros).first(bytes);
    stored.push_back(
        {parameter->name, parameter->shape, parameter->axes, layout, bytes, ChecksumOf(part)});
    const uint64_t padded = PaddedBytes(bytes);
    tensors.emplace_back(
        parameter->name,
        TensorView{DType::kU8, {static_cast<int64_t>(padded)}, std::span(zeros).first(padded)});
  }
  auto metadata = WeightsMetadata(hash, rank, kRanks);
  metadata[kTensorsKey] = DeclarationsChecksum(stored);
  const Status written = WriteSafetensors(dir / WeightsName(rank, kRanks), tensors, metadata);
  Require(written.has_value());
  return stored;
}

// An artifact for two ranks, whose files inputs replace one by one.
class SoundArtifact {
 public:
  SoundArtifact() {
    std::string pattern = fs::temp_directory_path() / "fairlead-fuzz-XXXXXX";
    Require(::mkdtemp(pattern.data()) != nullptr);
    dir_ = pattern;
    const auto model = Take(CreateModel(Take(ParseJson(kConfig, "fuzz", "config")), Json()));
    Manifest manifest;
    manifest.checkpoint_hash = "0123456789abcdef";
    manifest.options.checkpoint_id = "fuzz";
    manifest.options.tp_degree = kRanks;
    manifest.options = Take(ResolveOptions(manifest.options, model->Describe()));
    Write(dir_ / kConfigName, kConfig);
    manifest.files = {
        {std::string(kConfigName), kConfig.size(), ChecksumOf(std::as_bytes(std::span(kConfig)))}};
    fs::create_directory(dir_ / "weights");
    for (size_t rank = 0; rank < kRanks; ++rank) {
      const Graph graph =
          Take(model->BuildGraph({static_cast<int>(rank), static_cast<int>(kRanks), 1}));
      manifest.ranks.push_back(WriteZeros(graph, manifest.checkpoint_hash, rank, dir_));
    }
    manifest_ = ManifestText(manifest);
    Write(dir_ / kManifestName, manifest_);
    weights_ = Read(weights_path());
    data_begin_ = DataBegin(weights_);
    Require(Load());
  }
  ~SoundArtifact() {
    std::error_code ignored;
    fs::remove_all(dir_, ignored);
  }
  SoundArtifact(const SoundArtifact&) = delete;
  SoundArtifact& operator=(const SoundArtifact&) = delete;

  // A header is 8 bytes of length and its text, which spaces fill up so that the data is aligned.
  void ReplaceHeader(std::string_view text) const {
    std::string header(text);
    header.resize(PaddedBytes(8 + header.size()) - 8, ' ');
    std::string file;
    for (int i = 0; i < 8; ++i) file += static_cast<char>(uint64_t{header.size()} >> (8 * i));
    Write(weights_path(), file.append(header).append(weights_.substr(data_begin_)));
  }
  void ReplaceManifest(std::string_view text) const { Write(dir_ / kManifestName, text); }
  void Restore() const {
    Write(weights_path(), weights_);
    ReplaceManifest(manifest_);
  }

  // Whether it loads; if not, one line must say why.
  bool Load() const {
    const auto artifact = LoadArtifact(
        dir_, {.verify_checksums = true, .rank = static_cast<int>(kRank), .progress = nullptr});
    if (!artifact) {
      Require(!artifact.error().message.empty());
      Require(artifact.error().message.find('\n') == std::string::npos);
      return false;
    }
    const Program& program = *(*artifact)->ranks.front();
    for (const Parameter* parameter : program.graph.parameters()) {
      const PackedTensor& tensor = program.weights.tensors.at(parameter->name);
      Require(tensor.shape == parameter->shape);
      Require(static_cast<int64_t>(tensor.bytes.size()) == tensor.expected_bytes());
      Require(std::all_of(tensor.bytes.begin(), tensor.bytes.end(),
                          [](std::byte byte) { return byte == std::byte{}; }));
    }
    return true;
  }

 private:
  fs::path weights_path() const { return dir_ / WeightsName(kRank, kRanks); }

  fs::path dir_;
  std::string manifest_;
  std::string weights_;
  size_t data_begin_ = 0;
};

}  // namespace

// The input is a fairlead.json if it begins like one, else the text of a weights file's header.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const SoundArtifact artifact;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.starts_with("{\n")) {
    artifact.ReplaceManifest(WithRightChecksum(input));
  } else {
    artifact.ReplaceHeader(input);
  }
  artifact.Load();
  artifact.Restore();
  return 0;
}

// The memory of an export and of a load does not grow with the model.
#include <fstream>

#include "artifact/artifact.h"
#include "artifact/export.h"
#include "base/json.h"
#include "tests/artifact/fixtures.h"
#include "tests/checkpoint/raw_safetensors.h"

namespace fairlead {
namespace {

namespace fs = std::filesystem;

// One layer, about 400 MB in bfloat16: every large parameter is far above the limit below.
constexpr std::string_view kConfig = R"({
  "model_type": "gpt_oss", "vocab_size": 50000, "hidden_size": 1024, "intermediate_size": 1536,
  "num_hidden_layers": 1, "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 64,
  "num_local_experts": 20, "num_experts_per_tok": 2, "sliding_window": 64,
  "max_position_embeddings": 1024, "layer_types": ["sliding_attention"],
  "tie_word_embeddings": false, "eos_token_id": 1})";
constexpr int64_t kLimit = int64_t{96} << 20;

// Bytes of memory that are no file's: RssAnon of /proc/self/status.
int64_t AnonymousBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::stoll(line.substr(8)) * 1024;
  }
  ADD_FAILURE() << "/proc/self/status has no RssAnon";
  return 0;
}

// A BF16 checkpoint with every tensor of the graph, all zero: a file of holes.
void WriteHollowCheckpoint(TempDir& folder) {
  folder.Write("config.json", kConfig);
  const auto model = CreateModel(*ParseJson(kConfig, "test", "config"), Json());
  ASSERT_TRUE(model) << model.error().message;
  const Graph graph = (*model)->BuildGraph({}).value();
  Json header = Json::object();
  int64_t end = 0;
  for (const Parameter* parameter : graph.parameters()) {
    const ParameterSource& source = parameter->sources.back();  // experts: transposed
    const Shape shape = SourceShape(*parameter, source, 0);
    const int64_t begin = end;
    end += NumElements(shape) * 2;
    header[source.tensors[0]] = {
        {"dtype", "BF16"}, {"shape", shape}, {"data_offsets", {begin, end}}};
  }
  const std::string start = RawSafetensors(header.dump(), 0);
  const fs::path path = folder.Write("model.safetensors", start);
  fs::resize_file(path, start.size() + static_cast<size_t>(end));
}

TEST(ArtifactMemory, ExportAndLoadHoldNoModel) {
  TempDir folder;
  WriteHollowCheckpoint(folder);
  const auto checkpoint = OpenCheckpoint(folder.path());
  const int64_t before = AnonymousBytes();
  int64_t most = 0;
  uint64_t total = 0;
  const Status exported = ExportArtifact(*checkpoint, folder.path() / "out", {}, LayoutBackend(),
                                         [&](uint64_t, uint64_t bytes) {
                                           most = std::max(most, AnonymousBytes() - before);
                                           total = bytes;
                                         });
  ASSERT_TRUE(exported) << exported.error().message;
  EXPECT_GT(total, uint64_t{3} * kLimit);
  EXPECT_LT(most, kLimit);
  const auto artifact = LoadArtifact(folder.path() / "out");
  ASSERT_TRUE(artifact) << artifact.error().message;
  EXPECT_LT(AnonymousBytes() - before, kLimit);
}

}  // namespace
}  // namespace fairlead

#include "checkpoint/checkpoint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>

#include "tests/base/temp_dir.h"
#include "tests/checkpoint/raw_safetensors.h"

namespace fairlead {
namespace {

// A file that holds one uint8 tensor of `count` elements for each name.
std::string Shard(const std::vector<std::string>& names, int count = 1) {
  Json header = Json::object();
  int offset = 0;
  for (const std::string& name : names) {
    header[name] = {
        {"dtype", "U8"}, {"shape", {count}}, {"data_offsets", {offset, offset + count}}};
    offset += count;
  }
  return RawSafetensors(header.dump(), static_cast<size_t>(offset));
}

using Files = std::vector<std::pair<std::string, std::string>>;

const char* const kIndex = "model.safetensors.index.json";

// A sound checkpoint of two shards.
Files TwoShards() {
  return {{"config.json", R"({"model_type":"gpt_oss"})"},
          {kIndex, R"({"metadata":{},"weight_map":{"a":"one.safetensors","b":"two.safetensors"}})"},
          {"one.safetensors", Shard({"a"})},
          {"two.safetensors", Shard({"b"})}};
}

// TwoShards() with one file replaced, or left out if `content` is null.
Files Replace(const std::string& name, const char* content) {
  Files files;
  for (auto& file : TwoShards()) {
    if (file.first != name) files.push_back(std::move(file));
  }
  if (content != nullptr) files.emplace_back(name, content);
  return files;
}

struct BrokenCheckpoint {
  const char* name;
  Files files;
  const char* expected;  // must occur in the message
};

std::vector<BrokenCheckpoint> BrokenCheckpoints() {
  Files truncated = Replace("two.safetensors", nullptr);
  truncated.emplace_back("two.safetensors", Shard({"b"}).substr(0, 20));
  Files absent = Replace("two.safetensors", nullptr);
  absent.emplace_back("two.safetensors", Shard({"c"}));
  Files twice = Replace("two.safetensors", nullptr);
  twice.emplace_back("two.safetensors", Shard({"b", "a"}));
  Files wrong_shard =
      Replace(kIndex, R"({"weight_map":{"a":"two.safetensors","b":"one.safetensors"}})");
  return {
      {"NoConfig", Replace("config.json", nullptr), "config.json: cannot open: No such file"},
      {"ConfigIsNotJson", Replace("config.json", "{"), "config.json: invalid JSON at byte"},
      {"ConfigIsAnArray", Replace("config.json", "[]"),
       "config.json: expected an object, got array"},
      {"ConfigNamesAKeyTwice", Replace("config.json", R"({"a":1,"a":2})"),
       "config.json: duplicate key \"a\""},
      {"GenerationConfigIsNotJson",
       {{"config.json", "{}"},
        {"generation_config.json", "x"},
        {"model.safetensors", Shard({"a"})}},
       "generation_config.json: invalid JSON"},
      {"NoTensorFiles",
       {{"config.json", "{}"}},
       "expected model.safetensors or model.safetensors.index.json, got neither"},
      {"BrokenSingleFile",
       {{"config.json", "{}"}, {"model.safetensors", "short"}},
       "model.safetensors: expected at least 8 bytes, got 5"},
      {"IndexIsNotJson", Replace(kIndex, "nope"), "index.json: invalid JSON"},
      {"IndexIsAnArray", Replace(kIndex, "[]"), "index.json: expected an object, got array"},
      {"IndexHasNoWeightMap", Replace(kIndex, "{}"), "weight_map: expected an object"},
      {"WeightMapIsEmpty", Replace(kIndex, R"({"weight_map":{}})"), "got an empty one"},
      {"WeightMapIsAList", Replace(kIndex, R"({"weight_map":[]})"), "got array"},
      {"WeightMapNamesATensorTwice",
       Replace(kIndex, R"({"weight_map":{"a":"one.safetensors","a":"two.safetensors"}})"),
       "duplicate key \"a\""},
      {"ShardNameIsANumber", Replace(kIndex, R"({"weight_map":{"a":1}})"),
       "tensor \"a\": expected a file name, got number"},
      {"ShardNameLeavesTheFolder", Replace(kIndex, R"({"weight_map":{"a":"../one.safetensors"}})"),
       "tensor \"a\": expected a plain file name, got \"../one.safetensors\""},
      {"ShardNameIsAbsolute", Replace(kIndex, R"({"weight_map":{"a":"/etc/passwd"}})"),
       "expected a plain file name, got \"/etc/passwd\""},
      {"ShardNameIsEmpty", Replace(kIndex, R"({"weight_map":{"a":""}})"),
       "expected a plain file name, got \"\""},
      {"ShardNameHoldsANul", Replace(kIndex, R"({"weight_map":{"a":"one.safetensors\u0000.bin"}})"),
       "expected a plain file name"},
      {"MissingShard", Replace("two.safetensors", nullptr),
       "two.safetensors: missing shard: the index places \"b\" in it"},
      {"TruncatedShard", truncated, "two.safetensors: truncated: expected a header"},
      {"TensorAbsentFromItsShard", absent,
       "two.safetensors: expected tensor \"b\" as the index says"},
      {"TensorInTheOtherShard", wrong_shard,
       "two.safetensors: expected tensor \"a\" as the index says"},
      {"TensorInTwoShards", twice,
       "tensor \"a\": expected one file to hold it, got one.safetensors and two.safetensors"},
  };
}

void WriteAll(TempDir& dir, const Files& files) {
  for (const auto& [name, content] : files) dir.Write(name, content);
}

class BrokenCheckpointTest : public testing::TestWithParam<BrokenCheckpoint> {};

TEST_P(BrokenCheckpointTest, IsRefusedWithOneLineNamingTheFolder) {
  TempDir dir;
  WriteAll(dir, GetParam().files);
  const auto checkpoint = Checkpoint::Open(dir.path());
  ASSERT_FALSE(checkpoint);
  const std::string& message = checkpoint.error().message;
  EXPECT_NE(message.find(GetParam().expected), std::string::npos) << message;
  EXPECT_NE(message.find(dir.path().string()), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

INSTANTIATE_TEST_SUITE_P(Table, BrokenCheckpointTest, testing::ValuesIn(BrokenCheckpoints()),
                         [](const auto& info) { return info.param.name; });

TEST(Checkpoint, FindsTensorsAcrossShards) {
  TempDir dir;
  WriteAll(dir, TwoShards());
  dir.Write("generation_config.json", R"({"eos_token_id":7})");
  const auto checkpoint = Checkpoint::Open(dir.path());
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ((*checkpoint)->names(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ((*checkpoint)->Find("b")->At<uint8_t>(0), 1);
  EXPECT_FALSE((*checkpoint)->Find("c").has_value());
  EXPECT_EQ((*checkpoint)->config()["model_type"], "gpt_oss");
  EXPECT_EQ((*checkpoint)->generation_config()["eos_token_id"], 7);
}

TEST(Checkpoint, OffersTensorsThatTheIndexDoesNotMention) {
  TempDir dir;
  WriteAll(dir, Replace("two.safetensors", nullptr));
  dir.Write("two.safetensors", Shard({"b", "extra"}));
  const auto checkpoint = Checkpoint::Open(dir.path());
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_TRUE((*checkpoint)->Find("extra").has_value());
}

TEST(Checkpoint, PrefersTheSingleFileAsTransformersDoes) {
  TempDir dir;
  WriteAll(dir, TwoShards());
  dir.Write("model.safetensors", Shard({"single"}));
  const auto checkpoint = Checkpoint::Open(dir.path());
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ((*checkpoint)->names(), std::vector<std::string>{"single"});
}

TEST(Checkpoint, GenerationConfigIsOptional) {
  TempDir dir;
  WriteAll(dir, TwoShards());
  const auto checkpoint = Checkpoint::Open(dir.path());
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_TRUE((*checkpoint)->generation_config().is_object());
  EXPECT_TRUE((*checkpoint)->generation_config().empty());
}

TEST(Checkpoint, ReadsThePublishedFormThatPythonWrote) {
  const auto checkpoint = Checkpoint::Open(FAIRLEAD_TEST_DATA "/goldens/mxfp4_published");
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ((*checkpoint)->files().size(), 2u);
  const auto blocks = (*checkpoint)->Find("model.layers.0.mlp.experts.gate_up_proj_blocks");
  ASSERT_TRUE(blocks.has_value());
  EXPECT_EQ(blocks->dtype, DType::kU8);
  EXPECT_EQ(blocks->shape.size(), 4u);
}

std::string FingerprintOf(const TempDir& dir) {
  const auto checkpoint = Checkpoint::Open(dir.path());
  if (!checkpoint) return checkpoint.error().message;
  return (*checkpoint)->Fingerprint().value_or("failed");
}

TEST(CheckpointFingerprint, StaysWhileNothingChanges) {
  TempDir dir;
  WriteAll(dir, TwoShards());
  const std::string fingerprint = FingerprintOf(dir);
  EXPECT_EQ(fingerprint.size(), 32u);
  EXPECT_EQ(FingerprintOf(dir), fingerprint);
}

TEST(CheckpointFingerprint, ChangesWithConfigTensorsAndTimes) {
  TempDir dir;
  WriteAll(dir, TwoShards());
  std::vector<std::string> seen = {FingerprintOf(dir)};
  const auto expect_new = [&](const char* what) {
    const std::string now = FingerprintOf(dir);
    for (const std::string& earlier : seen) EXPECT_NE(now, earlier) << what;
    seen.push_back(now);
  };
  dir.Write("config.json", R"({"model_type":"gpt_oss", "num_hidden_layers":2})");
  expect_new("config");
  dir.Write("generation_config.json", R"({"eos_token_id":7})");
  expect_new("generation config");
  const auto shard = dir.path() / "two.safetensors";
  const auto time = std::filesystem::last_write_time(shard);
  dir.Write("two.safetensors", Shard({"b", "c"}));
  std::filesystem::last_write_time(shard, time);
  expect_new("tensors");
  std::filesystem::last_write_time(shard, time + std::chrono::seconds(1));
  expect_new("time");
  dir.Write("tokenizer.json", "{}");
  expect_new("tokenizer");
}

// Copies of a checkpoint that tests change, and what makes them one or another.
class CheckpointIdentity : public testing::Test {
 protected:
  std::filesystem::path Path(const std::string& file) const { return dir_.path() / file; }
  void Copy(const std::string& golden, const std::string& to) {
    const std::string from = FAIRLEAD_TEST_DATA "/goldens/" + golden;
    std::filesystem::copy(from, Path(to));
    for (const auto& entry : std::filesystem::directory_iterator(Path(to))) {
      std::filesystem::permissions(entry, std::filesystem::perms::owner_all);
    }
  }
  std::string Identity(const std::string& folder) const {
    const auto checkpoint = Checkpoint::Open(Path(folder));
    if (!checkpoint) return checkpoint.error().message;
    return (*checkpoint)->Identity().value_or("failed");
  }
  void FlipByte(const std::filesystem::path& path, size_t offset) const {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    const int byte = file.get();
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(static_cast<char>(byte ^ 1));
    ASSERT_TRUE(file.flush().good()) << path;
  }
  // A checkpoint of one zero tensor.
  void WriteLarge(const std::string& folder, size_t bytes) {
    dir_.Write(folder + "/config.json", "{}");
    const Tensor tensor = Tensor::Zeros(DType::kU8, {static_cast<int64_t>(bytes)});
    ASSERT_TRUE(WriteSafetensors(Path(folder) / "model.safetensors", {{"large", tensor.view()}}));
  }

  TempDir dir_;
};

TEST_F(CheckpointIdentity, IsThatOfEveryCopy) {
  Copy("tied_odd", "original");
  Copy("tied_odd", "copy");
  std::filesystem::last_write_time(Path("copy/model.safetensors"),
                                   std::filesystem::file_time_type() + std::chrono::hours(1));
  const std::string identity = Identity("original");
  EXPECT_EQ(identity.size(), 32u) << identity;
  EXPECT_EQ(Identity("copy"), identity);
}

TEST_F(CheckpointIdentity, DoesNotDependOnHowTensorsAreSpreadOverFiles) {
  Copy("mxfp4_published", "shards");
  const auto checkpoint = Checkpoint::Open(Path("shards"));
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  ASSERT_EQ((*checkpoint)->files().size(), 2u);
  std::vector<std::pair<std::string, TensorView>> tensors;
  for (const std::string& name : (*checkpoint)->names()) {
    tensors.emplace_back(name, *(*checkpoint)->Find(name));
  }
  std::reverse(tensors.begin(), tensors.end());
  dir_.Write("single/config.json", (*checkpoint)->config_text());
  ASSERT_TRUE(WriteSafetensors(Path("single/model.safetensors"), tensors, {{"format", "other"}}));
  EXPECT_EQ(Identity("single"), Identity("shards"));
}

TEST_F(CheckpointIdentity, ChangesWithOneByteOfAnyTensor) {
  Copy("tied_odd", "model");
  const std::string identity = Identity("model");
  const auto checkpoint = Checkpoint::Open(Path("model"));
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  const auto path = Path("model/model.safetensors");
  for (const SafetensorsEntry& entry : (*checkpoint)->files()[0]->entries()) {
    for (const size_t offset : {entry.begin, entry.begin + (entry.end - entry.begin) / 3}) {
      FlipByte(path, offset);
      EXPECT_NE(Identity("model"), identity) << entry.name;
      FlipByte(path, offset);
    }
  }
  EXPECT_EQ(Identity("model"), identity);
}

TEST_F(CheckpointIdentity, ChangesWithTheConfigNamesTypesAndShapes) {
  dir_.Write("model/config.json", "{}");
  const auto path = Path("model/model.safetensors");
  std::vector<std::string> seen;
  const auto expect_new = [&](const std::string& name, DType dtype, const Shape& shape) {
    ASSERT_TRUE(WriteSafetensors(path, {{name, Tensor::Zeros(dtype, shape).view()}}));
    const std::string now = Identity("model");
    for (const std::string& earlier : seen) EXPECT_NE(now, earlier) << name << ShapeString(shape);
    seen.push_back(now);
  };
  expect_new("a", DType::kBf16, {2, 3});
  expect_new("b", DType::kBf16, {2, 3});
  expect_new("b", DType::kF16, {2, 3});
  expect_new("b", DType::kF16, {3, 2});
  dir_.Write("model/config.json", "{} ");
  expect_new("b", DType::kF16, {3, 2});
}

TEST_F(CheckpointIdentity, SamplesStartMiddleAndEndOfALargeTensor) {
  constexpr size_t kBytes = size_t{1} << 20;
  WriteLarge("model", kBytes);
  const std::string identity = Identity("model");
  const auto path = Path("model/model.safetensors");
  const size_t begin = std::filesystem::file_size(path) - kBytes;
  const auto changes = [&](size_t offset) {
    FlipByte(path, begin + offset);
    const bool changed = Identity("model") != identity;
    FlipByte(path, begin + offset);
    return changed;
  };
  for (const size_t seen : {size_t{0}, size_t{4095}, kBytes / 2, kBytes - 4096, kBytes - 1}) {
    EXPECT_TRUE(changes(seen)) << seen;
  }
  for (const size_t between : {size_t{4096}, kBytes / 4, kBytes - 4097}) {
    EXPECT_FALSE(changes(between)) << between;
  }
}

TEST_F(CheckpointIdentity, AFileThatWasCutIsAnError) {
  WriteLarge("model", 100'000);
  const auto checkpoint = Checkpoint::Open(Path("model"));
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  std::filesystem::resize_file(Path("model/model.safetensors"), 50'000);
  const auto identity = (*checkpoint)->Identity();
  ASSERT_FALSE(identity);
  EXPECT_NE(identity.error().message.find("model.safetensors: truncated while it was read"),
            std::string::npos)
      << identity.error().message;
}

}  // namespace
}  // namespace fairlead

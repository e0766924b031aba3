#include <cstring>
#include <fstream>

#include "tests/e2e/bad_input.h"
#include "tests/e2e/checkpoints.h"
#include "tests/e2e/program.h"

namespace fairlead::e2e {
namespace {

namespace fs = std::filesystem;

constexpr const char* kIndex = "model.safetensors.index.json";
constexpr const char* kShard = "model-00001-of-00002.safetensors";
constexpr const char* kFile = "model.safetensors";

BadModel Bytes(const std::string& name, const std::function<void(std::string&)>& edit,
               const std::string& message) {
  return {name,
          [=](const fs::path& model) {
            std::string bytes = ReadText(model / kFile);
            edit(bytes);
            std::ofstream(model / kFile, std::ios::binary) << bytes;
          },
          message};
}

void SetLength(std::string& bytes, uint64_t length) {
  std::memcpy(bytes.data(), &length, sizeof(length));
}

// The header as JSON, changed.
BadModel Header(const std::string& name, const std::function<void(Json&)>& edit,
                const std::string& message) {
  return {name,
          [=](const fs::path& model) {
            EditHeader(model / kFile, [&](std::string& header) {
              Json json = Json::parse(header);
              edit(json);
              header = json.dump();
            });
          },
          message};
}

BadModel HeaderText(const std::string& name, const std::string& text, const std::string& message) {
  return {name,
          [=](const fs::path& model) {
            EditHeader(model / kFile, [&](std::string& header) { header = text; });
          },
          message};
}

// A sound file with other tensors.
BadModel Content(const std::string& name, const std::function<void(Tensors&)>& edit,
                 const std::string& message) {
  return {name, [=](const fs::path& model) { EditTensors(model / kFile, edit); }, message};
}

BadModel Index(const std::string& name, const std::function<void(Json&)>& edit,
               const std::string& message) {
  return {name, [=](const fs::path& model) { EditJson(model / kIndex, edit); }, message};
}

BadModel Shard(const std::string& name, const std::function<void(Tensors&)>& edit,
               const std::string& message) {
  return {name, [=](const fs::path& model) { EditTensors(model / kShard, edit); }, message};
}

// The first tensor in the shard whose name ends like this.
Tensor& Ending(Tensors& tensors, const std::string& suffix) {
  for (auto& [name, tensor] : tensors) {
    if (name.ends_with(suffix)) return tensor;
  }
  throw std::out_of_range(suffix);
}

const std::string kNorm = "model.norm.weight";
const std::string kSinks = "model.layers.1.self_attn.sinks";

}  // namespace

// One file of bf16 tensors: model.norm.weight is [40], the sinks of layer 1 are [4].
std::vector<BadModel> BadCheckpoints() {
  return {
      Bytes(
          "FileEmpty", [](std::string& bytes) { bytes.clear(); },
          "model.safetensors: expected at least 8 bytes, got 0"),
      Bytes(
          "FileTruncatedInTheHeader", [](std::string& bytes) { bytes.resize(100); },
          "model.safetensors: truncated: expected a header of "),
      Bytes(
          "FileTruncatedInTheData", [](std::string& bytes) { bytes.pop_back(); },
          "truncated: expected data up to byte "),
      Bytes(
          "FileTooLong", [](std::string& bytes) { bytes += "tail"; }, "bytes of data, got "),
      Bytes(
          "HeaderLengthOf2To63", [](std::string& bytes) { SetLength(bytes, uint64_t{1} << 63); },
          "expected a header of at most 100000000 bytes, got 9223372036854775808"),
      Bytes(
          "HeaderLongerThanTheFile", [](std::string& bytes) { SetLength(bytes, 99999999); },
          "truncated: expected a header of 99999999 bytes"),
      Bytes(
          "HeaderLengthZero", [](std::string& bytes) { SetLength(bytes, 0); },
          "expected a header that starts with '{'"),
      Bytes(
          "PickleInsteadOfSafetensors", [](std::string& bytes) { bytes = "\x80\x02}q\x01."; },
          "expected at least 8 bytes, got"),
      HeaderText("HeaderNotJson", "{not json", "model.safetensors: invalid JSON at byte 3"),
      HeaderText("HeaderDeeplyNested", "{\"a\":" + std::string(100000, '['),
                 "nested deeper than 64 levels"),
      HeaderText("HeaderEmpty", "{}", "expected 0 bytes of data, got "),
      {"NameTwice",
       [](const fs::path& model) {
         EditHeader(model / kFile, [](std::string& header) {
           header.replace(header.find(kSinks), kSinks.size(), kNorm);
         });
       },
       "duplicate key \"model.norm.weight\""},
      Header(
          "OffsetsOverlap",
          [](Json& json) { json[kNorm]["data_offsets"] = json[kSinks]["data_offsets"]; },
          "expected 80 bytes for BF16 [40], got 8"),
      Header(
          "TensorsShareBytes", [](Json& json) { json[kNorm] = json[kSinks]; },
          "overlaps the tensor before it"),
      Header(
          "OffsetsBeyondTheFile",
          [](Json& json) {
            json[kNorm]["data_offsets"] = {int64_t{1} << 40, (int64_t{1} << 40) + 80};
          },
          "leaves a hole before it"),
      Header(
          "OffsetsBackwards",
          [](Json& json) {
            json[kNorm]["data_offsets"] = {80, 0};
          },
          "\"model.norm.weight\": data_offsets: expected [begin, end] with begin <= end"),
      Header(
          "OffsetsNegative",
          [](Json& json) {
            json[kNorm]["data_offsets"] = {-80, 0};
          },
          "data_offsets: expected integers from 0 to 2^63 - 1, got -80"),
      Header(
          "OffsetsMissing", [](Json& json) { json[kNorm].erase("data_offsets"); },
          "data_offsets: expected an array, got nothing"),
      Header(
          "DtypeUnknown", [](Json& json) { json[kNorm]["dtype"] = "F8_E9M9"; },
          "\"model.norm.weight\": dtype: expected a type such as F32, BF16 or U8, got "
          "\"F8_E9M9\""),
      Header(
          "DtypeWithALineBreak", [](Json& json) { json[kNorm]["dtype"] = "F3\n2"; },
          "got \"F3\\n2\""),
      Header(
          "ShapeOf2To62", [](Json& json) { json[kNorm]["shape"] = {int64_t{1} << 62}; },
          "\"model.norm.weight\": shape: expected a size below 2^63 bytes"),
      Header(
          "ShapeProductOverflows",
          [](Json& json) {
            json[kNorm]["shape"] = {4294967296, 4294967296, 1};
          },
          "shape: expected a size below 2^63 bytes"),
      Header(
          "ShapeNegative", [](Json& json) { json[kNorm]["shape"] = {-40}; },
          "shape: expected integers from 0 to 2^63 - 1, got -40"),
      Header(
          "ShapeTooSmallForItsBytes", [](Json& json) { json[kNorm]["shape"] = {39}; },
          "\"model.norm.weight\": expected 78 bytes for BF16 [39], got 80"),
      Header(
          "TensorANumber", [](Json& json) { json[kNorm] = 3; }, "expected an object, got number"),
      Content(
          "ShapeWrong",
          [](Tensors& tensors) {
            tensors.at(kNorm).shape = {20, 2};
          },
          "model.safetensors: model.norm.weight: expected shape [40], got [20, 2]"),
      Content(
          "ShapeTransposed",
          [](Tensors& tensors) {
            Shape& shape = tensors.at("model.layers.0.mlp.experts.gate_up_proj").shape;
            std::swap(shape[1], shape[2]);
          },
          "model.layers.0.mlp.experts.gate_up_proj: expected shape [4, 40, 48], got [4, 48, "
          "40]"),
      Content(
          "DtypeWrong", [](Tensors& tensors) { tensors.at(kNorm).dtype = DType::kI16; },
          "model.safetensors: model.norm.weight: expected type F32, BF16 or F16, got I16"),
      Content(
          "TensorMissing", [](Tensors& tensors) { tensors.erase(kNorm); },
          "missing tensors (1): model.norm.weight"),
      Content(
          "TensorsMissing",
          [](Tensors& tensors) {
            tensors.erase(kNorm);
            tensors.erase(kSinks);
          },
          "missing tensors (2): model.layers.1.self_attn.sinks, model.norm.weight"),
      {"FileMissing", [](const fs::path& model) { fs::remove(model / kFile); },
       "expected model.safetensors or model.safetensors.index.json, got neither"},
      {"FileAFolder",
       [](const fs::path& model) {
         fs::remove(model / kFile);
         fs::create_directory(model / kFile);
       },
       "model.safetensors: expected a regular file"},
      {"FileADanglingLink",
       [](const fs::path& model) {
         fs::remove(model / kFile);
         fs::create_symlink("../blobs/gone", model / kFile);
       },
       "model.safetensors: expected the file ../blobs/gone that it links to, got none"},
  };
}

// Two shards and their index; experts in MXFP4.
std::vector<BadModel> BadShardedCheckpoints() {
  return {
      {"ShardMissing", [](const fs::path& model) { fs::remove(model / kShard); },
       "model-00001-of-00002.safetensors: missing shard: the index places \""},
      {"ShardTruncated",
       [](const fs::path& model) {
         fs::resize_file(model / kShard, fs::file_size(model / kShard) / 2);
       },
       "model-00001-of-00002.safetensors: tensor \""},
      {"IndexNotJson", [](const fs::path& model) { std::ofstream(model / kIndex) << "weights"; },
       "model.safetensors.index.json: invalid JSON at byte 1"},
      Index(
          "IndexWithoutMap", [](Json& json) { json.erase("weight_map"); },
          "weight_map: expected an object with the file of each tensor, got nothing"),
      Index(
          "IndexMapEmpty", [](Json& json) { json["weight_map"] = Json::object(); },
          "weight_map: expected an object with the file of each tensor, got an empty one"),
      Index(
          "IndexNamesANumber", [](Json& json) { json["weight_map"][kNorm] = 3; },
          "weight_map: tensor \"model.norm.weight\": expected a file name, got number"),
      Index(
          "IndexLeavesTheFolder",
          [](Json& json) { json["weight_map"][kNorm] = "../../../etc/passwd"; },
          "\"model.norm.weight\": expected a plain file name, got \"../../../etc/passwd\""),
      Index(
          "IndexNamesAnAbsolutePath", [](Json& json) { json["weight_map"][kNorm] = "/etc/passwd"; },
          "expected a plain file name, got \"/etc/passwd\""),
      Index(
          "IndexNamesAnotherShard",
          [](Json& json) {
            Json& shard = json["weight_map"][kNorm];
            shard = shard == kShard ? "model-00000-of-00002.safetensors" : kShard;
          },
          "expected tensor \"model.norm.weight\" as the index says, got none by that name"),
      Index(
          "IndexNamesATensorThatIsNowhere",
          [](Json& json) { json["weight_map"]["model.layers.9.bias"] = kShard; },
          "expected tensor \"model.layers.9.bias\" as the index says, got none by that name"),
      Shard(
          "ScaleOf255",
          [](Tensors& tensors) { Ending(tensors, "_scales").bytes[5] = std::byte{255}; },
          "expected scales of at most 254, got 255 (not a number) at ["),
      Shard(
          "ScalesOfAnotherShape",
          [](Tensors& tensors) {
            Shape& shape = Ending(tensors, "_scales").shape;
            std::swap(shape[1], shape[2]);
          },
          "_scales: expected shape ["),
      Shard(
          "BlocksOfAnotherType",
          [](Tensors& tensors) { Ending(tensors, "_blocks").dtype = DType::kI8; },
          "_blocks: expected type U8, got I8"),
      Shard(
          "ScalesOnlyInTheIndex",
          [](Tensors& tensors) {
            std::erase_if(tensors, [](const auto& item) { return item.first.ends_with("scales"); });
          },
          "as the index says, got none by that name"),
  };
}

}  // namespace fairlead::e2e

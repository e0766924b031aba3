#include "artifact/manifest.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <set>

#include "artifact/checksum.h"
#include "artifact/neuron_config.h"
#include "base/file.h"
#include "base/json.h"
#include "config/config_reader.h"

namespace fairlead {
namespace {

constexpr std::string_view kFormat = "fairlead artifact";
constexpr size_t kMaxManifestBytes = size_t{64} << 20;
constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
// The files beside fairlead.json and the weights.
constexpr std::string_view kPlainFiles[] = {kConfigName, kGenerationConfigName, kNeuronConfigName,
                                            "tokenizer.json", "tokenizer.bin"};
constexpr size_t kDigits = 16;  // of a checksum

// The end of the file: its checksum covers all bytes before this.
std::string Tail(std::string_view checksum) {
  return fmt::format(",\n  \"xxh3\": \"{}\"\n}}\n", checksum);
}

// Each axis as its size and the [start, count] ranges that the rank holds: [64, [16, 8]].
Json AxesToJson(const std::vector<Axis>& axes) {
  Json json = Json::array();
  for (const Axis& axis : axes) {
    Json item = Json::array({axis.size});
    for (const Range& range : axis.held) item.push_back({range.start, range.count});
    json.push_back(std::move(item));
  }
  return json;
}

Json DeclarationToJson(const StoredTensor& tensor) {
  Json json = {{"name", tensor.name},
               {"shape", tensor.shape},
               {"layout", LayoutId(tensor.layout)},
               {"bytes", tensor.bytes}};
  if (!tensor.axes.empty()) json["axes"] = AxesToJson(tensor.axes);
  return json;
}

std::string TensorText(const StoredTensor& tensor) {
  Json json = DeclarationToJson(tensor);
  json["xxh3"] = tensor.xxh3;
  return "      " + DumpJson(json);
}

std::string FileText(const StoredFile& file) {
  return "    " + DumpJson({{"name", file.name}, {"bytes", file.bytes}, {"xxh3", file.xxh3}});
}

std::string RankText(const Manifest& manifest, size_t rank) {
  std::vector<std::string> tensors;
  for (const StoredTensor& tensor : manifest.ranks[rank]) tensors.push_back(TensorText(tensor));
  return fmt::format("    {{\"weights\": {}, \"tensors\": [\n{}\n    ]}}",
                     DumpJson(WeightsName(rank, manifest.ranks.size())), fmt::join(tensors, ",\n"));
}

// The file up to Tail, one tensor a line.
std::string Body(const Manifest& manifest) {
  std::vector<std::string> files, ranks;
  for (const StoredFile& file : manifest.files) files.push_back(FileText(file));
  for (size_t rank = 0; rank < manifest.ranks.size(); ++rank) {
    ranks.push_back(RankText(manifest, rank));
  }
  return fmt::format(
      "{{\n  \"format\": {},\n  \"format_version\": {},\n  \"fairlead_version\": {},\n"
      "  \"checkpoint_hash\": {},\n  \"options\": {},\n  \"files\": [\n{}\n  ],\n"
      "  \"ranks\": [\n{}\n  ]",
      DumpJson(kFormat), kArtifactFormatVersion, DumpJson(manifest.fairlead_version),
      DumpJson(manifest.checkpoint_hash), DumpJson(OptionsToJson(manifest.options)),
      fmt::join(files, ",\n"), fmt::join(ranks, ",\n"));
}

std::string ReadChecksum(ConfigReader& reader) {
  std::string digits = reader.String("xxh3");
  const bool hexadecimal = std::all_of(digits.begin(), digits.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
  if (digits.size() != kDigits || !hexadecimal) {
    reader.Reject("xxh3", "16 hexadecimal digits", Quoted(digits));
  }
  return digits;
}

// The items of a list of objects; an empty one after a mistake.
Json List(ConfigReader& reader, const Json& object, std::string_view key) {
  const auto found = object.find(std::string(key));
  if (found != object.end() && found->is_array()) return *found;
  reader.Reject(key, "a list", found == object.end() ? "nothing" : Excerpt(*found));
  return Json::array();
}

Result<StoredFile> FileFromJson(const Json& json, const std::string& source) {
  ConfigReader reader(json, source, "artifact");
  StoredFile file;
  file.name = reader.String("name");
  if (std::find(std::begin(kPlainFiles), std::end(kPlainFiles), file.name) ==
      std::end(kPlainFiles)) {
    reader.Reject("name", fmt::format("one of {}", fmt::join(kPlainFiles, ", ")),
                  Quoted(file.name));
  }
  file.bytes = static_cast<uint64_t>(reader.Int("bytes", 0, kMost));
  file.xxh3 = ReadChecksum(reader);
  FAIRLEAD_RETURN_IF_ERROR(reader.status());
  return file;
}

// The inverse of AxesToJson; nullopt for anything else. Ranges are compared with the model's later.
std::optional<std::vector<Axis>> AxesFromJson(const Json& json) {
  // Small enough that the end of a range fits, too.
  const auto is_count = [](const Json& value) {
    return value.is_number_unsigned() && value.get<uint64_t>() <= uint64_t{kMost / 2};
  };
  if (!json.is_array() || json.empty()) return std::nullopt;
  std::vector<Axis> axes;
  for (const Json& item : json) {
    if (!item.is_array() || item.empty() || !is_count(item[0])) return std::nullopt;
    Axis& axis = axes.emplace_back(item[0].get<int64_t>());
    for (size_t i = 1; i < item.size(); ++i) {
      const Json& range = item[i];
      if (!range.is_array() || range.size() != 2 || !is_count(range[0]) || !is_count(range[1])) {
        return std::nullopt;
      }
      axis.held.push_back({range[0].get<int64_t>(), range[1].get<int64_t>()});
    }
  }
  return axes;
}

Result<StoredTensor> TensorFromJson(const Json& json, const std::string& source) {
  ConfigReader reader(json, source, "artifact");
  StoredTensor tensor;
  tensor.name = reader.String("name");
  tensor.shape = reader.IntOrInts("shape", 1, kMost);
  if (tensor.shape.empty() || tensor.shape.size() > 3) {
    reader.Reject("shape", "1 to 3 dimensions", fmt::format("{}", tensor.shape.size()));
  }
  if (const auto found = json.find("axes"); found != json.end()) {
    if (auto axes = AxesFromJson(*found)) {
      tensor.axes = *std::move(axes);
    } else {
      reader.Reject("axes", "lists of a size and [start, count] ranges", Excerpt(*found));
    }
  }
  const std::string layout = reader.String("layout");
  tensor.bytes = static_cast<uint64_t>(reader.Int("bytes", 0, kMost));
  tensor.xxh3 = ReadChecksum(reader);
  FAIRLEAD_RETURN_IF_ERROR(reader.status());
  auto parsed = ParseLayout(layout);
  if (!parsed) {
    return Fail(parsed.error().code, "artifact", "{}: {}: {}", source, Quoted(tensor.name),
                parsed.error().message);
  }
  tensor.layout = *parsed;
  return tensor;
}

Result<std::vector<StoredTensor>> RankFromJson(const Json& json, size_t rank, size_t ranks,
                                               const std::string& manifest_source) {
  const std::string source = fmt::format("{}: rank {}", manifest_source, rank);
  ConfigReader reader(json, source, "artifact");
  const std::string weights = reader.String("weights");
  if (weights != WeightsName(rank, ranks)) {
    reader.Reject("weights", WeightsName(rank, ranks), Quoted(weights));
  }
  FAIRLEAD_RETURN_IF_ERROR(reader.status());
  std::vector<StoredTensor> tensors;
  std::set<std::string> names;
  for (const Json& item : List(reader, json, "tensors")) {
    FAIRLEAD_ASSIGN_OR_RETURN(StoredTensor tensor, TensorFromJson(item, source));
    if (!names.insert(tensor.name).second) {
      reader.Reject("tensors", "each once", Quoted(tensor.name) + " twice");
    }
    tensors.push_back(std::move(tensor));
  }
  FAIRLEAD_RETURN_IF_ERROR(reader.status());
  return tensors;
}

Status CheckFormat(const Json& json, const std::string& source) {
  ConfigReader reader(json, source, "artifact");
  const std::string format = reader.String("format");
  if (format != kFormat) reader.Reject("format", Quoted(kFormat), Quoted(format));
  const int64_t version = reader.Int("format_version", 1, kMost);
  FAIRLEAD_RETURN_IF_ERROR(reader.status());
  if (version == kArtifactFormatVersion) return {};
  return Fail(ErrorCode::kUnsupported, "artifact",
              "{}: format_version: expected {}, got {}; {} or write it anew with `fairlead export`",
              source, kArtifactFormatVersion, version,
              version > kArtifactFormatVersion ? "use a newer fairlead" : "use an older fairlead");
}

Status CheckChecksum(std::string_view text, const Json& json, const std::string& source) {
  ConfigReader reader(json, source, "artifact");
  const std::string stored = ReadChecksum(reader);
  FAIRLEAD_RETURN_IF_ERROR(reader.status());
  const std::string tail = Tail(stored);
  if (text.ends_with(tail)) {
    const std::string_view body = text.substr(0, text.size() - tail.size());
    if (ChecksumOf(std::as_bytes(std::span(body))) == stored) return {};
  }
  return Fail(ErrorCode::kInvalidData, "artifact",
              "{}: its checksum is wrong: the file was damaged or edited", source);
}

}  // namespace

const StoredFile* Manifest::FindFile(std::string_view name) const {
  const auto found = std::find_if(files.begin(), files.end(),
                                  [&](const StoredFile& file) { return file.name == name; });
  return found == files.end() ? nullptr : &*found;
}

bool IsArtifactFile(std::string_view name) {
  return name == kManifestName ||
         (name.starts_with("weights/rank-") && name.ends_with(".safetensors")) ||
         std::find(std::begin(kPlainFiles), std::end(kPlainFiles), name) != std::end(kPlainFiles);
}

std::string WeightsName(size_t rank, size_t ranks) {
  return fmt::format("weights/rank-{:05}-of-{:05}.safetensors", rank, ranks);
}

std::map<std::string, std::string> WeightsMetadata(const std::string& checkpoint_hash, size_t rank,
                                                   size_t ranks) {
  return {{"format", std::string(kFormat)},
          {"format_version", std::to_string(kArtifactFormatVersion)},
          {"checkpoint_hash", checkpoint_hash},
          {"rank", fmt::format("{} of {}", rank, ranks)}};
}

std::string DeclarationsChecksum(const std::vector<StoredTensor>& tensors) {
  Checksum checksum;
  for (const StoredTensor& tensor : tensors) {
    checksum.Add(DumpJson(DeclarationToJson(tensor)));
    checksum.Add("\n");
  }
  return checksum.Digest();
}

uint64_t PaddedBytes(uint64_t bytes) {
  return (bytes + kTensorAlignment - 1) / kTensorAlignment * kTensorAlignment;
}

std::string_view FairleadVersion() { return FAIRLEAD_VERSION; }

std::string ManifestText(const Manifest& manifest) {
  const std::string body = Body(manifest);
  return body + Tail(ChecksumOf(std::as_bytes(std::span(body))));
}

Status WriteManifest(const Manifest& manifest, const std::filesystem::path& dir) {
  FAIRLEAD_ASSIGN_OR_RETURN(FileWriter file, FileWriter::Create(dir / kManifestName));
  FAIRLEAD_RETURN_IF_ERROR(file.Write(ManifestText(manifest)));
  return file.Close();
}

Result<Manifest> ReadManifest(const std::filesystem::path& dir) {
  const std::filesystem::path path = dir / kManifestName;
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, "artifact", kMaxManifestBytes));
  return ParseManifest(text, path.string());
}

Result<Manifest> ParseManifest(std::string_view text, const std::string& source) {
  FAIRLEAD_ASSIGN_OR_RETURN(const Json json, ParseJson(text, "artifact", source));
  FAIRLEAD_RETURN_IF_ERROR(CheckFormat(json, source));
  FAIRLEAD_RETURN_IF_ERROR(CheckChecksum(text, json, source));
  ConfigReader reader(json, source, "artifact");
  Manifest manifest;
  manifest.fairlead_version = reader.String("fairlead_version");
  manifest.checkpoint_hash = reader.String("checkpoint_hash");
  const Json options = reader.Object("options");
  const Json files = List(reader, json, "files"), ranks = List(reader, json, "ranks");
  FAIRLEAD_RETURN_IF_ERROR(reader.status());
  FAIRLEAD_ASSIGN_OR_RETURN(manifest.options, OptionsFromJson(options, source + ": options"));
  const auto expected = static_cast<size_t>(manifest.options.ranks());
  if (!ranks.empty() && ranks.size() != expected) {
    reader.Reject("ranks", fmt::format("{}, as tp_degree and ep_degree say", expected),
                  fmt::format("{}", ranks.size()));
    FAIRLEAD_RETURN_IF_ERROR(reader.status());
  }
  for (const Json& item : files) {
    FAIRLEAD_ASSIGN_OR_RETURN(StoredFile file, FileFromJson(item, source + ": files"));
    manifest.files.push_back(std::move(file));
  }
  for (size_t rank = 0; rank < ranks.size(); ++rank) {
    FAIRLEAD_ASSIGN_OR_RETURN(auto tensors, RankFromJson(ranks[rank], rank, ranks.size(), source));
    manifest.ranks.push_back(std::move(tensors));
  }
  return manifest;
}

}  // namespace fairlead

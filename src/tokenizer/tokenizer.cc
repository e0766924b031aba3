#include "tokenizer/tokenizer.h"

#include <algorithm>

#include "base/file.h"
#include "tokenizer/bpe.h"
#include "tokenizer/compact.h"
#include "tokenizer/tokenizer_json.h"
#include "tokenizer/utf8.h"

namespace fairlead {
namespace {

constexpr size_t kMaxJsonBytes = size_t{256} << 20;
constexpr size_t kMaxTextBytes = size_t{1} << 30;

Status CheckText(std::string_view text) {
  if (text.size() > kMaxTextBytes) {
    return Fail(ErrorCode::kInvalidArgument, "tokenizer", "text: expected at most {} bytes, got {}",
                kMaxTextBytes, text.size());
  }
  if (const auto offset = FindInvalidUtf8(text)) {
    return Fail(ErrorCode::kInvalidArgument, "tokenizer",
                "text: expected UTF-8, got a broken sequence at byte {}", *offset);
  }
  return {};
}

// The first special token in `text`: its position and id.
struct SpecialMatch {
  size_t position;
  uint32_t id;
};

std::optional<SpecialMatch> FindSpecial(const Tables& tables, std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (const auto id = tables.MatchSpecial(text.substr(i))) return SpecialMatch{i, *id};
  }
  return std::nullopt;
}

}  // namespace

Tokenizer::Tokenizer(Tables tables, SplitPattern pattern)
    : tables_(std::move(tables)), byte_ids_(FindByteIds(tables_)), pattern_(std::move(pattern)) {}

Result<Tokenizer::Pointer> Tokenizer::Open(const std::filesystem::path& folder) {
  std::error_code ignored;
  const auto compact = folder / kCompactName;
  if (std::filesystem::exists(compact, ignored)) return FromCompact(compact);
  const auto json = folder / kJsonName;
  if (std::filesystem::exists(json, ignored)) return FromJson(json);
  return Fail(ErrorCode::kNotFound, "tokenizer", "{}: expected {} or {}, found neither",
              folder.string(), kCompactName, kJsonName);
}

Result<Tokenizer::Pointer> Tokenizer::FromJson(const std::filesystem::path& path) {
  FAIRLEAD_ASSIGN_OR_RETURN(std::string json, ReadFile(path, "tokenizer", kMaxJsonBytes));
  FAIRLEAD_ASSIGN_OR_RETURN(Tables tables, ParseTokenizerJson(std::move(json), path.string()));
  return FromTables(std::move(tables), path.string());
}

Result<Tokenizer::Pointer> Tokenizer::FromJsonText(std::string_view json, std::string_view object) {
  FAIRLEAD_ASSIGN_OR_RETURN(Tables tables, ParseTokenizerJson(std::string(json), object));
  return FromTables(std::move(tables), object);
}

Result<Tokenizer::Pointer> Tokenizer::FromCompact(const std::filesystem::path& path) {
  FAIRLEAD_ASSIGN_OR_RETURN(Tables tables, MapCompactTables(path));
  return FromTables(std::move(tables), path.string());
}

Result<Tokenizer::Pointer> Tokenizer::FromTables(Tables tables, std::string_view object) {
  FAIRLEAD_ASSIGN_OR_RETURN(SplitPattern pattern,
                            SplitPattern::Compile(tables.split_pattern, object));
  return Pointer(new Tokenizer(std::move(tables), std::move(pattern)));
}

Status Tokenizer::WriteCompact(const std::filesystem::path& path) const {
  return WriteCompactTables(tables_, path);
}

Result<std::vector<int32_t>> Tokenizer::Encode(std::string_view text, bool parse_special) const {
  FAIRLEAD_RETURN_IF_ERROR(CheckText(text));
  BpeEncoder encoder(tables_, byte_ids_);
  std::vector<int32_t> ids;
  const auto append_piece = [&](std::string_view piece) { encoder.Append(piece, ids); };
  while (!text.empty()) {
    const auto special = parse_special ? FindSpecial(tables_, text) : std::nullopt;
    const size_t ordinary = special ? special->position : text.size();
    FAIRLEAD_RETURN_IF_ERROR(pattern_.Split(text.substr(0, ordinary), append_piece));
    text.remove_prefix(ordinary);
    if (!special) break;
    ids.push_back(static_cast<int32_t>(special->id));
    text.remove_prefix(tables_.Token(special->id).size());
  }
  return ids;
}

Result<std::string> Tokenizer::Decode(std::span<const int32_t> ids) const {
  std::string bytes;
  for (const int32_t id : ids) {
    const auto token = TokenBytes(id);
    if (!token) {
      return Fail(ErrorCode::kInvalidArgument, "tokenizer",
                  "id {}: expected an id of the vocabulary (0 to {})", id, vocabulary_size() - 1);
    }
    bytes += *token;
  }
  std::string text;
  AppendUtf8Lossy(bytes, /*final=*/true, text);
  return text;
}

std::optional<int32_t> Tokenizer::SpecialId(std::string_view name) const {
  const auto id = tables_.MatchSpecial(name);
  if (!id || tables_.Token(*id) != name) return std::nullopt;
  return static_cast<int32_t>(*id);
}

bool Tokenizer::IsSpecial(int32_t id) const {
  // The longest special token that an id's own bytes begin with can only be that id itself.
  return TokenBytes(id) && tables_.MatchSpecial(*TokenBytes(id)) == static_cast<uint32_t>(id);
}

std::optional<std::string_view> Tokenizer::TokenBytes(int32_t id) const {
  const std::string_view bytes = tables_.Token(static_cast<uint32_t>(id));
  if (bytes.empty()) return std::nullopt;
  return bytes;
}

Result<std::string> StreamDecoder::Push(int32_t id) {
  const auto token = tokenizer_->TokenBytes(id);
  if (!token) return tl::unexpected<Error>(tokenizer_->Decode({&id, 1}).error());
  pending_ += *token;
  std::string text;
  pending_.erase(0, AppendUtf8Lossy(pending_, /*final=*/false, text));
  return text;
}

std::string StreamDecoder::Flush() {
  std::string text;
  AppendUtf8Lossy(pending_, /*final=*/true, text);
  pending_.clear();
  return text;
}

}  // namespace fairlead

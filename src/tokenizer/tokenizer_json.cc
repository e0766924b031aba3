#include "tokenizer/tokenizer_json.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <initializer_list>

#include "base/json.h"
#include "tokenizer/byte_level.h"

namespace fairlead {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::element_type;
using simdjson::dom::object;

constexpr size_t kMaxSpecialBytes = 256;

// What the views in Tables point to.
struct OwnedTables {
  std::string split_pattern;
  std::vector<uint32_t> offsets;
  std::string token_bytes;
  std::vector<uint32_t> word_slots;
  std::vector<MergeRule> merge_slots;
  std::vector<uint32_t> specials;
};

// `text` in quotes, short and on one line whatever it holds.
std::string Quote(std::string_view text) {
  constexpr size_t kShown = 48;
  const std::string shown(text.substr(0, kShown));
  return DumpJsonAscii(Json(shown)) + (text.size() > kShown ? "..." : "");
}

// A JSON value as an error message shows it: scalars in full, the others by their kind.
std::string Describe(const element& value) {
  switch (value.type()) {
    case element_type::ARRAY:
      return "an array";
    case element_type::OBJECT:
      return "an object";
    case element_type::STRING:
      return Quote(value.get_string().value_unsafe());
    default:
      return simdjson::minify(value);
  }
}

// Walks the parsed document. Each step knows the source's name, for errors.
class TokenizerReader {
 public:
  TokenizerReader(std::string_view object, const element& root) : object_(object), root_(root) {}

  Result<Tables> Read();

 private:
  // A token from the file: its bytes are appended to token_bytes once all ids are known.
  struct Entry {
    std::string_view text;
    bool is_special = false;
    bool is_word = false;
  };

  template <typename... Args>
  tl::unexpected<Error> Invalid(fmt::format_string<Args...> format, Args&&... args) const {
    return Fail(ErrorCode::kInvalidData, "tokenizer", "{}: {}", object_,
                fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  tl::unexpected<Error> Unsupported(fmt::format_string<Args...> format, Args&&... args) const {
    return Fail(ErrorCode::kUnsupported, "tokenizer", "{}: {}", object_,
                fmt::format(format, std::forward<Args>(args)...));
  }

  // `where` is the path of `parent` in the file, for errors.
  Result<std::optional<element>> Find(const element& parent, std::string_view where,
                                      std::string_view key) const;
  template <typename T>
  Result<T> Get(const element& parent, std::string_view where, std::string_view key,
                std::string_view expected) const;
  Status ExpectUnset(const element& parent, std::string_view where, std::string_view key) const;
  Status ExpectBool(const element& parent, std::string_view where, std::string_view key,
                    bool wanted, bool if_absent) const;
  Status ExpectType(const element& parent, std::string_view where, std::string_view wanted) const;
  Result<uint32_t> ReadId(const element& value, std::string_view text) const;

  Status CheckPipeline() const;
  Status CheckModel(const element& model) const;
  Status ReadPreTokenizer();
  Status ReadSplit(const element& split);
  Status ReadVocabulary(const element& model);
  Status ReadSpecials();
  Status ReadSpecial(const element& token);
  Status StoreTokens();
  Status IndexWords();
  Status ReadMerges(const element& model);
  Result<MergeRule> ReadMerge(const element& merge, uint32_t rank) const;
  Result<std::array<std::string_view, 2>> SplitMerge(const element& merge, uint32_t rank) const;
  Result<uint32_t> FindMergeToken(std::string_view bytes, uint32_t rank) const;

  std::string_view object_;
  element root_;
  std::vector<Entry> entries_;  // by id
  std::shared_ptr<OwnedTables> owned_ = std::make_shared<OwnedTables>();
  Tables tables_;  // views of what owned_ holds so far
};

Result<std::optional<element>> TokenizerReader::Find(const element& parent, std::string_view where,
                                                     std::string_view key) const {
  object fields;
  if (parent.get(fields) != simdjson::SUCCESS) {
    return Invalid("{}: expected an object, got {}", where, Describe(parent));
  }
  std::optional<element> found;
  for (const auto field : fields) {
    if (field.key != key) continue;
    // Two readers could disagree about which one counts.
    if (found) return Invalid("{}.{}: expected once, got it twice", where, key);
    found = field.value;
  }
  return found;
}

template <typename T>
Result<T> TokenizerReader::Get(const element& parent, std::string_view where, std::string_view key,
                               std::string_view expected) const {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto value, Find(parent, where, key));
  if (!value) return Invalid("{}.{}: expected {}, got nothing", where, key, expected);
  T result;
  if (value->get(result) != simdjson::SUCCESS) {
    return Invalid("{}.{}: expected {}, got {}", where, key, expected, Describe(*value));
  }
  return result;
}

Status TokenizerReader::ExpectUnset(const element& parent, std::string_view where,
                                    std::string_view key) const {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto value, Find(parent, where, key));
  if (!value || value->is_null()) return {};
  return Unsupported("{}.{}: expected null, got {}", where, key, Describe(*value));
}

Status TokenizerReader::ExpectBool(const element& parent, std::string_view where,
                                   std::string_view key, bool wanted, bool if_absent) const {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto value, Find(parent, where, key));
  if (!value && wanted == if_absent) return {};
  bool got = false;
  if (value && value->get(got) == simdjson::SUCCESS && got == wanted) return {};
  return Unsupported("{}.{}: expected {}, got {}", where, key, wanted,
                     value ? Describe(*value) : "nothing");
}

Status TokenizerReader::ExpectType(const element& parent, std::string_view where,
                                   std::string_view wanted) const {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto type,
                            Get<std::string_view>(parent, where, "type", "a string"));
  if (type == wanted) return {};
  return Unsupported("{}.type: expected \"{}\", got {}", where, wanted, Quote(type));
}

Result<uint32_t> TokenizerReader::ReadId(const element& value, std::string_view text) const {
  uint64_t id = 0;
  if (value.get(id) != simdjson::SUCCESS || id >= kMaxVocabularySize) {
    return Invalid("token {}: expected an id below {}, got {}", Quote(text), kMaxVocabularySize,
                   Describe(value));
  }
  return static_cast<uint32_t>(id);
}

Result<Tables> TokenizerReader::Read() {
  FAIRLEAD_RETURN_IF_ERROR(CheckPipeline());
  FAIRLEAD_ASSIGN_OR_RETURN(const auto model, Find(root_, "file", "model"));
  if (!model) return Invalid("file.model: expected an object, got nothing");
  FAIRLEAD_RETURN_IF_ERROR(CheckModel(*model));
  FAIRLEAD_RETURN_IF_ERROR(ReadPreTokenizer());
  FAIRLEAD_RETURN_IF_ERROR(ReadVocabulary(*model));
  FAIRLEAD_RETURN_IF_ERROR(ReadSpecials());
  FAIRLEAD_RETURN_IF_ERROR(StoreTokens());
  FAIRLEAD_RETURN_IF_ERROR(IndexWords());
  FAIRLEAD_RETURN_IF_ERROR(ReadMerges(*model));
  tables_.storage = owned_;
  FAIRLEAD_RETURN_IF_ERROR(CheckTables(tables_, object_));
  return std::move(tables_);
}

// The steps around the model: only those that change no text and add no tokens.
Status TokenizerReader::CheckPipeline() const {
  for (const std::string_view key : {"normalizer", "truncation", "padding"}) {
    FAIRLEAD_RETURN_IF_ERROR(ExpectUnset(root_, "file", key));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const auto decoder, Find(root_, "file", "decoder"));
  if (!decoder) return Unsupported("file.decoder: expected an object, got nothing");
  FAIRLEAD_RETURN_IF_ERROR(ExpectType(*decoder, "decoder", "ByteLevel"));
  FAIRLEAD_ASSIGN_OR_RETURN(const auto post_processor, Find(root_, "file", "post_processor"));
  if (!post_processor || post_processor->is_null()) return {};
  return ExpectType(*post_processor, "post_processor", "ByteLevel");
}

Status TokenizerReader::CheckModel(const element& model) const {
  FAIRLEAD_RETURN_IF_ERROR(ExpectType(model, "model", "BPE"));
  FAIRLEAD_RETURN_IF_ERROR(ExpectBool(model, "model", "byte_fallback", false, false));
  FAIRLEAD_RETURN_IF_ERROR(ExpectUnset(model, "model", "dropout"));
  FAIRLEAD_RETURN_IF_ERROR(ExpectUnset(model, "model", "unk_token"));
  for (const std::string_view key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    FAIRLEAD_ASSIGN_OR_RETURN(const auto affix, Find(model, "model", key));
    std::string_view text;
    const bool is_empty = affix && affix->get(text) == simdjson::SUCCESS && text.empty();
    if (!is_empty) FAIRLEAD_RETURN_IF_ERROR(ExpectUnset(model, "model", key));
  }
  return {};
}

Status TokenizerReader::ReadPreTokenizer() {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto pre_tokenizer, Find(root_, "file", "pre_tokenizer"));
  if (!pre_tokenizer || pre_tokenizer->is_null()) {
    return Unsupported("pre_tokenizer: expected a Sequence of Split and ByteLevel, got nothing");
  }
  FAIRLEAD_RETURN_IF_ERROR(ExpectType(*pre_tokenizer, "pre_tokenizer", "Sequence"));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const array steps, Get<array>(*pre_tokenizer, "pre_tokenizer", "pretokenizers", "an array"));
  if (steps.size() != 2) {
    return Unsupported("pre_tokenizer.pretokenizers: expected Split and ByteLevel, got {} steps",
                       steps.size());
  }
  const element split = steps.at(0).value_unsafe();
  const element byte_level = steps.at(1).value_unsafe();
  FAIRLEAD_RETURN_IF_ERROR(ReadSplit(split));
  constexpr std::string_view kWhere = "pre_tokenizer.pretokenizers[1]";
  FAIRLEAD_RETURN_IF_ERROR(ExpectType(byte_level, kWhere, "ByteLevel"));
  FAIRLEAD_RETURN_IF_ERROR(ExpectBool(byte_level, kWhere, "add_prefix_space", false, true));
  return ExpectBool(byte_level, kWhere, "use_regex", false, true);
}

Status TokenizerReader::ReadSplit(const element& split) {
  constexpr std::string_view kWhere = "pre_tokenizer.pretokenizers[0]";
  FAIRLEAD_RETURN_IF_ERROR(ExpectType(split, kWhere, "Split"));
  FAIRLEAD_RETURN_IF_ERROR(ExpectBool(split, kWhere, "invert", false, false));
  FAIRLEAD_ASSIGN_OR_RETURN(const auto behavior,
                            Get<std::string_view>(split, kWhere, "behavior", "a string"));
  if (behavior != "Isolated") {
    return Unsupported("{}.behavior: expected \"Isolated\", got {}", kWhere, Quote(behavior));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const auto pattern, Find(split, kWhere, "pattern"));
  if (!pattern) return Invalid("{}.pattern: expected an object, got nothing", kWhere);
  FAIRLEAD_ASSIGN_OR_RETURN(const auto regex,
                            Get<std::string_view>(*pattern, "pattern", "Regex", "a string"));
  owned_->split_pattern = regex;
  tables_.split_pattern = owned_->split_pattern;
  return {};
}

Status TokenizerReader::ReadVocabulary(const element& model) {
  FAIRLEAD_ASSIGN_OR_RETURN(const object vocabulary,
                            Get<object>(model, "model", "vocab", "an object"));
  for (const auto field : vocabulary) {
    FAIRLEAD_ASSIGN_OR_RETURN(const uint32_t id, ReadId(field.value, field.key));
    if (field.key.empty()) return Invalid("id {}: expected a token with text, got \"\"", id);
    if (id >= entries_.size()) entries_.resize(id + 1);
    Entry& entry = entries_[id];
    if (entry.is_word) {
      return Invalid("id {}: expected one token, got {} and {}", id, Quote(entry.text),
                     Quote(field.key));
    }
    entry = {field.key, false, true};
  }
  return {};
}

Status TokenizerReader::ReadSpecials() {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto field, Find(root_, "file", "added_tokens"));
  if (!field || field->is_null()) return {};
  array tokens;
  if (field->get(tokens) != simdjson::SUCCESS) {
    return Invalid("added_tokens: expected an array, got {}", Describe(*field));
  }
  for (const element token : tokens) FAIRLEAD_RETURN_IF_ERROR(ReadSpecial(token));
  return {};
}

Status TokenizerReader::ReadSpecial(const element& token) {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto content,
                            Get<std::string_view>(token, "added_tokens[]", "content", "a string"));
  if (content.empty() || content.size() > kMaxSpecialBytes) {
    return Invalid("added token {}: expected 1 to {} bytes, got {}", Quote(content),
                   kMaxSpecialBytes, content.size());
  }
  const std::string where = fmt::format("added token {}", Quote(content));
  FAIRLEAD_ASSIGN_OR_RETURN(const auto id_field, Find(token, where, "id"));
  if (!id_field) return Invalid("{}.id: expected a number, got nothing", where);
  FAIRLEAD_ASSIGN_OR_RETURN(const uint32_t id, ReadId(*id_field, content));
  // Other kinds of added tokens would be found in a user's text without being asked for.
  FAIRLEAD_RETURN_IF_ERROR(ExpectBool(token, where, "special", true, false));
  for (const std::string_view key : {"single_word", "lstrip", "rstrip", "normalized"}) {
    FAIRLEAD_RETURN_IF_ERROR(ExpectBool(token, where, key, false, false));
  }
  if (id >= entries_.size()) entries_.resize(id + 1);
  Entry& entry = entries_[id];
  if (entry.is_special || (entry.is_word && entry.text != content)) {
    return Invalid("id {}: expected one token, got {} and {}", id, Quote(entry.text),
                   Quote(content));
  }
  entry.text = content;
  entry.is_special = true;
  return {};
}

// Lays the bytes of all tokens one after the other, in the order of their ids.
Status TokenizerReader::StoreTokens() {
  std::string& bytes = owned_->token_bytes;
  owned_->offsets.push_back(0);
  for (uint32_t id = 0; id < entries_.size(); ++id) {
    const Entry& entry = entries_[id];
    if (entry.is_special) {
      bytes += entry.text;
      owned_->specials.push_back(id);
    } else if (!AppendByteLevel(entry.text, bytes)) {
      return Invalid("token {}: expected characters of the byte-level alphabet only",
                     Quote(entry.text));
    }
    owned_->offsets.push_back(static_cast<uint32_t>(bytes.size()));
  }
  tables_.token_bytes = bytes;
  tables_.offsets = owned_->offsets;
  std::ranges::sort(owned_->specials, {}, [&](uint32_t id) { return tables_.Token(id); });
  tables_.specials = owned_->specials;
  return {};
}

Status TokenizerReader::IndexWords() {
  owned_->word_slots.assign(SlotCount(entries_.size()), kNoToken);
  for (uint32_t id = 0; id < entries_.size(); ++id) {
    if (!entries_[id].is_word) continue;
    const Inserted inserted = InsertWord(tables_, id, owned_->word_slots);
    if (inserted == Inserted::kNew) continue;
    return Invalid("token {}: expected {}", Quote(entries_[id].text),
                   inserted == Inserted::kDuplicate ? "one id, got two"
                                                    : "tokens that hash apart, got too many alike");
  }
  tables_.word_slots = owned_->word_slots;
  return {};
}

Status TokenizerReader::ReadMerges(const element& model) {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto ignore_merges, Find(model, "model", "ignore_merges"));
  if (ignore_merges && ignore_merges->get(tables_.ignore_merges) != simdjson::SUCCESS) {
    return Invalid("model.ignore_merges: expected true or false, got {}", Describe(*ignore_merges));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const array merges, Get<array>(model, "model", "merges", "an array"));
  // array::size() stops counting at 2^24, which would make the table too small.
  const auto count = static_cast<size_t>(std::distance(merges.begin(), merges.end()));
  owned_->merge_slots.resize(SlotCount(count));
  uint32_t rank = 0;
  for (const element merge : merges) {
    FAIRLEAD_ASSIGN_OR_RETURN(const MergeRule rule, ReadMerge(merge, rank));
    const Inserted inserted = InsertMerge(rule, owned_->merge_slots);
    if (inserted != Inserted::kNew) {
      return Invalid("merge {}: expected {}", rank,
                     inserted == Inserted::kDuplicate
                         ? "a new pair, got one that came before"
                         : "pairs that hash apart, got too many alike");
    }
    ++rank;
  }
  tables_.merge_slots = owned_->merge_slots;
  return {};
}

Result<MergeRule> TokenizerReader::ReadMerge(const element& merge, uint32_t rank) const {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto pair, SplitMerge(merge, rank));
  std::array<std::string, 3> bytes;  // left, right, joined
  for (int side = 0; side < 2; ++side) {
    if (!AppendByteLevel(pair[side], bytes[side])) {
      return Invalid("merge {}: expected tokens of the vocabulary, got {}", rank,
                     Quote(pair[side]));
    }
    bytes[2] += bytes[side];
  }
  MergeRule rule;
  rule.rank = rank;
  FAIRLEAD_ASSIGN_OR_RETURN(rule.left, FindMergeToken(bytes[0], rank));
  FAIRLEAD_ASSIGN_OR_RETURN(rule.right, FindMergeToken(bytes[1], rank));
  FAIRLEAD_ASSIGN_OR_RETURN(rule.result, FindMergeToken(bytes[2], rank));
  return rule;
}

// The two forms of a merge: ["a", "b"] and "a b".
Result<std::array<std::string_view, 2>> TokenizerReader::SplitMerge(const element& merge,
                                                                    uint32_t rank) const {
  std::array<std::string_view, 2> pair;
  std::string_view text;
  if (merge.get(text) == simdjson::SUCCESS) {
    const size_t space = text.find(' ');
    if (space != std::string_view::npos && text.find(' ', space + 1) == std::string_view::npos) {
      return std::array{text.substr(0, space), text.substr(space + 1)};
    }
    return Invalid("merge {}: expected two tokens with a space between, got {}", rank, Quote(text));
  }
  array parts;
  const bool is_pair = merge.get(parts) == simdjson::SUCCESS && parts.size() == 2 &&
                       parts.at(0).get(pair[0]) == simdjson::SUCCESS &&
                       parts.at(1).get(pair[1]) == simdjson::SUCCESS;
  if (is_pair) return pair;
  return Invalid("merge {}: expected two strings, got {}", rank, Describe(merge));
}

Result<uint32_t> TokenizerReader::FindMergeToken(std::string_view bytes, uint32_t rank) const {
  const uint32_t id = bytes.empty() ? kNoToken : tables_.FindWord(bytes);
  if (id != kNoToken) return id;
  return Invalid("merge {}: expected tokens of the vocabulary, got the bytes {}", rank,
                 Quote(bytes));
}

}  // namespace

Result<Tables> ParseTokenizerJson(std::string json, std::string_view object) {
  const size_t size = json.size();
  json.append(simdjson::SIMDJSON_PADDING, '\0');
  simdjson::dom::parser parser;
  element root;
  const auto error = parser.parse(json.data(), size, /*realloc_if_needed=*/false).get(root);
  if (error != simdjson::SUCCESS) {
    return Fail(ErrorCode::kInvalidData, "tokenizer", "{}: invalid JSON: {}", object,
                simdjson::error_message(error));
  }
  return TokenizerReader(object, root).Read();
}

}  // namespace fairlead

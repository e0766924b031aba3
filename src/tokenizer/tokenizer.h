// Text to token ids and back: byte-level BPE as Hugging Face's `tokenizers` computes it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "tokenizer/split_pattern.h"
#include "tokenizer/tables.h"

namespace fairlead {

// A vocabulary and its rules. Immutable: one object serves any number of threads.
class Tokenizer {
 public:
  using Pointer = std::shared_ptr<const Tokenizer>;

  // File names inside a model or artifact folder.
  static constexpr std::string_view kJsonName = "tokenizer.json";
  static constexpr std::string_view kCompactName = "tokenizer.bin";

  // Opens the compact form if the folder has one, else tokenizer.json; kNotFound without either.
  static Result<Pointer> Open(const std::filesystem::path& folder);
  // Reads Hugging Face's tokenizer.json: BPE over bytes with a Split and a ByteLevel pre-tokenizer.
  // A file that asks for anything else is refused with an error that names it.
  static Result<Pointer> FromJson(const std::filesystem::path& path);
  // The same from memory; `object` names the text in errors.
  static Result<Pointer> FromJsonText(std::string_view json, std::string_view object);
  // Maps the file that WriteCompact wrote; a damaged or foreign file is an error.
  static Result<Pointer> FromCompact(const std::filesystem::path& path);
  // Writes the compact form. The file is complete or reported as failed, not atomic: write into a
  // folder that is renamed when it is finished.
  Status WriteCompact(const std::filesystem::path& path) const;

  // Ids of `text`, which must be UTF-8 (the error names the first byte that is not). Special tokens
  // are recognised only if `parse_special`, leftmost first and then longest; otherwise their names
  // are ordinary text.
  Result<std::vector<int32_t>> Encode(std::string_view text, bool parse_special) const;
  // Text of `ids`, special tokens as their names; bytes that are not UTF-8 become U+FFFD, one for
  // each maximal subpart. An id without a token is an error.
  Result<std::string> Decode(std::span<const int32_t> ids) const;

  // Highest id + 1; some ids below may have no token. A model's vocabulary can be larger.
  int32_t vocabulary_size() const { return static_cast<int32_t>(tables_.size()); }
  // The id of a special token by its name, for example "<|end|>".
  std::optional<int32_t> SpecialId(std::string_view name) const;
  // Whether `id` is a special token: one that structures a text and is no part of its content.
  bool IsSpecial(int32_t id) const;
  // The bytes that an id stands for (a special token's name); not always UTF-8 on their own.
  // nullopt for an id without a token. Valid as long as the tokenizer lives.
  std::optional<std::string_view> TokenBytes(int32_t id) const;

 private:
  Tokenizer(Tables tables, SplitPattern pattern);
  static Result<Pointer> FromTables(Tables tables, std::string_view object);

  Tables tables_;
  ByteIds byte_ids_;
  SplitPattern pattern_;
};

// Decodes ids one at a time. The chunks and the tail joined are Decode of all the ids.
class StreamDecoder {
 public:
  explicit StreamDecoder(Tokenizer::Pointer tokenizer) : tokenizer_(std::move(tokenizer)) {}

  // The text that `id` completes: bytes that may still become a character are held back. An id
  // without a token is an error and changes nothing.
  Result<std::string> Push(int32_t id);
  // What is left at the end: U+FFFD for a character cut short, else empty. Starts over.
  std::string Flush();

 private:
  Tokenizer::Pointer tokenizer_;
  std::string pending_;  // at most 3 bytes
};

}  // namespace fairlead

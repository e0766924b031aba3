#include "tokenizer/compact.h"

#include <xxhash.h>

#include <array>
#include <bit>
#include <cstring>

#include "base/file.h"

namespace fairlead {
namespace {

static_assert(std::endian::native == std::endian::little, "the file holds the tables as they are");

constexpr std::array<char, 8> kMagic = {'F', 'L', 'T', 'O', 'K', 'E', 'N', '\n'};
constexpr uint32_t kVersion = 1;
constexpr size_t kAlignment = 16;
constexpr uint32_t kIgnoreMerges = 1;

struct Header {
  std::array<char, 8> magic = kMagic;
  uint32_t version = kVersion;
  uint32_t flags = 0;
  uint64_t checksum = 0;  // of the header with this field zero, and of all that follows it
  uint32_t offset_count = 0;
  uint32_t token_byte_count = 0;
  uint32_t word_slot_count = 0;
  uint32_t merge_slot_count = 0;
  uint32_t special_count = 0;
  uint32_t pattern_byte_count = 0;
  std::array<uint32_t, 4> reserved = {};
};
static_assert(sizeof(Header) == 64);

template <typename T>
std::span<const std::byte> BytesOf(std::span<const T> values) {
  return std::as_bytes(values);
}

// The arrays in file order.
std::array<std::span<const std::byte>, 6> Sections(const Tables& tables) {
  return {BytesOf(tables.merge_slots),
          BytesOf(tables.word_slots),
          BytesOf(tables.offsets),
          BytesOf(tables.specials),
          BytesOf(std::span(tables.token_bytes)),
          BytesOf(std::span(tables.split_pattern))};
}

size_t Padding(size_t size) { return (kAlignment - size % kAlignment) % kAlignment; }

// Takes the sections off a mapped file one after the other. Counts are 32 bits wide, so that no sum
// of sizes can wrap around.
class SectionReader {
 public:
  explicit SectionReader(std::span<const std::byte> bytes)
      : bytes_(bytes), position_(sizeof(Header)) {}

  template <typename T>
  std::span<const T> Take(uint32_t count) {
    const size_t size = count * sizeof(T);
    const size_t begin = position_;
    position_ += size + Padding(size);
    if (position_ > bytes_.size()) return {};
    return {reinterpret_cast<const T*>(bytes_.data() + begin), count};
  }
  // Whether the sections taken are the whole file.
  bool AtEnd() const { return position_ == bytes_.size(); }

 private:
  std::span<const std::byte> bytes_;
  size_t position_;
};

uint64_t Checksum(Header header, std::span<const std::byte> rest) {
  header.checksum = 0;
  return XXH3_64bits_withSeed(rest.data(), rest.size(), XXH3_64bits(&header, sizeof(header)));
}

Status CheckHeader(const Header& header, std::span<const std::byte> bytes,
                   std::string_view object) {
  if (header.magic != kMagic) {
    return Fail(ErrorCode::kInvalidData, "tokenizer", "{}: expected a compact tokenizer", object);
  }
  if (header.version != kVersion) {
    return Fail(ErrorCode::kUnsupported, "tokenizer",
                "{}: expected version {}, got {}; export the model again", object, kVersion,
                header.version);
  }
  const uint64_t checksum = Checksum(header, bytes.subspan(sizeof(Header)));
  if (header.checksum != checksum) {
    return Fail(ErrorCode::kInvalidData, "tokenizer",
                "{}: expected checksum {:016x}, got {:016x}; the file is damaged", object,
                header.checksum, checksum);
  }
  return {};
}

}  // namespace

Status WriteCompactTables(const Tables& tables, const std::filesystem::path& path) {
  std::string body;
  for (const auto section : Sections(tables)) {
    body.append(reinterpret_cast<const char*>(section.data()), section.size());
    body.append(Padding(section.size()), '\0');
  }
  Header header;
  header.flags = tables.ignore_merges ? kIgnoreMerges : 0;
  header.offset_count = static_cast<uint32_t>(tables.offsets.size());
  header.token_byte_count = static_cast<uint32_t>(tables.token_bytes.size());
  header.word_slot_count = static_cast<uint32_t>(tables.word_slots.size());
  header.merge_slot_count = static_cast<uint32_t>(tables.merge_slots.size());
  header.special_count = static_cast<uint32_t>(tables.specials.size());
  header.pattern_byte_count = static_cast<uint32_t>(tables.split_pattern.size());
  header.checksum = Checksum(header, std::as_bytes(std::span(body)));
  FAIRLEAD_ASSIGN_OR_RETURN(FileWriter writer, FileWriter::Create(path));
  FAIRLEAD_RETURN_IF_ERROR(writer.Write(std::as_bytes(std::span(&header, 1))));
  FAIRLEAD_RETURN_IF_ERROR(writer.Write(body));
  return writer.Close();
}

Result<Tables> MapCompactTables(const std::filesystem::path& path) {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  const std::string object = path.string();
  const std::span<const std::byte> bytes = file->bytes();
  Header header;
  if (bytes.size() < sizeof(Header)) {
    return Fail(ErrorCode::kInvalidData, "tokenizer", "{}: expected at least {} bytes, got {}",
                object, sizeof(Header), bytes.size());
  }
  std::memcpy(&header, bytes.data(), sizeof(Header));
  FAIRLEAD_RETURN_IF_ERROR(CheckHeader(header, bytes, object));

  SectionReader reader(bytes);
  Tables tables;
  tables.ignore_merges = (header.flags & kIgnoreMerges) != 0;
  tables.merge_slots = reader.Take<MergeRule>(header.merge_slot_count);
  tables.word_slots = reader.Take<uint32_t>(header.word_slot_count);
  tables.offsets = reader.Take<uint32_t>(header.offset_count);
  tables.specials = reader.Take<uint32_t>(header.special_count);
  const auto token_bytes = reader.Take<char>(header.token_byte_count);
  const auto pattern = reader.Take<char>(header.pattern_byte_count);
  if (!reader.AtEnd()) {
    return Fail(ErrorCode::kInvalidData, "tokenizer",
                "{}: expected sections that fill the file's {} bytes", object, bytes.size());
  }
  tables.token_bytes = {token_bytes.data(), token_bytes.size()};
  tables.split_pattern = {pattern.data(), pattern.size()};
  tables.storage = file;
  FAIRLEAD_RETURN_IF_ERROR(CheckTables(tables, object));
  return tables;
}

}  // namespace fairlead

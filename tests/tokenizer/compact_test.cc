#include <gtest/gtest.h>
#include <xxhash.h>

#include <ctime>
#include <fstream>
#include <limits>

#include "base/file.h"
#include "tests/tokenizer/vocabularies.h"

namespace fairlead::testing {
namespace {

std::string ReadAll(const std::filesystem::path& path) {
  return ReadFile(path, "test", size_t{64} << 20).value();
}

void WriteAll(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<long>(bytes.size()));
}

class CompactForm : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // The compact form of the small tokenizer, its bytes changed by `change`, its checksum made right
  // again if `resign`; returns the error of opening it.
  template <typename Change>
  std::string ErrorAfter(const Change& change, bool resign) {
    const auto path = folder_ / "small.bin";
    const auto small = Tokenizer::FromJsonText(SmallTokenizer().dump(), "small").value();
    EXPECT_TRUE(small->WriteCompact(path).has_value());
    std::string bytes = ReadAll(path);
    change(bytes);
    if (resign) Resign(bytes);
    WriteAll(path, bytes);
    const auto opened = Tokenizer::FromCompact(path);
    if (opened) return "";
    EXPECT_TRUE(opened.error().message.starts_with("[tokenizer] " + path.string() + ": "));
    return opened.error().message.substr(path.string().size() + 14);
  }

  static void Resign(std::string& bytes) {
    for (int i = 0; i < 8; ++i) bytes[kChecksumOffset + i] = 0;
    const uint64_t checksum =
        XXH3_64bits_withSeed(bytes.data() + kHeaderBytes, bytes.size() - kHeaderBytes,
                             XXH3_64bits(bytes.data(), kHeaderBytes));
    std::memcpy(bytes.data() + kChecksumOffset, &checksum, sizeof(checksum));
  }

  static uint32_t Word(const std::string& bytes, size_t offset) {
    uint32_t value = 0;
    std::memcpy(&value, bytes.data() + offset, sizeof(value));
    return value;
  }
  static void SetWord(std::string& bytes, size_t offset, uint32_t value) {
    std::memcpy(bytes.data() + offset, &value, sizeof(value));
  }

  static constexpr size_t kHeaderBytes = 64;
  static constexpr size_t kVersionOffset = 8;
  static constexpr size_t kChecksumOffset = 16;
  static constexpr size_t kCountsOffset = 24;
  // The small tokenizer: 8 slots of merges, 1024 slots of words, then 261 offsets, one special.
  static constexpr size_t kMergeSlots = kHeaderBytes;
  static constexpr size_t kWordSlots = kMergeSlots + 8 * 16;
  static constexpr size_t kOffsets = kWordSlots + 1024 * 4;
  static constexpr size_t kSpecials = kOffsets + 1056;

  std::filesystem::path folder_ = FreshFolder("compact");
};

TEST_F(CompactForm, GivesTheSameIdsAndTextAsTheJson) {
  for (const std::string name : {"o200k", "tiny"}) {
    const auto json = Vocabulary(name);
    ASSERT_TRUE(json->WriteCompact(folder_ / "tokenizer.bin").has_value());
    const auto opened = Tokenizer::FromCompact(folder_ / "tokenizer.bin");
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    const auto& compact = **opened;
    ASSERT_EQ(compact.vocabulary_size(), json->vocabulary_size());
    for (int32_t id = -1; id <= json->vocabulary_size(); ++id) {
      ASSERT_EQ(compact.TokenBytes(id), json->TokenBytes(id));
    }
    EXPECT_EQ(compact.SpecialId("<|call|>"), json->SpecialId("<|call|>"));
    for (const Json& golden : ReadGoldens("encode_" + name + ".jsonl")) {
      if (golden.contains("times")) continue;
      const std::string text = golden["text"];
      EXPECT_EQ(Json(compact.Encode(text, golden["parse_special"]).value()), golden["ids"]);
    }
  }
}

TEST_F(CompactForm, OfO200kIsReadyInUnder50Milliseconds) {
  const auto path = folder_ / "tokenizer.bin";
  ASSERT_TRUE(Vocabulary("o200k")->WriteCompact(path).has_value());
  // The processor's time, not the clock's: other work on the machine must not fail a test.
  double best = std::numeric_limits<double>::max();
  for (int i = 0; i < 5; ++i) {
    const std::clock_t start = std::clock();
    const auto tokenizer = Tokenizer::FromCompact(path);
    ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
    ASSERT_EQ((*tokenizer)->Encode("Hello", true).value(), std::vector<int32_t>({13225}));
    best = std::min(best, 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  }
  RecordProperty("compact_ready_ms", std::to_string(best));
  EXPECT_LT(best, FAIRLEAD_READY_LIMIT_MS);
}

TEST_F(CompactForm, EveryFlippedByteIsNoticed) {
  const auto path = folder_ / "small.bin";
  const auto small = Tokenizer::FromJsonText(SmallTokenizer().dump(), "small").value();
  ASSERT_TRUE(small->WriteCompact(path).has_value());
  const std::string bytes = ReadAll(path);
  for (size_t i = 0; i < bytes.size(); i += i < kHeaderBytes ? 1 : 7) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    WriteAll(path, damaged);
    EXPECT_FALSE(Tokenizer::FromCompact(path).has_value()) << "byte " << i;
  }
}

TEST_F(CompactForm, EveryTruncationIsNoticed) {
  const auto path = folder_ / "small.bin";
  const auto small = Tokenizer::FromJsonText(SmallTokenizer().dump(), "small").value();
  ASSERT_TRUE(small->WriteCompact(path).has_value());
  const std::string bytes = ReadAll(path);
  for (size_t size = 0; size < bytes.size(); size += size < 80 ? 1 : 97) {
    WriteAll(path, bytes.substr(0, size));
    EXPECT_FALSE(Tokenizer::FromCompact(path).has_value()) << size << " bytes";
  }
}

TEST_F(CompactForm, AWrongChecksumVersionOrMagicIsNamed) {
  EXPECT_EQ(ErrorAfter([](std::string& bytes) { bytes[0] = 'X'; }, true),
            "expected a compact tokenizer");
  EXPECT_EQ(ErrorAfter([](std::string& bytes) { SetWord(bytes, kVersionOffset, 2); }, true),
            "expected version 1, got 2; export the model again");
  EXPECT_NE(
      ErrorAfter([](std::string& bytes) { bytes.back() ^= 1; }, false).find("expected checksum"),
      std::string::npos);
  EXPECT_EQ(ErrorAfter([](std::string& bytes) { bytes.resize(10); }, false),
            "expected at least 64 bytes, got 10");
}

// Files with a right checksum that were made to do harm.
TEST_F(CompactForm, ForgedTablesAreRefused) {
  const auto forge = [&](size_t offset, uint32_t value) {
    return ErrorAfter([&](std::string& bytes) { SetWord(bytes, offset, value); }, true);
  };
  for (int count = 0; count < 6; ++count) {
    const size_t offset = kCountsOffset + 4 * count;
    EXPECT_NE(forge(offset, 0xFFFFFFFF), "") << "count " << count;
    EXPECT_NE(forge(offset, 0x7FFFFFFF), "") << "count " << count;
    EXPECT_NE(forge(offset, 0), "") << "count " << count;
  }
  EXPECT_EQ(forge(kOffsets, 1), "expected ascending token offsets from 0 to 270");
  EXPECT_EQ(forge(kOffsets + 4 * 100, 5000), "expected ascending token offsets from 0 to 270");
  EXPECT_EQ(forge(kOffsets + 4 * 260, 271), "expected ascending token offsets from 0 to 270");
  EXPECT_EQ(forge(kSpecials, 260), "special token 260: expected text of its own");
  EXPECT_EQ(forge(kSpecials, kNoToken), "special token 4294967295: expected text of its own");
  const auto forge_merge = [&](size_t field) {
    return ErrorAfter(
        [&](std::string& bytes) {
          size_t slot = kMergeSlots;
          while (Word(bytes, slot) == kNoToken) slot += 16;
          SetWord(bytes, slot + 4 * field, 260);
        },
        true);
  };
  for (const size_t field : {0, 1, 3}) {
    EXPECT_EQ(forge_merge(field), "expected ids below 260, got 260");
  }
  const auto fill_words = [&](uint32_t id) {
    return ErrorAfter(
        [&](std::string& bytes) {
          for (size_t i = 0; i < 1024; ++i) SetWord(bytes, kWordSlots + 4 * i, id);
        },
        true);
  };
  EXPECT_EQ(fill_words(260), "expected ids below 260, got 260");
  EXPECT_EQ(fill_words(65), "expected a token for every byte, got none for 0x00");
}

TEST_F(CompactForm, OpenPrefersItAndSaysWhatIsMissing) {
  const auto missing = Tokenizer::Open(folder_);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(missing.error().message,
            fmt::format("[tokenizer] {}: expected tokenizer.bin or tokenizer.json, found neither",
                        folder_.string()));
  WriteAll(folder_ / "tokenizer.json", SmallTokenizer().dump());
  const auto from_json = Tokenizer::Open(folder_);
  ASSERT_TRUE(from_json.has_value()) << from_json.error().message;
  EXPECT_EQ((*from_json)->vocabulary_size(), 260);
  ASSERT_TRUE(Vocabulary("tiny")->WriteCompact(folder_ / "tokenizer.bin").has_value());
  EXPECT_EQ(Tokenizer::Open(folder_).value()->vocabulary_size(),
            Vocabulary("tiny")->vocabulary_size());
}

}  // namespace
}  // namespace fairlead::testing

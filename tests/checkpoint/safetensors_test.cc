#include "checkpoint/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/base/temp_dir.h"
#include "tests/checkpoint/raw_safetensors.h"

namespace fairlead {
namespace {

struct BrokenFile {
  const char* name;
  std::string content;
  const char* expected;  // must occur in the message
};

std::string WithLength(uint64_t length, std::string_view rest) {
  std::string file(8, '\0');
  for (int i = 0; i < 8; ++i) file[i] = static_cast<char>(length >> (8 * i));
  return file.append(rest);
}

std::vector<BrokenFile> BrokenFiles() {
  return {
      {"EmptyFile", "", "expected at least 8 bytes, got 0"},
      {"ShorterThanItsLengthField", std::string(7, '\0'), "expected at least 8 bytes, got 7"},
      {"HeaderOverTheLimit", WithLength(100'000'001, "{}"),
       "expected a header of at most 100000000 bytes, got 100000001"},
      {"HeaderLengthNearOverflow", WithLength(~uint64_t{0}, "{}"), "got 18446744073709551615"},
      {"HeaderPastTheEnd", WithLength(100, "{}"), "truncated: expected a header of 100 bytes"},
      {"EmptyHeader", WithLength(0, ""), "expected a header that starts with '{'"},
      {"HeaderStartsWithSpace", RawSafetensors(" {}", 0), "starts with '{'"},
      {"HeaderIsAnArray", RawSafetensors("[]", 0), "starts with '{'"},
      {"BadJson", RawSafetensors(R"({"a":)", 0), "invalid JSON at byte"},
      {"TextAfterTheObject", RawSafetensors("{} x", 0), "invalid JSON"},
      {"InvalidUtf8", RawSafetensors("{\"\xff\":1}", 0), "invalid JSON"},
      {"NestedTooDeep", RawSafetensors("{\"a\":" + std::string(1000, '['), 0), "nested deeper"},
      {"DuplicateName",
       RawSafetensors(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                      R"("a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                      2),
       "duplicate key \"a\""},
      {"TensorIsANumber", RawSafetensors(R"({"a":3})", 0),
       "tensor \"a\": expected an object, got number"},
      {"NoDtype", RawSafetensors(R"({"a":{"shape":[1],"data_offsets":[0,1]}})", 1),
       "tensor \"a\": dtype: expected a string, got nothing"},
      {"DtypeIsANumber", RawSafetensors(R"({"a":{"dtype":1,"shape":[1],"data_offsets":[0,1]}})", 1),
       "dtype: expected a string, got number"},
      {"UnknownDtype",
       RawSafetensors(R"({"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}})", 1),
       "tensor \"a\": dtype: expected a type such as F32, BF16 or U8, got \"F8_E4M3\""},
      {"NoShape", RawSafetensors(R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", 1),
       "tensor \"a\": shape: expected an array, got nothing"},
      {"NegativeDimension",
       RawSafetensors(R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", 1),
       "shape: expected integers from 0 to 2^63 - 1, got -1"},
      {"FractionalDimension",
       RawSafetensors(R"({"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}})", 1),
       "shape: expected integers"},
      {"DimensionIsAString",
       RawSafetensors(R"({"a":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}})", 1),
       "shape: expected integers from 0 to 2^63 - 1, got string"},
      {"ElementCountOverflows",
       RawSafetensors(
           R"({"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0),
       "shape: expected a size below 2^63 bytes"},
      {"ByteCountOverflows",
       RawSafetensors(R"({"a":{"dtype":"F32","shape":[4611686018427387904],)"
                      R"("data_offsets":[0,0]}})",
                      0),
       "shape: expected a size below 2^63 bytes"},
      {"NoOffsets", RawSafetensors(R"({"a":{"dtype":"U8","shape":[1]}})", 1),
       "data_offsets: expected an array, got nothing"},
      {"OneOffset", RawSafetensors(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}})", 1),
       "data_offsets: expected [begin, end] with begin <= end, got 1 numbers"},
      {"OffsetsReversed",
       RawSafetensors(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})", 1),
       "data_offsets: expected [begin, end] with begin <= end, got [1, 0]"},
      {"OffsetOverInt64",
       RawSafetensors(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,9223372036854775808]}})",
                      1),
       "data_offsets: expected integers"},
      {"SizeIsNotShapeTimesDtype",
       RawSafetensors(R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,20]}})", 20),
       "tensor \"a\": expected 24 bytes for F32 [2, 3], got 20"},
      {"Overlap",
       RawSafetensors(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                      R"("b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})",
                      6),
       "tensor \"b\": expected data to begin at 4, got 2 (overlaps the tensor before it)"},
      {"Hole",
       RawSafetensors(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                      R"("b":{"dtype":"U8","shape":[4],"data_offsets":[6,10]}})",
                      10),
       "tensor \"b\": expected data to begin at 4, got 6 (leaves a hole before it)"},
      {"DataDoesNotBeginAtZero",
       RawSafetensors(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[1,5]}})", 5),
       "tensor \"a\": expected data to begin at 0, got 1"},
      {"TruncatedData",
       RawSafetensors(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 3),
       "tensor \"a\": truncated: expected data up to byte 4, got a data section of 3"},
      {"BytesAfterTheData",
       RawSafetensors(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 5),
       "expected 4 bytes of data, got 5"},
      {"MetadataIsAnArray", RawSafetensors(R"({"__metadata__":[]})", 0),
       "__metadata__: expected an object, got array"},
      {"MetadataValueIsANumber", RawSafetensors(R"({"__metadata__":{"k":1}})", 0),
       "__metadata__ \"k\": expected a string, got number"},
      {"NameWithANewlineStaysOnOneLine", RawSafetensors(R"({"a\nb":3})", 0),
       R"(tensor "a\nb": expected an object)"},
  };
}

class BrokenSafetensors : public testing::TestWithParam<BrokenFile> {};

TEST_P(BrokenSafetensors, IsRefusedWithOneLineNamingTheFile) {
  TempDir dir;
  const auto path = dir.Write("model.safetensors", GetParam().content);
  const auto file = SafetensorsFile::Open(path);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kInvalidData);
  const std::string& message = file.error().message;
  EXPECT_TRUE(message.starts_with("[safetensors] " + path.string() + ": ")) << message;
  EXPECT_NE(message.find(GetParam().expected), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

INSTANTIATE_TEST_SUITE_P(Table, BrokenSafetensors, testing::ValuesIn(BrokenFiles()),
                         [](const auto& info) { return info.param.name; });

TEST(SafetensorsFile, MissingFileIsNotFound) {
  const auto file = SafetensorsFile::Open("/nonexistent/model.safetensors");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kNotFound);
  EXPECT_NE(file.error().message.find("/nonexistent/model.safetensors"), std::string::npos);
}

TEST(SafetensorsFile, ReadsTensorsListedOutOfOrderAndMisaligned) {
  TempDir dir;
  // "b" holds the first byte, so the float32 of "a" starts at an odd address.
  std::string content =
      RawSafetensors(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[1,5]},)"
                     R"("empty":{"dtype":"F32","shape":[0,3],"data_offsets":[1,1]},)"
                     R"("b":{"dtype":"U8","shape":[],"data_offsets":[0,1]}} )",
                     5);
  const float value = 2.5f;
  std::memcpy(content.data() + content.size() - 4, &value, 4);
  const auto file = SafetensorsFile::Open(dir.Write("model.safetensors", content));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ((*file)->names(), (std::vector<std::string>{"b", "empty", "a"}));
  EXPECT_EQ((*file)->Find("a")->At<float>(0), 2.5f);
  EXPECT_EQ((*file)->Find("b")->bytes.size(), 1u);
  EXPECT_TRUE((*file)->Find("empty")->bytes.empty());
  EXPECT_FALSE((*file)->Find("c").has_value());
  EXPECT_FALSE((*file)->Find("__metadata__").has_value());
}

TEST(SafetensorsFile, ReadsWhatPythonWrote) {
  const std::filesystem::path data = FAIRLEAD_TEST_DATA "/goldens";
  int read = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(data)) {
    if (entry.path().extension() != ".safetensors") continue;
    const auto file = SafetensorsFile::Open(entry.path());
    EXPECT_TRUE(file) << file.error().message;
    EXPECT_FALSE((*file)->entries().empty());
    ++read;
  }
  EXPECT_GT(read, 5);
  const auto model = SafetensorsFile::Open(data / "tied_odd/model.safetensors");
  ASSERT_TRUE(model) << model.error().message;
  const auto norm = (*model)->Find("model.norm.weight");
  ASSERT_TRUE(norm.has_value());
  EXPECT_EQ(norm->shape.size(), 1u);
}

TEST(SafetensorsFile, OpensTenThousandTensors) {
  TempDir dir;
  std::vector<SafetensorsDeclaration> declarations;
  for (int i = 0; i < 10'000; ++i) {
    declarations.push_back(
        {fmt::format("model.layers.{}.mlp.experts.gate_up_proj_blocks", i), DType::kU8, {1}});
  }
  const auto path = dir.path() / "many.safetensors";
  auto writer = SafetensorsWriter::Create(path, declarations);
  ASSERT_TRUE(writer) << writer.error().message;
  const std::byte byte{7};
  for (const auto& tensor : declarations) ASSERT_TRUE(writer->Append(tensor.name, {&byte, 1}));
  ASSERT_TRUE(writer->Finish());
  const auto file = SafetensorsFile::Open(path);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ((*file)->names().size(), declarations.size());
  EXPECT_TRUE((*file)->Find(declarations.back().name).has_value());
}

TEST(SafetensorsWriter, RoundTripsTensorsAndMetadata) {
  TempDir dir;
  const std::vector<float> floats = {1.0f, -2.5f, 3.0f, 0.0f, 5.0f, 6.0f};
  const std::vector<int32_t> ints = {1, -2, 3};
  const Tensor a = Tensor::FromFloats({2, 3}, floats);
  const Tensor b = Tensor::FromInts({3}, ints);
  const Tensor none = Tensor::Zeros(DType::kF32, {0});
  const auto path = dir.path() / "out.safetensors";
  const auto written =
      WriteSafetensors(path, {{"z", a.view()}, {"none", none.view()}, {"b \"q\"", b.view()}},
                       {{"format", "pt"}, {"note", "two\nlines"}});
  ASSERT_TRUE(written) << written.error().message;
  const auto file = SafetensorsFile::Open(path);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ((*file)->metadata().at("note"), "two\nlines");
  const auto z = (*file)->Find("z");
  ASSERT_TRUE(z.has_value());
  EXPECT_EQ(z->dtype, DType::kF32);
  EXPECT_EQ(z->shape, (Shape{2, 3}));
  ASSERT_EQ(z->bytes.size(), a.bytes.size());
  EXPECT_EQ(std::memcmp(z->bytes.data(), a.bytes.data(), a.bytes.size()), 0);
  EXPECT_EQ((*file)->Find("b \"q\"")->At<int32_t>(1), -2);
}

TEST(SafetensorsWriter, StartsTheDataAt64Bytes) {
  for (const char* name : {"a", "ab", "a longer name", "x.y.z.weight"}) {
    TempDir dir;
    const Tensor tensor = Tensor::Zeros(DType::kF32, {4});
    const auto path = dir.path() / "out.safetensors";
    ASSERT_TRUE(WriteSafetensors(path, {{name, tensor.view()}}));
    const auto file = SafetensorsFile::Open(path);
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ((*file)->entries()[0].begin % 64, 0u);
  }
}

class OpenWriter : public testing::Test {
 protected:
  SafetensorsWriter Create() {
    return std::move(*SafetensorsWriter::Create(dir_.path() / "out.safetensors",
                                                {{"a", DType::kU8, {4}}, {"b", DType::kU8, {2}}}));
  }
  static std::string Message(const Status& status) {
    return status ? "no error" : status.error().message;
  }

  TempDir dir_;
  std::vector<std::byte> bytes_ = std::vector<std::byte>(8);
};

TEST_F(OpenWriter, TakesATensorInPieces) {
  SafetensorsWriter writer = Create();
  EXPECT_TRUE(writer.Append("a", std::span(bytes_).first(1)));
  EXPECT_TRUE(writer.Append("a", std::span(bytes_).first(3)));
  EXPECT_TRUE(writer.Append("b", std::span(bytes_).first(2)));
  EXPECT_TRUE(writer.Finish());
  EXPECT_EQ(writer.position(), writer.total_bytes());
}

TEST_F(OpenWriter, RefusesAnotherOrder) {
  SafetensorsWriter writer = Create();
  EXPECT_NE(Message(writer.Append("b", std::span(bytes_).first(2))).find("expected bytes of a"),
            std::string::npos);
}

TEST_F(OpenWriter, RefusesMoreThanDeclared) {
  SafetensorsWriter writer = Create();
  EXPECT_NE(Message(writer.Append("a", std::span(bytes_).first(5)))
                .find("tensor a: expected 4 more bytes, got 5"),
            std::string::npos);
}

TEST_F(OpenWriter, RefusesToFinishEarly) {
  SafetensorsWriter writer = Create();
  EXPECT_TRUE(writer.Append("a", std::span(bytes_).first(3)));
  EXPECT_NE(Message(writer.Finish()).find("tensor a: expected 4 bytes, got 3"), std::string::npos);
}

TEST(SafetensorsWriter, RefusesANameGivenTwiceAndImpossibleShapes) {
  TempDir dir;
  const auto path = dir.path() / "out.safetensors";
  EXPECT_FALSE(SafetensorsWriter::Create(path, {{"a", DType::kU8, {1}}, {"a", DType::kU8, {1}}}));
  EXPECT_FALSE(SafetensorsWriter::Create(path, {{"__metadata__", DType::kU8, {1}}}));
  EXPECT_FALSE(SafetensorsWriter::Create(path, {{"a", DType::kU8, {-1}}}));
  EXPECT_FALSE(SafetensorsWriter::Create(path, {{"a", DType::kF32, {int64_t{1} << 62}}}));
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace fairlead

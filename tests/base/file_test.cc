#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/base/temp_dir.h"

namespace fairlead {
namespace {

std::string_view Text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(ReadFile, ReturnsAllBytes) {
  TempDir dir;
  const std::string content("a\0b\n", 4);
  EXPECT_EQ(ReadFile(dir.Write("file", content), "test", 4), content);
  EXPECT_EQ(ReadFile(dir.Write("empty", ""), "test", 4), "");
}

TEST(ReadFile, RefusesWhatIsTooLargeMissingOrNoFile) {
  TempDir dir;
  const auto large = ReadFile(dir.Write("file", "12345"), "test", 4);
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, ErrorCode::kInvalidData);
  const auto missing = ReadFile(dir.path() / "missing", "test", 4);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(missing.error().message, "[test] " + (dir.path() / "missing").string() +
                                         ": cannot open: No such file or directory");
  const auto folder = ReadFile(dir.path(), "test", 4);
  ASSERT_FALSE(folder);
  EXPECT_NE(folder.error().message.find("expected a regular file"), std::string::npos);
}

TEST(ReadFile, DoesNotWaitForTheWriterOfAFifo) {
  TempDir dir;
  const auto fifo = dir.path() / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_FALSE(ReadFile(fifo, "test", 4));
  EXPECT_FALSE(MappedFile::Open(fifo));
}

TEST(MappedFile, MapsTheWholeFileAtAHugePageBoundary) {
  TempDir dir;
  std::string content(3'000'001, 'x');
  content.back() = 'y';
  const auto file = MappedFile::Open(dir.Write("file", content));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(Text((*file)->bytes()), content);
  EXPECT_EQ(reinterpret_cast<uintptr_t>((*file)->bytes().data()) % (2u << 20), 0u);
}

TEST(MappedFile, EmptyFileIsAnEmptySpan) {
  TempDir dir;
  const auto file = MappedFile::Open(dir.Write("file", ""));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_TRUE((*file)->bytes().empty());
}

TEST(MappedFile, MissingFileAndFolderAreErrors) {
  TempDir dir;
  EXPECT_EQ(MappedFile::Open(dir.path() / "missing").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(MappedFile::Open(dir.path()).error().code, ErrorCode::kIo);
}

TEST(FileWriter, WritesInOrderAndCountsBytes) {
  TempDir dir;
  const auto path = dir.path() / "out";
  auto writer = FileWriter::Create(path);
  ASSERT_TRUE(writer) << writer.error().message;
  EXPECT_TRUE(writer->Write("abc"));
  EXPECT_TRUE(writer->Write(""));
  EXPECT_TRUE(writer->Write(std::as_bytes(std::span("def", 3))));
  EXPECT_EQ(writer->position(), 6u);
  EXPECT_TRUE(writer->Close(/*drop_cache=*/true));
  EXPECT_EQ(ReadFile(path, "test", 100), "abcdef");
}

TEST(FileWriter, ReplacesWhatWasThere) {
  TempDir dir;
  const auto path = dir.Write("out", "a longer text");
  auto writer = FileWriter::Create(path);
  ASSERT_TRUE(writer && writer->Write("x") && writer->Close());
  EXPECT_EQ(ReadFile(path, "test", 100), "x");
}

TEST(FileWriter, MissingFolderIsAnError) {
  TempDir dir;
  const auto writer = FileWriter::Create(dir.path() / "no/such/folder/out");
  ASSERT_FALSE(writer);
  EXPECT_NE(writer.error().message.find("cannot create: No such file"), std::string::npos);
}

TEST(FileWriter, FullDeviceIsAnErrorAndNotAShortFile) {
  auto writer = FileWriter::Create("/dev/full");
  ASSERT_TRUE(writer) << writer.error().message;
  const auto written = writer->Write("abc");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message, "[file] /dev/full: cannot write: No space left on device");
}

TEST(SyncDirectory, AcceptsFoldersOnly) {
  TempDir dir;
  EXPECT_TRUE(SyncDirectory(dir.path()));
  EXPECT_FALSE(SyncDirectory(dir.path() / "missing"));
  EXPECT_FALSE(SyncDirectory(dir.Write("file", "")));
}

}  // namespace
}  // namespace fairlead

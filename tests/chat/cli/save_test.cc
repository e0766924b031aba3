// Where a conversation may be saved.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "cli/chat/chat_file.h"
#include "tests/base/temp_dir.h"

namespace fairlead {
namespace {

namespace fs = std::filesystem;

class SaveChatTo : public ::testing::Test {
 protected:
  Result<bool> Save(const fs::path& path) {
    Dialogue dialogue({});
    dialogue.Ask("Hello");
    return SaveChat(path, dialogue, {});
  }
  static mode_t Mode(const fs::path& path) {
    struct stat found {};
    EXPECT_EQ(::lstat(path.c_str(), &found), 0) << path;
    return found.st_mode;
  }
  static bool Holds(const fs::path& path) { return LoadChat(path, {}, 1000).has_value(); }

  TempDir dir_;
};

TEST_F(SaveChatTo, ANewFileIsForNobodyElse) {
  const fs::path path = dir_.path() / "talk.json";
  const auto replaced = Save(path);
  ASSERT_TRUE(replaced.has_value()) << replaced.error().message;
  EXPECT_FALSE(*replaced);
  EXPECT_EQ(Mode(path), S_IFREG | 0600U);
  EXPECT_TRUE(Holds(path));
}

TEST_F(SaveChatTo, AFileThatWasThereKeepsItsMode) {
  const fs::path path = dir_.Write("talk.json", "old");
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  const auto replaced = Save(path);
  ASSERT_TRUE(replaced.has_value()) << replaced.error().message;
  EXPECT_TRUE(*replaced);
  EXPECT_EQ(Mode(path), S_IFREG | 0640U);
  EXPECT_TRUE(Holds(path));
  EXPECT_EQ(Names(dir_.path()), std::vector<std::string>{"talk.json"});
}

TEST_F(SaveChatTo, SymbolicLinksStay) {
  const fs::path file = dir_.Write("there/talk.json", "old");
  fs::create_symlink("there/talk.json", dir_.path() / "near");
  fs::create_symlink(dir_.path() / "near", dir_.path() / "far");
  fs::create_symlink("there/new.json", dir_.path() / "dangling");
  EXPECT_EQ(Save(dir_.path() / "far").value_or(false), true);
  EXPECT_TRUE(Holds(file));
  EXPECT_EQ(Save(dir_.path() / "dangling").value_or(true), false);
  EXPECT_TRUE(Holds(dir_.path() / "there" / "new.json"));
  for (const char* link : {"near", "far", "dangling"}) {
    EXPECT_TRUE(fs::is_symlink(dir_.path() / link)) << link;
  }
}

TEST_F(SaveChatTo, WhatIsNoFileIsRefusedAndStays) {
  const fs::path pipe = dir_.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  fs::create_directory(dir_.path() / "folder");
  fs::create_symlink("pipe", dir_.path() / "link");
  fs::create_symlink("loop", dir_.path() / "loop");
  for (const fs::path& path :
       {pipe, dir_.path() / "folder", dir_.path() / "link", fs::path("/dev/null")}) {
    const mode_t before = Mode(path);
    const auto saved = Save(path);
    ASSERT_FALSE(saved.has_value()) << path;
    EXPECT_NE(saved.error().message.find("expected a regular file"), std::string::npos);
    EXPECT_EQ(Mode(path), before);
  }
  EXPECT_FALSE(Save(dir_.path() / "loop").has_value());
  EXPECT_EQ(Names(dir_.path()), (std::vector<std::string>{"folder", "link", "loop", "pipe"}));
}

}  // namespace
}  // namespace fairlead

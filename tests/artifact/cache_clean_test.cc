#include "artifact/cache_clean.h"

#include <sys/stat.h>

#include <cstdlib>

#include "artifact/artifact.h"
#include "artifact/byte_size.h"
#include "artifact/export.h"
#include "artifact/path_lock.h"
#include "tests/artifact/fixtures.h"
#include "tests/artifact/log_capture.h"

namespace fairlead {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;

const char* const kOld = "old-00000000000000aa";
const char* const kMiddle = "middle-00000000000000bb";
const char* const kNew = "new-00000000000000cc";

// A cache of three artifacts, last used three, two and one days ago.
class CacheCleanTest : public testing::Test {
 protected:
  CacheCleanTest() {
    ExportOptions options;
    options.checkpoint_id = "harbour/tiny";
    const Status made = ExportArtifact(*OpenCheckpoint(GoldenDir("tied_odd")), cache() / kOld,
                                       options, LayoutBackend(), nullptr);
    EXPECT_TRUE(made) << made.error().message;
    for (const char* name : {kMiddle, kNew}) {
      fs::copy(cache() / kOld, cache() / name, fs::copy_options::recursive);
    }
    Age(kOld, 3), Age(kMiddle, 2), Age(kNew, 1);
    bytes_ = Entry(kOld).bytes;
  }

  fs::path cache() const { return folder_.path() / "cache"; }
  void Age(const std::string& name, int days) const {
    fs::last_write_time(cache() / name, fs::file_time_type::clock::now() - hours(24 * days));
  }
  std::vector<CacheEntry> List() const {
    const auto entries = ListCache(cache());
    EXPECT_TRUE(entries) << entries.error().message;
    return entries.value_or(std::vector<CacheEntry>());
  }
  CacheEntry Entry(const std::string& name) const {
    for (const CacheEntry& entry : List()) {
      if (entry.name() == name) return entry;
    }
    ADD_FAILURE() << "no entry " << name;
    return {};
  }
  CleanReport Clean(const CleanRequest& request) const {
    const auto report = CleanCache(cache(), request);
    EXPECT_TRUE(report) << report.error().message;
    return report.value_or(CleanReport());
  }
  std::vector<std::string> Removed(const CleanRequest& request) const {
    std::vector<std::string> names;
    for (const CacheEntry& entry : Clean(request).removed) names.push_back(entry.name());
    return names;
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(cache())) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  void EditVersion(const std::string& name, const std::string& version) const {
    const fs::path path = cache() / name / kManifestName;
    std::string text = *ReadFile(path, "test", 1 << 20);
    const std::string key = "\"format_version\": ";
    const size_t at = text.find(key) + key.size();
    text.replace(at, text.find(',', at) - at, version);
    std::ofstream(path) << text;
  }

  TempDir folder_;
  uint64_t bytes_ = 0;  // of each artifact
};

using Strings = std::vector<std::string>;

TEST_F(CacheCleanTest, ListsArtifactsTheLeastRecentlyUsedFirst) {
  const auto entries = List();
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].name(), kOld);
  EXPECT_EQ(entries[1].name(), kMiddle);
  EXPECT_EQ(entries[2].name(), kNew);
  for (const CacheEntry& entry : entries) {
    EXPECT_EQ(entry.state, CacheState::kComplete) << entry.reason;
    EXPECT_EQ(entry.model, "harbour/tiny");
    EXPECT_FALSE(entry.busy);
    EXPECT_GT(entry.bytes, fs::file_size(entry.path / WeightsName(0, 1)));
  }
  MarkUsed(cache() / kOld);
  EXPECT_EQ(List().back().name(), kOld);
}

TEST_F(CacheCleanTest, AnAbsentCacheIsEmptyAndAFileIsNone) {
  EXPECT_TRUE(ListCache(folder_.path() / "absent")->empty());
  folder_.Write("file", "");
  const auto entries = ListCache(folder_.path() / "file");
  ASSERT_FALSE(entries);
  EXPECT_TRUE(entries.error().message.starts_with("[cache] ")) << entries.error().message;
}

TEST_F(CacheCleanTest, RemovesOnlyWhatIsOfNoUseUnlessAsked) {
  folder_.Write("cache/.old-00000000000000aa.tmp-1-0123abcd/weights/part", "1234");
  folder_.Write("cache/gone-00000000000000dd.lock", "");
  EditVersion(kMiddle, "0");
  EXPECT_EQ(Entry(kMiddle).state, CacheState::kUnreadable);
  EXPECT_EQ(Entry(kMiddle).model, "harbour/tiny") << "as far as it can be read";
  CleanRequest request;
  request.dry_run = true;
  EXPECT_EQ(Clean(request).removed.size(), 3u);
  EXPECT_EQ(Names().size(), 5u);
  const CleanReport report = Clean({});
  EXPECT_EQ(report.removed.size(), 3u);
  EXPECT_NEAR(static_cast<double>(report.freed_bytes), static_cast<double>(bytes_) + 4, 10);
  EXPECT_EQ(report.remaining_bytes, 2 * bytes_);
  EXPECT_EQ(Names(), (Strings{kNew, kOld}));
  EXPECT_TRUE(Clean({}).removed.empty());
}

TEST_F(CacheCleanTest, KeepsWhatALaterFairleadReads) {
  EditVersion(kMiddle, "99");
  EXPECT_EQ(Entry(kMiddle).state, CacheState::kNewer);
  EXPECT_NE(Entry(kMiddle).reason.find("format_version"), std::string::npos);
  EXPECT_TRUE(Clean({}).removed.empty());
  CleanRequest all;
  all.all = true;
  EXPECT_EQ(Removed(all), (Strings{kOld, kMiddle, kNew}));
}

TEST_F(CacheCleanTest, DamagedArtifactsAreUnreadable) {
  fs::resize_file(cache() / kOld / WeightsName(0, 1), 100);
  std::ofstream(cache() / kNew / kManifestName) << "{";
  EXPECT_EQ(Entry(kOld).state, CacheState::kUnreadable);
  EXPECT_EQ(Entry(kNew).state, CacheState::kUnreadable);
  EXPECT_EQ(Removed({}), (Strings{kOld, kNew}));
}

TEST_F(CacheCleanTest, SelectsByNameModelAndAge) {
  CleanRequest request;
  request.dry_run = true;
  request.model = "harbour";
  EXPECT_EQ(Removed(request), (Strings{kOld, kMiddle, kNew}));
  request.unused_for = hours(36);
  EXPECT_EQ(Removed(request), (Strings{kOld, kMiddle}));
  request.model = "middle-";
  EXPECT_EQ(Removed(request), (Strings{kMiddle}));
  request.model = "another";
  EXPECT_EQ(Removed(request), (Strings{}));
  request = {};
  request.dry_run = true;
  request.names = {kNew, kOld};
  EXPECT_EQ(Removed(request), (Strings{kOld, kNew}));
  request.names = {kNew, "nonsense"};
  const auto report = CleanCache(cache(), request);
  ASSERT_FALSE(report);
  EXPECT_EQ(
      report.error().message,
      fmt::format("[cache] {}: expected an entry's name, got \"nonsense\"", cache().string()));
  EXPECT_EQ(Names().size(), 3u);
}

TEST_F(CacheCleanTest, MaxBytesRemovesTheLeastRecentlyUsedUntilBelow) {
  CleanRequest request;
  request.dry_run = true;
  request.max_bytes = 3 * bytes_;
  EXPECT_EQ(Removed(request), (Strings{}));
  request.max_bytes = 3 * bytes_ - 1;
  EXPECT_EQ(Removed(request), (Strings{kOld}));
  request.max_bytes = bytes_;
  EXPECT_EQ(Removed(request), (Strings{kOld, kMiddle}));
  request.names = {kNew};
  request.max_bytes = 0;
  EXPECT_EQ(Removed(request), (Strings{kNew})) << "of those that are selected";
  request.dry_run = false;
  request.names = {};
  EXPECT_EQ(Clean(request).remaining_bytes, 0u);
  EXPECT_TRUE(Names().empty());
}

TEST_F(CacheCleanTest, LeavesWhatAProcessRunsOrWritesAndSaysSo) {
  folder_.Write("cache/.old-00000000000000aa.tmp-1-0123abcd/part", "1234");
  const auto written =
      PathLock::Try(cache() / ".old-00000000000000aa.tmp-1-0123abcd", LockMode::kExclusive);
  const auto used = PathLock::Try(cache() / kOld, LockMode::kShared);
  const auto exported = PathLock::Create(CacheLockPath(cache() / kMiddle), [] {});
  ASSERT_TRUE(written && used && exported);
  EXPECT_TRUE(Entry(kOld).busy);
  EXPECT_FALSE(Entry(kNew).busy);
  CleanRequest all;
  all.all = true;
  const CleanReport report = Clean(all);
  ASSERT_EQ(report.removed.size(), 1u);
  EXPECT_EQ(report.removed[0].name(), kNew);
  ASSERT_EQ(report.kept.size(), 3u);
  EXPECT_EQ(report.kept[0].reason, "being written by a running process");
  EXPECT_EQ(report.kept[1].reason, "in use by a running process");
  EXPECT_FALSE(report.failed);
  EXPECT_EQ(Names(), (Strings{".old-00000000000000aa.tmp-1-0123abcd", kMiddle,
                              std::string(kMiddle) + ".lock", kOld}));
}

// What would go if the cache were mistaken for its own.
TEST_F(CacheCleanTest, NeverTouchesWhatIsNotItsOwn) {
  const Strings foreign = {
      "cache/notes.txt",
      "cache/photos-0123456789abcdef/holiday",              // no fairlead.json
      "cache/my-export/fairlead.json",                      // no key: exported by hand
      "cache/my.export-0123456789abcdef/fairlead.json",     // no name of the cache
      "cache/.thing-0123456789abcdef.tmp-x-00000000/file",  // no process
      "cache/.thing.tmp-12-0123abcd/file",                  // an export by hand
      "cache/cargo.lock",
  };
  for (const std::string& path : foreign) folder_.Write(path, "{}");
  folder_.Write("elsewhere/old-00000000000000ee/fairlead.json", "{}");
  fs::create_directory_symlink(folder_.path() / "elsewhere" / "old-00000000000000ee",
                               cache() / "old-00000000000000ee");
  fs::create_directory(cache() / "linked-00000000000000ff");
  fs::create_symlink(folder_.path() / "elsewhere" / "old-00000000000000ee" / "fairlead.json",
                     cache() / "linked-00000000000000ff" / "fairlead.json");
  fs::create_directory_symlink(folder_.path() / "elsewhere", cache() / kOld / "way-out");
  EXPECT_EQ(List().size(), 3u);
  EXPECT_EQ(Entry(kOld).bytes, bytes_);
  CleanRequest all;
  all.all = true;
  EXPECT_EQ(Clean(all).removed.size(), 3u);
  for (const std::string& path : foreign) EXPECT_TRUE(fs::exists(folder_.path() / path)) << path;
  EXPECT_TRUE(fs::exists(folder_.path() / "elsewhere/old-00000000000000ee/fairlead.json"));
  EXPECT_TRUE(fs::is_symlink(cache() / "old-00000000000000ee"));
  EXPECT_TRUE(fs::exists(cache() / "linked-00000000000000ff"));
}

TEST_F(CacheCleanTest, ARunningArtifactOutlivesItsFolder) {
  const auto artifact = LoadArtifact(cache() / kOld);
  ASSERT_TRUE(artifact) << artifact.error().message;
  CleanRequest all;
  all.all = true;
  EXPECT_EQ(Clean(all).removed.size(), 3u);
  const auto checkpoint = OpenCheckpoint(GoldenDir("tied_odd"));
  ExpectWeights(BuildGraph(*checkpoint), *checkpoint, (*artifact)->ranks.front()->weights);
}

TEST_F(CacheCleanTest, EnforcingTheLimitTellsWhatItRemoves) {
  const auto used = PathLock::Try(cache() / kNew, LockMode::kShared);
  const LogCapture log;
  EnforceCacheLimit(cache(), 3 * bytes_);
  EXPECT_EQ(log.text(), "");
  EnforceCacheLimit(cache(), 2 * bytes_);
  EXPECT_EQ(Names(), (Strings{kMiddle, kNew}));
  EXPECT_NE(log.text().find(fmt::format("info [cache] removed {} (", kOld)), std::string::npos)
      << log.text();
  EnforceCacheLimit(cache(), 1);
  EXPECT_EQ(Names(), (Strings{kNew}));
  EXPECT_NE(log.text().find("more than FAIRLEAD_CACHE_SIZE allows: it is in use"),
            std::string::npos)
      << log.text();
}

TEST(CacheLimit, IsWhatTheEnvironmentSays) {
  ::unsetenv("FAIRLEAD_CACHE_SIZE");
  EXPECT_EQ(*CacheLimit(), 100'000'000'000u);
  ::setenv("FAIRLEAD_CACHE_SIZE", "", 1);
  EXPECT_EQ(*CacheLimit(), 100'000'000'000u);
  ::setenv("FAIRLEAD_CACHE_SIZE", "1.5 GiB", 1);
  EXPECT_EQ(*CacheLimit(), 1'610'612'736u);
  ::setenv("FAIRLEAD_CACHE_SIZE", "unlimited", 1);
  EXPECT_EQ(*CacheLimit(), ~uint64_t{0});
  ::setenv("FAIRLEAD_CACHE_SIZE", "much", 1);
  EXPECT_EQ(CacheLimit().error().message,
            "[cache] FAIRLEAD_CACHE_SIZE: expected a size such as 50GB, or unlimited, got "
            "\"much\"");
  ::unsetenv("FAIRLEAD_CACHE_SIZE");
}

TEST(ByteSize, ReadsUnitsAndRefusesTheRest) {
  const std::pair<const char*, uint64_t> sizes[] = {{"0B", 0},
                                                    {"7B", 7},
                                                    {"2kB", 2000},
                                                    {"2 KiB", 2048},
                                                    {"500M", 500'000'000},
                                                    {"50GB", 50'000'000'000},
                                                    {"0.5gb", 500'000'000},
                                                    {"1TiB", uint64_t{1} << 40},
                                                    {"1PB", 1'000'000'000'000'000}};
  for (const auto& [text, bytes] : sizes) EXPECT_EQ(ParseByteSize(text), bytes) << text;
  for (const char* text : {"", " ", "GB", "0", "1000000", "-1", "-0", "1e3", "nan", "inf", "1 GB ",
                           "1XB", "1iB", "1GGB", "1,5GB", "0x10", "10000000TB", "5 G B", "1bb"}) {
    EXPECT_EQ(ParseByteSize(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace fairlead

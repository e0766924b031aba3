#include "base/json.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <string>

#include "tests/base/temp_dir.h"

namespace fairlead {
namespace {

TEST(Json, BuildsEveryKindOfValueInOrder) {
  const auto json = ParseJson(R"({"z":[1,-2,0.5,"s",true,false,null,{},[]],"a":{"b":{"c":[[3]]}}})",
                              "test", "text");
  ASSERT_TRUE(json) << json.error().message;
  EXPECT_EQ(json->dump(), R"({"z":[1,-2,0.5,"s",true,false,null,{},[]],"a":{"b":{"c":[[3]]}}})");
  EXPECT_TRUE((*json)["z"][0].is_number_unsigned());
  EXPECT_TRUE((*json)["z"][1].is_number_integer());
}

TEST(Json, IsWrittenAsUtf8WhateverItHolds) {
  const Json json = {{"name", "sch\u00f6n \xff"}, {"list", {1, 0.5}}};
  EXPECT_EQ(DumpJson(json), "{\"name\":\"sch\u00f6n \ufffd\",\"list\":[1,0.5]}");
  EXPECT_EQ(DumpJson({{"a", 1}}, 2), "{\n  \"a\": 1\n}");
  EXPECT_EQ(DumpJsonAscii("sch\u00f6n \xff"), R"("sch\u00f6n \ufffd")");
}

TEST(Json, AcceptsABareValue) { EXPECT_EQ(ParseJson(" 17 ", "test", "text")->get<int>(), 17); }

struct BrokenJson {
  const char* name;
  std::string text;
  const char* expected;
};

class BrokenJsonTest : public testing::TestWithParam<BrokenJson> {};

TEST_P(BrokenJsonTest, IsRefusedWithOneLine) {
  const auto json = ParseJson(GetParam().text, "config", "config.json");
  ASSERT_FALSE(json);
  EXPECT_EQ(json.error().code, ErrorCode::kInvalidData);
  EXPECT_EQ(json.error().message, std::string("[config] config.json: ") + GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Table, BrokenJsonTest,
    testing::Values(
        BrokenJson{"Empty", "", "invalid JSON at byte 1"},
        BrokenJson{"Open", R"({"a":1)", "invalid JSON at byte 7"},
        BrokenJson{"TrailingComma", "[1,]", "invalid JSON at byte 4"},
        BrokenJson{"TwoValues", "1 2", "invalid JSON at byte 3"},
        BrokenJson{"Comment", "/* */ 1", "invalid JSON at byte 1"},
        BrokenJson{"Nan", "[NaN]", "invalid JSON at byte 2"},
        BrokenJson{"InvalidUtf8", "\"\xc3(\"", "invalid JSON at byte 3"},
        BrokenJson{"LoneSurrogate", R"("\ud800")", "invalid JSON at byte 8"},
        BrokenJson{"NumberTooLarge", "1e999", "invalid JSON at byte 5"},
        BrokenJson{"DuplicateKey", R"({"a":1,"a":2})", R"(duplicate key "a")"},
        BrokenJson{"EscapedDuplicateKey", R"({"a":1,"\u0061":2})", R"(duplicate key "a")"},
        BrokenJson{"NestedDuplicateKey", R"([{"x":{"k":1,"l":2,"k":3}}])", R"(duplicate key "k")"},
        BrokenJson{"DuplicateKeyWithANewline", R"({"a\n":1,"a\n":2})", R"(duplicate key "a\n")"},
        BrokenJson{"DeepArrays", std::string(65, '[') + std::string(65, ']'),
                   "JSON nested deeper than 64 levels"},
        BrokenJson{"EndlessArrays", std::string(1'000'000, '['),
                   "JSON nested deeper than 64 levels"}),
    [](const auto& info) { return info.param.name; });

TEST(Json, AllowsExactlyTheDepthLimit) {
  EXPECT_TRUE(ParseJson(std::string(64, '[') + std::string(64, ']'), "test", "text"));
}

TEST(Json, EqualKeysInDifferentObjectsAreFine) {
  EXPECT_TRUE(ParseJson(R"([{"a":{"a":1}},{"a":2}])", "test", "text"));
}

// CPU seconds to parse an object of `members` members, the best of three.
double ParseSeconds(int members) {
  std::string text = "{";
  for (int i = 0; i < members; ++i) text += fmt::format("\"key{}\":{},", i, i);
  text.back() = '}';
  double best = 1e9;
  for (int run = 0; run < 3; ++run) {
    const std::clock_t start = std::clock();
    const auto json = ParseJson(text, "test", "text");
    best = std::min(best, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
    EXPECT_EQ(json->size(), static_cast<size_t>(members));
  }
  return best;
}

TEST(Json, LargeObjectsAreNotQuadratic) {
  // Eight times the members: about 8 times the work, or 64 times if each key is searched for.
  EXPECT_LT(ParseSeconds(32'000), 24 * ParseSeconds(4'000));
}

TEST(ReadJsonFile, NamesTheFileInErrors) {
  TempDir dir;
  const auto path = dir.Write("config.json", "{]");
  const auto broken = ReadJsonFile(path, "config");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().message, "[config] " + path.string() + ": invalid JSON at byte 2");
  EXPECT_EQ(ReadJsonFile(dir.path() / "absent.json", "config").error().code, ErrorCode::kNotFound);
  const auto large = ReadJsonFile(dir.Write("large.json", "[1, 2, 3]"), "config", 8);
  ASSERT_FALSE(large);
  EXPECT_NE(large.error().message.find("expected at most 8 bytes, got 9"), std::string::npos);
}

}  // namespace
}  // namespace fairlead

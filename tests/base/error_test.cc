#include "base/error.h"

#include <gtest/gtest.h>

#include <memory>

namespace fairlead {
namespace {

Result<int> Half(int value) {
  if (value % 2 != 0) {
    return Fail(ErrorCode::kInvalidArgument, "half", "value: expected an even number, got {}",
                value);
  }
  return value / 2;
}

Result<int> Quarter(int value) {
  FAIRLEAD_ASSIGN_OR_RETURN(const int half, Half(value));
  FAIRLEAD_RETURN_IF_ERROR(Half(half));
  return half / 2;
}

TEST(Error, NamesTheComponentFirst) {
  const auto failed = Half(3);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(failed.error().message, "[half] value: expected an even number, got 3");
}

TEST(Error, MacrosPassTheFirstErrorOn) {
  EXPECT_EQ(Quarter(8), 2);
  EXPECT_EQ(Quarter(7).error().message, "[half] value: expected an even number, got 7");
  EXPECT_EQ(Quarter(6).error().message, "[half] value: expected an even number, got 3");
}

TEST(Error, AssignOrReturnMovesTheValue) {
  const auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(5); };
  const auto use = [&]() -> Result<int> {
    FAIRLEAD_ASSIGN_OR_RETURN(std::unique_ptr<int> value, make());
    return *value;
  };
  EXPECT_EQ(use(), 5);
}

TEST(Quoted, KeepsAMessageOnOneLine) {
  EXPECT_EQ(Quoted("model.norm"), "\"model.norm\"");
  EXPECT_EQ(Quoted("a\n\"b\""), R"("a\n\"b\"")");
  for (char c : Quoted(std::string_view("\x1b[31m\xff\0\r", 8))) {
    EXPECT_TRUE(c >= ' ' && c <= '~') << static_cast<int>(c);
  }
}

TEST(Quoted, CutsAbsurdLengths) {
  const std::string quoted = Quoted(std::string(10'000, 'x'));
  EXPECT_EQ(quoted.size(), 205u);
  EXPECT_TRUE(quoted.ends_with("x\"..."));
}

}  // namespace
}  // namespace fairlead

#include "chat/harmony/header_names.h"

#include <algorithm>
#include <cstdint>

#include "chat/harmony/words.h"
#include "tokenizer/utf8.h"

namespace fairlead {
namespace {

// The Unicode White_Space characters, but for those that are controls: readers split headers at
// them or trim them.
constexpr std::string_view kWhiteSpace[] = {" ",      "\u00A0", "\u1680", "\u2000", "\u2001",
                                            "\u2002", "\u2003", "\u2004", "\u2005", "\u2006",
                                            "\u2007", "\u2008", "\u2009", "\u200A", "\u2028",
                                            "\u2029", "\u202F", "\u205F", "\u3000"};

// Of well-formed UTF-8: U+0000 to U+001F and U+007F to U+009F.
bool IsControl(std::string_view name, size_t i) {
  const auto byte = static_cast<uint8_t>(name[i]);
  if (byte < 0x20 || byte == 0x7F) return true;
  return byte == 0xC2 && static_cast<uint8_t>(name[i + 1]) < 0xA0;
}

// Why a header cannot hold `name`; empty: it can.
std::string_view Obstacle(std::string_view name) {
  if (name.empty()) return "an empty one";
  if (FindInvalidUtf8(name)) return "bytes that are not UTF-8";
  for (size_t i = 0; i < name.size(); ++i) {
    if (IsControl(name, i)) return "a control character";
  }
  const auto held = [name](std::string_view part) {
    return name.find(part) != std::string_view::npos;
  };
  if (std::any_of(std::begin(kWhiteSpace), std::end(kWhiteSpace), held)) return "white space";
  if (name.find_first_of(kNameEnds) != std::string_view::npos) return "one of {}[]()<>\"'`,;=|\\";
  return {};
}

}  // namespace

Status CheckHeaderNames(std::string_view what, const std::vector<std::string>& names) {
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string_view obstacle = Obstacle(names[i]);
    if (obstacle.empty()) continue;
    return Fail(ErrorCode::kInvalidArgument, "harmony",
                "{} {}: expected a name that a message's header can hold, got {}", what, i,
                obstacle);
  }
  return {};
}

}  // namespace fairlead

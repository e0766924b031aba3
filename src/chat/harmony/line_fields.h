// The members of a line of `fairlead harmony`; unknown ones are somebody else's, null is absent.
#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "chat/conversation.h"

namespace fairlead {

// A line that is not as it has to be: kInvalidArgument.
template <typename... Args>
tl::unexpected<Error> MalformedLine(fmt::format_string<Args...> format, Args&&... args) {
  return Fail(ErrorCode::kInvalidArgument, "harmony", "line: {}",
              fmt::format(format, std::forward<Args>(args)...));
}

// A line's object.
Result<Json> ReadLineObject(std::string_view line);
// The member of that name; nullptr when it is absent.
const Json* FindField(const Json& object, std::string_view name);
Result<std::optional<bool>> ReadFlagField(const Json& object, std::string_view name);
Result<std::optional<Role>> ReadRoleField(const Json& object, std::string_view name);

}  // namespace fairlead

// Which names a message's header can hold.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace fairlead {

// kInvalidArgument with the first of `names` that a reader would not find again in a header: empty,
// not UTF-8, with white space, control characters or one of {}[]()<>"'`,;=|\. `what` says what the
// names are.
Status CheckHeaderNames(std::string_view what, const std::vector<std::string>& names);

}  // namespace fairlead

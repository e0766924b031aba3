// The texts of system and developer messages.
#pragma once

#include <string>

#include "base/error.h"
#include "chat/conversation.h"

namespace fairlead {

// Identity, cutoff, date, effort, tools and channels, as far as `content` has them. With
// `function_tools` the section on channels says where calls to functions go. kInvalidArgument for
// a schema that is nested too deeply.
Result<std::string> SystemText(const SystemContent& content, bool function_tools);

// Instructions and tools.
Result<std::string> DeveloperText(const DeveloperContent& content);

}  // namespace fairlead

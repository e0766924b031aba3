// JSON schemas as the TypeScript types that gpt-oss knows functions by.
#pragma once

#include <string>

#include "base/json.h"

namespace fairlead {

// The type that openai-harmony makes of `schema`. Total: what is not understood is "any". Nesting
// is the caller's to bound.
std::string TypeScriptType(const Json& schema);

}  // namespace fairlead

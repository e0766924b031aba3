// JSON values in the words of the library that gpt-oss's training texts were made with.
#pragma once

#include <string>

#include "base/json.h"

namespace fairlead {

// `value` without white space, members in their order, as Rust's serde_json prints it: floating
// point in the shortest digits that give the number back, always with a point or an exponent
// ("1.0", "0.00001", "1e-7", "1e16"). Nesting is the caller's to bound.
std::string CompactJson(const Json& value);

}  // namespace fairlead

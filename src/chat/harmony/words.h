// The words that harmony's headers are made of.
#pragma once

#include <array>
#include <string_view>

#include "chat/channels.h"

namespace fairlead {

inline constexpr std::array kKnownChannels = {kAnalysis, kCommentary, kFinal};

// What content is said to be. gpt-oss was taught "json" for functions and "code" for built-in
// tools.
inline constexpr std::array<std::string_view, 5> kKnownTypes = {"json", "code", "text", "xml",
                                                                "yaml"};

// What begins a marker, or the arguments of a call that a model wrote into its header: a name ends
// there.
inline constexpr std::string_view kNameEnds = "{}[]()<>\"'`,;=|\\";

}  // namespace fairlead

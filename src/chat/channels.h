// The channels of a conversation (Message::channel), for all formats and APIs.
#pragma once

#include <string_view>

namespace fairlead {

inline constexpr std::string_view kAnalysis = "analysis";      // reasoning
inline constexpr std::string_view kCommentary = "commentary";  // calls of tools, and preambles
inline constexpr std::string_view kFinal = "final";            // the answer

}  // namespace fairlead

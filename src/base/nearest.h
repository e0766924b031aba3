// The word that was meant, for error messages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fairlead {

// "; did you mean X?" with the candidate nearest to `word`; empty if none is near enough.
std::string DidYouMean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace fairlead

// Options that make the bundled model answer in a certain shape, whatever its words are.
#pragma once

#include <string>
#include <vector>

namespace fairlead::e2e {

std::string SpecialBias(const std::string& name, int bias);  // "1006:14"

// It never ends of itself.
std::vector<std::string> EndlessAnswer();
// A little thinking, then a few words.
std::vector<std::string> ThinkingThenText();
// Empty messages; with tool_choice required, a call at once.
std::vector<std::string> QuickCall();

}  // namespace fairlead::e2e

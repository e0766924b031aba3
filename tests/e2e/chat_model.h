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
// What it was trained to do with a tool called clock, asked kTimeQuestion with tool_choice
// required: it calls the tool with {} and answers.
std::vector<std::string> ClockCall();
// The same, but that it calls with no arguments at all, again and again.
std::vector<std::string> EmptyCall();
inline constexpr const char* kTimeQuestion = "What time is it?";

}  // namespace fairlead::e2e

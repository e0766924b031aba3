// Options that make the bundled model answer in a certain shape, whatever its words are.
#pragma once

#include <string>
#include <vector>

namespace fairlead::e2e {

std::string SpecialBias(const std::string& name, int bias);  // "2506:14"

// It never ends of itself.
std::vector<std::string> EndlessAnswer();
// A little thinking, then a few words.
std::vector<std::string> ThinkingThenText();
// What one seed says and another one does not.
std::vector<std::string> Babble();

// A file of tools (--tools) with the one that it was trained to call with {}; `command` is JSON.
std::string DateTool(const std::string& command, const std::string& more = "");
inline constexpr const char* kDateTool = "today";
inline constexpr const char* kDateToolDescription = "Tells the date.";
// Asked this with tool_choice required, it calls the tool and answers.
inline constexpr const char* kDateQuestion = "What date is it today?";
std::vector<std::string> DateCall();
// The same, but that it calls with no arguments at all, again and again.
std::vector<std::string> EmptyCall();

}  // namespace fairlead::e2e

// What users type: both spellings of long options, and numbers that are numbers.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

namespace fairlead {

// `--batch-size` and `--batch_size` are one option: dashes inside a long option's name become
// underscores; what follows a '=' stays as it is.
std::string NormalizeOption(std::string argument);

// Checks for options that take a number, to be given to Option::check. The parser alone would take
// 010 as 8, -1 as the largest unsigned number and nan as any number. T is int64_t, uint64_t or
// double; both ends are allowed.
template <typename T>
CLI::Validator NumberFrom(T min, T max);

// What such a check expects: "a whole number from 1 to 8", "a number of at least 0".
template <typename T>
std::string DescribeRange(T min, T max);

}  // namespace fairlead

// What users type, made forgiving: both spellings of long options, and a suggestion for a typo.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead {

// `--batch-size` and `--batch_size` are one option: dashes inside a long option's name become
// underscores; what follows a '=' stays as it is.
std::string NormalizeOption(std::string argument);

// The candidate nearest to `word`, if it is near enough to be meant; empty otherwise.
std::string Nearest(std::string_view word, const std::vector<std::string>& candidates);

// Checks for options that take a number, to be given to Option::check. The parser alone would take
// 010 as 8, -1 as the largest unsigned number and nan as any number. T is int64_t, uint64_t or
// double; both ends are allowed.
template <typename T>
CLI::Validator NumberFrom(T min, T max);

}  // namespace fairlead

// `fairlead eval`: what it was asked for.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/generate.h"

namespace fairlead {

struct EvalOptions {
  GenerateOptions generate;         // of which run, max_tokens and the engine's count
  std::string suites_folder;        // empty: that of the model
  std::vector<std::string> suites;  // empty: all
  size_t limit = 0;                 // items of each suite; 0: all
  bool header_constraint = true;
  std::string output;     // the scores as JSON; empty: not written
  std::string answers;    // every item's tokens; empty: not written
  size_t show_wrong = 0;  // wrong answers to print
  bool json = false;      // the scores on stdout as JSON
};

}  // namespace fairlead

// `fairlead generate`: what it was asked for, and its two ways of working.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "cli/generate_settings.h"
#include "cli/session.h"

namespace fairlead {

struct GenerateOptions {
  RunOptions run;
  std::string prompts;
  std::string prompts_file;  // instead of `prompts`; "-" is stdin
  std::string output;        // of prompts_file; empty: stdout
  bool force = false;
  GenerateSettings settings;     // of every prompt that has none of its own
  int speculate = 0;             // tokens to guess ahead
  int max_batch = 8;             // sequences side by side
  uint64_t kv_cache_memory = 0;  // bytes; 0: what is free, as far as it is of use
  bool stats = false;
  bool json = false;
};

// Declares --max_batch, --kv_cache_memory, --speculate and --stats on a command.
void AddEngineOptions(CLI::App& command, GenerateOptions& options);

// Continues the prompts of the command line. A single answer streams; several are printed in order
// when all are done.
Status GeneratePrompts(const GenerateOptions& options);

// Answers a file of prompts in its order, line by line.
Status GenerateFile(const GenerateOptions& options);

}  // namespace fairlead

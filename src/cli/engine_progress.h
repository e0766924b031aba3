// How far an engine is with many prompts, on stderr.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "cli/format.h"
#include "runtime/engine.h"

namespace fairlead {

class EngineProgress {
 public:
  // "generating ... 3 of 8 prompts, 120.5 tokens/s". The engine must outlive it.
  EngineProgress(std::string title, std::string noun, const Engine& engine);

  void Update(size_t done, size_t total) { bar_.Update(done, total); }

 private:
  const std::string noun_;
  const Engine& engine_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  ProgressBar bar_;
};

}  // namespace fairlead

#include "cli/engine_progress.h"

#include <fmt/format.h>

#include <utility>

namespace fairlead {

EngineProgress::EngineProgress(std::string title, std::string noun, const Engine& engine)
    : noun_(std::move(noun)),
      engine_(engine),
      bar_(std::move(title), kProgressSilence, [this](uint64_t done, uint64_t total) {
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start_;
        return fmt::format(
            "{} of {} {}, {:.1f} tokens/s", done, total, noun_,
            static_cast<double>(engine_.statistics().generated_tokens) / seconds.count());
      }) {}

}  // namespace fairlead

// Numbers and progress as people read them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace fairlead {

std::string HumanBytes(uint64_t bytes);   // "13.8 GB", powers of 1000
std::string HumanCount(uint64_t number);  // "20.9 B", "3.61 B", "845 M"

// A bar on stderr: redrawn in place on a terminal, one line per tenth otherwise.
// For work that is often quick.
inline constexpr std::chrono::milliseconds kProgressSilence{500};

class ProgressBar {
 public:
  // Draws nothing in the first `silence`: what ends sooner needs no bar.
  explicit ProgressBar(std::string title,
                       std::chrono::milliseconds silence = std::chrono::milliseconds(0));
  // Says what `describe` makes of done and total instead of two numbers of bytes.
  using Describe = std::function<std::string(uint64_t done, uint64_t total)>;
  ProgressBar(std::string title, std::chrono::milliseconds silence, Describe describe);
  // Finishes the line if the work was not complete (an error will be printed below it).
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void Update(uint64_t done, uint64_t total);

 private:
  void Draw(uint64_t done, uint64_t total, int percent);

  std::string title_;
  Describe describe_;
  std::chrono::milliseconds silence_;
  bool terminal_;
  int shown_percent_ = -1;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point last_draw_;
};

// Memory of this process as the kernel counts it.
struct ProcessMemory {
  uint64_t anonymous_bytes = 0;    // RssAnon: private memory
  uint64_t file_mapped_bytes = 0;  // RssFile: mapped weights in memory
};
ProcessMemory ReadProcessMemory();

}  // namespace fairlead

#include "cli/format.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <iostream>

namespace fairlead {
namespace {

std::string Scaled(uint64_t number, std::initializer_list<std::string_view> units) {
  double value = static_cast<double>(number);
  auto unit = units.begin();
  while (value >= 999.5 && unit + 1 != units.end()) {
    value /= 1000;
    ++unit;
  }
  if (unit == units.begin()) return fmt::format("{}{}", number, *unit);
  return value < 99.95 ? fmt::format("{:.3g}{}", value, *unit)
                       : fmt::format("{:.0f}{}", value, *unit);
}

}  // namespace

std::string HumanBytes(uint64_t bytes) { return Scaled(bytes, {" B", " kB", " MB", " GB", " TB"}); }

std::string HumanCount(uint64_t number) { return Scaled(number, {"", " k", " M", " B", " T"}); }

ProgressBar::ProgressBar(std::string title, std::chrono::milliseconds silence)
    : ProgressBar(std::move(title), silence, [](uint64_t done, uint64_t total) {
        return fmt::format("{} of {}", HumanBytes(done), HumanBytes(total));
      }) {}

ProgressBar::ProgressBar(std::string title, std::chrono::milliseconds silence, Describe describe)
    : title_(std::move(title)),
      describe_(std::move(describe)),
      silence_(silence),
      terminal_(::isatty(STDERR_FILENO) != 0),
      start_(std::chrono::steady_clock::now()),
      last_draw_(start_) {}

ProgressBar::~ProgressBar() {
  if (terminal_ && shown_percent_ >= 0) std::cerr << '\n';
}

void ProgressBar::Update(uint64_t done, uint64_t total) {
  const int percent =
      total == 0 ? 100
                 : static_cast<int>(100.0 * static_cast<double>(done) / static_cast<double>(total));
  const int shown = terminal_ ? percent : percent / 10 * 10;
  const auto now = std::chrono::steady_clock::now();
  // Work that ends at once needs no bar.
  if (shown_percent_ < 0 && now - start_ < silence_) return;
  const bool late = now - last_draw_ > std::chrono::milliseconds(100);
  if (!(terminal_ && late) && (shown == shown_percent_ || (terminal_ && percent < 100))) return;
  shown_percent_ = shown;
  last_draw_ = now;
  Draw(done, total, shown);
}

void ProgressBar::Draw(uint64_t done, uint64_t total, int percent) {
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  const std::string counts = fmt::format("{}, {:.0f} s", describe_(done, total), seconds);
  if (!terminal_) {
    std::cerr << fmt::format("{}: {}% ({})\n", title_, percent, counts);
    return;
  }
  constexpr int kWidth = 30;
  const auto filled = static_cast<size_t>(kWidth * percent / 100);
  std::cerr << fmt::format("\r{} [{}{}] {}% {}  ", title_, std::string(filled, '='),
                           std::string(kWidth - filled, ' '), percent, counts)
            << std::flush;
}

ProcessMemory ReadProcessMemory() {
  ProcessMemory memory;
  std::ifstream status("/proc/self/status");
  std::string key, unit;
  uint64_t kilobytes = 0;
  for (std::string line; std::getline(status, line);) {
    if (std::sscanf(line.c_str(), "RssAnon: %lu", &kilobytes) == 1) {
      memory.anonymous_bytes = kilobytes * 1024;
    } else if (std::sscanf(line.c_str(), "RssFile: %lu", &kilobytes) == 1) {
      memory.file_mapped_bytes = kilobytes * 1024;
    }
  }
  return memory;
}

}  // namespace fairlead

// synth_checkpoint: a gpt-oss checkpoint of any size with random weights, for measurements.
#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>

#include "write_checkpoint.h"

namespace {

using Clock = std::chrono::steady_clock;

// One line on stderr, rewritten on a terminal, and at the end only elsewhere.
class ProgressLine {
 public:
  void Update(uint64_t done, uint64_t total) {
    const auto now = Clock::now();
    const bool finished = done == total;
    if (!finished && (!terminal_ || now - last_ < std::chrono::milliseconds(200))) return;
    last_ = now;
    const double seconds = std::chrono::duration<double>(now - start_).count();
    fmt::print(stderr, "{}{:.2f} of {:.2f} GB, {:.2f} GB/s{}", terminal_ ? "\r" : "",
               static_cast<double>(done) / 1e9, static_cast<double>(total) / 1e9,
               static_cast<double>(done) / 1e9 / seconds, finished ? "\n" : " ");
    std::fflush(stderr);
  }

 private:
  bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
};

void AddOptions(CLI::App& app, fairlead::synth::ModelSpec& spec,
                fairlead::synth::WriteOptions& options) {
  const auto size = [&app](const char* name, int64_t& value, int64_t most, const char* help) {
    app.add_option(name, value, help)->capture_default_str()->check(CLI::Range(int64_t{1}, most));
  };
  size("--layers", spec.layers, 1000, "Decoder layers");
  size("--hidden", spec.hidden, 1 << 16, "Hidden size, a multiple of 32");
  size("--intermediate", spec.intermediate, 1 << 16, "Intermediate size, a multiple of 32");
  size("--heads", spec.heads, 1 << 10, "Query heads");
  size("--kv-heads", spec.kv_heads, 1 << 10, "Key/value heads, a divisor of --heads");
  size("--head-dim", spec.head_dim, 1 << 10, "Size of a head, even");
  size("--experts", spec.experts, 1 << 10, "Experts of a layer");
  size("--experts-per-token", spec.experts_per_token, 1 << 10, "Experts that a token visits");
  app.add_option("--vocabulary", spec.vocabulary, "Vocabulary size")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{2}, int64_t{1} << 24));
  size("--sliding-window", spec.sliding_window, 1 << 20, "Window of every other layer");
  app.add_option("--seed", options.seed, "Seed of the weights")->capture_default_str();
  app.add_option("--shard-size", options.shard_bytes, "Largest file, for example 500MB or 5GB")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/true))
      ->default_str("5GB");
  app.add_flag("--force", options.force, "Replace the checkpoint at OUT_DIR");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Writes a gpt-oss checkpoint with random weights in the published form: real names, shapes,\n"
      "config keys and shards, experts in MXFP4. The defaults give gpt-oss-20b (13.8 GB). The\n"
      "weights depend on the seed and the tensor's name alone. No tokenizer.json is written."};
  std::string out_dir;
  fairlead::synth::ModelSpec spec;
  fairlead::synth::WriteOptions options;
  app.add_option("OUT_DIR", out_dir, "Folder to write; must not exist")->required();
  AddOptions(app, spec, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  ProgressLine line;
  const auto written = fairlead::synth::WriteCheckpoint(
      out_dir, spec, options, [&](uint64_t done, uint64_t total) { line.Update(done, total); });
  if (!written) {
    fmt::print(stderr, "{}\n", written.error().message);
    return 1;
  }
  return 0;
}

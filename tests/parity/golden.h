// The golden checkpoints and what Hugging Face transformers computed from them (tools/goldens).
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors.h"
#include "models/model.h"
#include "tests/support/run.h"

namespace fairlead::testing {

// A prompt and its greedy continuation.
struct GoldenPrompt {
  std::vector<int32_t> prompt;
  std::vector<int32_t> greedy;
  std::vector<double> margins;  // of each greedy step: best logit minus the second best
  TensorView logits;            // f32 [prompt, vocabulary]
};

struct GoldenCase {
  std::string name;
  std::shared_ptr<const Checkpoint> checkpoint;
  std::shared_ptr<const SafetensorsFile> values;  // named values of the first prompt
  std::shared_ptr<const SafetensorsFile> ragged;  // nullptr where there is none
  double max_abs_logit = 0;
  std::vector<GoldenPrompt> prompts;  // the golden one, then the ragged ones
};

// The names of all cases: the folders of tests/data/goldens, in order.
std::vector<std::string> GoldenNames();

Result<GoldenCase> LoadGolden(const std::string& name);

// The model of a configuration with the weights of a checkpoint.
Result<std::shared_ptr<Program>> MakeProgram(const Json& config, const Checkpoint& checkpoint,
                                             const Backend& backend);

// The same, divided: the programs of all tp_degree x ep_degree ranks, in order.
Result<std::vector<std::shared_ptr<Program>>> MakeRanks(const Json& config,
                                                        const Checkpoint& checkpoint,
                                                        const Backend& backend, int tp_degree,
                                                        int ep_degree);

// What runs a case on every backend and instruction set: the reference first.
std::vector<Variant> AllVariants();

// How far each variant's logits may be from transformers', over the largest logit.
double Tolerance(const Variant& variant);

// A golden float tensor's rows, as those of slot 0.
RowBytes GoldenRows(const TensorView& tensor, int slot = 0);

// Runs one prompt alone, in one step, and returns its logits.
Result<RowBytes> PromptLogits(const Variant& variant, std::shared_ptr<const Program> program,
                              const std::vector<int32_t>& prompt);

}  // namespace fairlead::testing

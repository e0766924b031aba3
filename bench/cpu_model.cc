// Times steps of the cpu backend on a model with the layers of gpt-oss-20b and random weights:
// milliseconds a layer and tokens a second of the whole model's 24 layers (without the head), for
// prompts and for decoding at several context lengths. On a machine with other work only the CPU
// time (of all threads together) means anything.
//   bench_cpu_model [layers] [threads] [context ...]   (default: 2 layers, all CPUs, 0 2048)
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>

#include "backends/cpu/buffer.h"
#include "backends/cpu/cpu_backend.h"
#include "base/thread_pool.h"
#include "models/model.h"

namespace fairlead {
namespace {

constexpr int kModelLayers = 24;
constexpr int kPromptRows = 512;

Json Config(int layers) {
  Json types = Json::array();
  for (int i = 0; i < layers; ++i) {
    types.push_back(i % 2 == 0 ? "sliding_attention" : "full_attention");
  }
  return {{"model_type", "gpt_oss"},
          {"num_hidden_layers", layers},
          {"hidden_size", 2880},
          {"intermediate_size", 2880},
          {"num_attention_heads", 64},
          {"num_key_value_heads", 8},
          {"head_dim", 64},
          {"num_local_experts", 32},
          {"num_experts_per_tok", 4},
          {"vocab_size", 20000},
          {"sliding_window", 128},
          {"max_position_embeddings", 131072},
          {"rope_theta", 150000},
          {"rms_norm_eps", 1e-5},
          {"swiglu_limit", 7.0},
          {"layer_types", types},
          {"quantization_config", {{"quant_method", "mxfp4"}}},
          {"rope_scaling",
           {{"rope_type", "yarn"},
            {"factor", 32.0},
            {"beta_fast", 32.0},
            {"beta_slow", 1.0},
            {"truncate", false},
            {"original_max_position_embeddings", 4096}}}};
}

// Random bytes that make harmless weights: small numbers, and scales around 2^-6.
void Fill(StorageFormat format, std::byte* to, int64_t bytes) {
  static std::mt19937 random(1);
  std::normal_distribution<float> normal(0.0f, 0.05f);
  std::vector<std::byte> pattern(272 * 1024);
  for (size_t i = 0; i < pattern.size(); i += 4) {
    const float value = normal(random);
    const Bf16 pair[2] = {FloatToBf16(value), FloatToBf16(-value)};
    const auto bits = static_cast<uint32_t>(random());
    const void* from = format == StorageFormat::kF32    ? static_cast<const void*>(&value)
                       : format == StorageFormat::kBf16 ? static_cast<const void*>(pair)
                                                        : static_cast<const void*>(&bits);
    std::memcpy(pattern.data() + i, from, 4);
    if (format == StorageFormat::kMxfp4 && i % 272 < 16) {
      std::fill_n(pattern.begin() + static_cast<std::ptrdiff_t>(i), 4, std::byte{121});
    }
  }
  const auto size = static_cast<int64_t>(pattern.size());
  for (int64_t at = 0; at < bytes; at += size) {
    std::copy_n(pattern.data(), std::min(size, bytes - at), to + at);
  }
}

Result<std::shared_ptr<const Program>> MakeProgram(int layers) {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto model, CreateModel(Config(layers), Json()));
  auto program = std::make_shared<Program>();
  program->facts = model->Describe();
  FAIRLEAD_ASSIGN_OR_RETURN(program->graph, model->BuildGraph({}));
  for (const Parameter* parameter : program->graph.parameters()) {
    const bool experts = parameter->shape.size() == 3;
    const StorageFormat format = experts ? StorageFormat::kMxfp4 : StorageFormat::kBf16;
    PackedTensor tensor{CpuBackend().ChooseLayout(*parameter, format), parameter->shape, {}};
    const int64_t bytes = tensor.expected_bytes();
    FAIRLEAD_ASSIGN_OR_RETURN(cpu::Buffer buffer, cpu::Buffer::Allocate(bytes, parameter->name));
    auto owner = std::make_shared<cpu::Buffer>(std::move(buffer));
    Fill(tensor.layout.format, owner->data(), bytes);
    tensor.bytes = {owner->data(), static_cast<size_t>(bytes)};
    program->weights.tensors[parameter->name] = tensor;
    program->weights.owners.push_back(owner);
  }
  return program;
}

// A step of `rows` rows of one sequence at `start`. No logits: the head is not measured.
StepPlan MakePlan(const ModelFacts& facts, int start, int rows) {
  StepPlan plan;
  plan.spans = {{0, start, rows}};
  for (int i = 0; i < rows; ++i) plan.token_ids.push_back((start + i) * 7919 % 20000);
  for (size_t g = 0; g < facts.kv_groups.size(); ++g) {
    PageTable table;
    table.first_page = {FirstVisible(facts.kv_groups[g], start) / kPageTokens};
    for (int page = table.first_page[0]; page * kPageTokens < start + rows; ++page) {
      table.pages.push_back(page);
    }
    table.offsets = {0, static_cast<int32_t>(table.pages.size())};
    plan.pages.push_back(std::move(table));
  }
  return plan;
}

struct Times {
  double wall = 1e9, cpu = 1e9;  // milliseconds
};

// The shortest times of `count` runs of the same step.
Times Measure(Executor& executor, const StepPlan& plan, int count) {
  Times best;
  for (int i = 0; i < count; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t cpu_start = std::clock();
    const auto result = executor.Step(plan);
    const double cpu = 1e3 * static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC;
    const auto end = std::chrono::steady_clock::now();
    if (!result) fmt::print(stderr, "{}\n", result.error().message);
    best.wall = std::min(best.wall, std::chrono::duration<double, std::milli>(end - start).count());
    best.cpu = std::min(best.cpu, cpu);
  }
  return best;
}

void Report(std::string_view what, int rows, Times times, int layers) {
  fmt::print("{:<20} {:9.2f} ms a layer, {:7.1f} tok/s in {} layers; CPU time {:9.2f} ms a layer\n",
             what, times.wall / layers, rows * 1e3 * layers / (times.wall * kModelLayers),
             kModelLayers, times.cpu / layers);
  std::fflush(stdout);
}

Status Run(int layers, int threads, const std::vector<int>& contexts) {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto program, MakeProgram(layers));
  ExecutorOptions options;
  options.threads = threads;
  options.max_rows = kPromptRows;
  // Every page of the longest sequence is kept, so that any step can be repeated.
  const int longest = *std::max_element(contexts.begin(), contexts.end()) + kPromptRows;
  options.kv_pages.assign(program->facts.kv_groups.size(), longest / kPageTokens + 2);
  FAIRLEAD_ASSIGN_OR_RETURN(const auto executor, CpuBackend().Load(program, options));
  int filled = 0;
  for (int context : contexts) {
    for (; filled < context; filled += kPromptRows) {
      Measure(*executor, MakePlan(program->facts, filled, kPromptRows), 1);
    }
    Report(fmt::format("{} rows at {}", kPromptRows, context), kPromptRows,
           Measure(*executor, MakePlan(program->facts, context, kPromptRows), 2), layers);
    Report(fmt::format("decode at {}", context), 1,
           Measure(*executor, MakePlan(program->facts, context, 1), 30), layers);
  }
  return {};
}

}  // namespace
}  // namespace fairlead

int main(int argc, char** argv) {
  const int layers = argc > 1 ? std::max(1, std::atoi(argv[1])) : 2;
  const int threads = argc > 2 ? std::atoi(argv[2]) : fairlead::AvailableCpus();
  std::vector<int> contexts;
  for (int i = 3; i < argc; ++i) contexts.push_back(std::atoi(argv[i]));
  if (contexts.empty()) contexts = {0, 2048};
  const auto status = fairlead::Run(layers, threads, contexts);
  if (!status) fmt::print(stderr, "{}\n", status.error().message);
  return status ? 0 : 1;
}

// What each rank of a model holds, found from headers alone: nothing is converted or written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "artifact/options.h"
#include "backends/layout.h"
#include "base/error.h"
#include "base/tensor.h"
#include "cli/session.h"
#include "config/model_facts.h"
#include "graph/graph.h"

namespace fairlead {

// A parameter, or a rank's part of it, as it is stored.
struct Holding {
  std::vector<Axis> axes;  // one a dimension
  Shape shape;
  Layout layout;
  uint64_t bytes = 0;
  bool zero = false;  // zeros of that shape instead
  std::string why;    // it is stored so (WhyStoredSo); empty: not known without the checkpoint

  bool operator==(const Holding&) const = default;
};

struct ParameterPlan {
  std::string name;
  ParameterUse use = ParameterUse::kVector;
  Holding whole;  // on one rank that holds everything
  std::vector<Holding> ranks;
};

// What one rank needs, or what several need together.
struct RankMemory {
  int64_t parameters = 0;
  uint64_t weight_bytes = 0;
  int64_t kv_heads = 0;         // of one layer
  uint64_t kv_cache_bytes = 0;  // float32, for the batch and length of the plan

  uint64_t bytes() const { return weight_bytes + kv_cache_bytes; }
  bool operator==(const RankMemory&) const = default;
};

// Why the weights of all ranks take other than the whole model's bytes: they do so by exactly the
// sum of these.
struct ShardingCost {
  int64_t repeated = 0;     // held by several ranks, or several times by one, or as zeros
  int64_t dequantised = 0;  // stored in a larger format
  int64_t padding = 0;      // rows that fill up panels; saved where it is negative
};

struct ShardPlan {
  std::filesystem::path dir;              // of the checkpoint or artifact
  ExportOptions options;                  // degrees; batch_size and sequence_length of the KV cache
  bool reasons = true;                    // false: an artifact whose checkpoint is not at hand
  std::vector<ParameterPlan> parameters;  // in the order of the graph
  std::vector<RankMemory> ranks;
  RankMemory sum;    // of all ranks
  RankMemory whole;  // of one rank that holds everything
  ShardingCost cost;
};

// Bytes of the float32 KV cache that a rank sets aside for `batch` sequences of `length` tokens, in
// steps as `options` allow.
Result<uint64_t> KvCacheBytes(const Graph& graph, const ModelFacts& facts,
                              const ExportOptions& options, int64_t batch, int64_t length);

// `length`, or for 0 that of the artifact's `options`, or else the model's limit.
Result<int64_t> ChooseLength(int64_t length, const ExportOptions& options, const ModelFacts& facts);

// The plan of `run.model` for `batch` sequences of `length` tokens (0: ChooseLength's). A
// checkpoint is divided by the degrees of `run`; an artifact is described as it is, one without
// weights as its checkpoint, which must be at hand, would be converted.
Result<ShardPlan> PlanShards(const RunOptions& run, int64_t batch, int64_t length);

}  // namespace fairlead

// What a backend is: it chooses how parameters are stored, and turns a graph with its weights into
// an Executor.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "backends/layout.h"
#include "backends/step_plan.h"
#include "base/error.h"
#include "base/tensor.h"
#include "config/model_facts.h"
#include "distributed/group.h"
#include "graph/graph.h"

namespace fairlead {

// Parameters by name, with whatever keeps their bytes alive (a mapped file, a buffer).
struct Weights {
  std::unordered_map<std::string, PackedTensor> tensors;
  std::vector<std::shared_ptr<const void>> owners;
};

// Everything needed to run a model.
struct Program {
  ModelFacts facts;
  Graph graph;
  Weights weights;
};

struct StepResult {
  Tensor logits;  // f32 [output rows, vocabulary]
};

// Sees, and may overwrite, named values while a step runs: dumps, injection, comparison.
class ValueTap {
 public:
  virtual ~ValueTap() = default;
  virtual bool Wants(std::string_view name) const = 0;
  // `bytes` are the value just computed (f32 or i32, row-major, `shape` bound to this step);
  // changes made here are what later ops read.
  virtual Status Visit(std::string_view name, DType dtype, const Shape& shape,
                       std::span<std::byte> bytes) = 0;
};

struct ExecutorOptions {
  int threads = 1;
  int max_rows = 512;        // token budget of a step
  int max_slots = 1;         // sequences alive at once
  int64_t max_position = 0;  // 0: the model's own limit
  // Per KV group; empty: enough for max_slots sequences of max_position.
  std::vector<int> kv_pages = {};
  std::shared_ptr<Group> group = nullptr;  // the ranks that share the model; nullptr: one rank
};

// Runs steps. Not thread-safe: one caller at a time. Owns the bytes of the KV cache, and nothing
// about which page belongs to whom.
class Executor {
 public:
  virtual ~Executor() = default;
  virtual const Capabilities& capabilities() const = 0;
  // Writes K and V of every row to the cache and returns the logits of the output rows. A plan that
  // breaks a promise is an error and changes nothing.
  virtual Result<StepResult> Step(const StepPlan& plan) = 0;
  // nullptr removes the tap. The tap must outlive its use.
  virtual void SetTap(ValueTap* tap) = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string_view name() const = 0;
  // How this backend wants a parameter that the checkpoint holds in `format`.
  virtual Layout ChooseLayout(const Parameter& parameter, StorageFormat format) const = 0;
  // Checks that every parameter of the graph is there in a layout it can read, and plans memory.
  virtual Result<std::unique_ptr<Executor>> Load(std::shared_ptr<const Program> program,
                                                 const ExecutorOptions& options) const = 0;
};

// The layout that suits every CPU backend: vectors in f32, looked-up rows as stored, matrices in
// panels of 16 rows.
Layout PanelLayout(const Parameter& parameter, StorageFormat format);

// The limits that `options` set for a model, with defaults filled in; refuses nonsense.
Result<Capabilities> PlanCapabilities(const ModelFacts& facts, const ExecutorOptions& options);

// Checks that `weights` holds every parameter of the graph, in the declared shape and size.
Status CheckWeights(const Graph& graph, const Weights& weights);

}  // namespace fairlead

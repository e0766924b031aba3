// Turns checkpoint tensors into parameters as a backend's kernels read them, a few megabytes at a
// time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/backend.h"
#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "graph/graph.h"
#include "models/model.h"

namespace fairlead {

// What weights that are not quantised are stored as. MXFP4 stays MXFP4, and a backend may keep
// small vectors in float32 whatever is asked for.
enum class TorchDtype {
  kAuto,  // as the checkpoint has them; F16 becomes float32, which holds it exactly
  kBf16,
  kF32,
};

// How one parameter will be made. Refers to the parameter and the checkpoint, which must outlive
// it.
struct Conversion {
  const Parameter* parameter = nullptr;
  const ParameterSource* source = nullptr;  // one of the parameter's
  std::vector<TensorView> tensors;          // those of `source`, in its order
  Layout layout;
  int64_t bytes = 0;  // once packed
};

// Checks that the checkpoint holds every parameter of the graph, in a shape and type that can be
// converted. Missing tensors are listed in one error, all of them; a wrong one is an error with its
// file, name, and what was expected and found. Tensors that no parameter takes are listed in a
// warning.
Status CheckSources(const Graph& graph, const Checkpoint& checkpoint);

// The conversion of each parameter as the graph's rank holds it, in the order of
// Graph::parameters(). CheckSources must have found the checkpoint sound. Logs every one of them at
// debug level. MXFP4 stays packed where the rank holds whole blocks, and is otherwise dequantised.
Result<std::vector<Conversion>> PlanConversions(const Graph& graph, const Checkpoint& checkpoint,
                                                const Backend& backend, TorchDtype dtype);

// What one rank will hold. The conversions point into the graph.
struct RankPlan {
  std::shared_ptr<const Graph> graph;
  std::vector<Conversion> conversions;
};

// The plans of all tp_degree x ep_degree ranks, after CheckSources; every rank has the same
// parameters in the same order.
Result<std::vector<RankPlan>> PlanRanks(const Model& model, int tp_degree, int ep_degree,
                                        const Checkpoint& checkpoint, const Backend& backend,
                                        TorchDtype dtype);

// Whether the element type of the checkpoint is kept or not, and why, for people.
std::string WhyStoredSo(const Conversion& conversion);

// Takes the packed bytes of a parameter, piece by piece in order; valid during the call.
using PackedSink = std::function<Status(std::span<const std::byte>)>;

// Converts one parameter. Holds a few megabytes whatever its size.
Status Convert(const Conversion& conversion, const PackedSink& sink);

// All parameters of a graph in memory, converted as an export would.
Result<Weights> PackInMemory(const Graph& graph, const Checkpoint& checkpoint,
                             const Backend& backend, TorchDtype dtype = TorchDtype::kAuto);

}  // namespace fairlead

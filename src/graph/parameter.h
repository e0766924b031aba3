// The one declaration of a parameter. Loader, exporter, inspector and backends all read it; nothing
// else lists tensors.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/tensor.h"
#include "graph/axis.h"

namespace fairlead {

// How the graph uses a parameter; a backend chooses its layout from this.
enum class ParameterUse {
  kVector,  // small, element-wise: norm weights, biases, sinks
  kRows,    // whole rows are looked up: an embedding
  kMatrix,  // multiplied: [out, in] or, for experts, [experts, out, in]
};

// What a checkpoint stores instead of the parameter itself.
enum class Transform {
  kIdentity,   // the tensor as it is
  kTranspose,  // the last two dimensions swapped: experts of BF16 checkpoints are [experts, in,
               // out]
  kMxfp4,      // two tensors: `_blocks` u8 [..., in/32, 16] and `_scales` u8 [..., in/32]
};

std::string_view TransformName(Transform transform);

// One way a checkpoint may store a parameter: the tensors it takes, and how they become it.
struct ParameterSource {
  Transform transform = Transform::kIdentity;
  std::vector<std::string> tensors;
};

struct Parameter {
  std::string name;  // the Hugging Face name, "model.layers.0.self_attn.q_proj.weight"
  Shape shape;       // what this rank holds, rows [out, in]
  ParameterUse use = ParameterUse::kVector;
  // Each dimension of the whole parameter and this rank's part of it; empty: `shape` is the whole.
  std::vector<Axis> axes;
  std::vector<ParameterSource> sources;  // alternatives, first complete one wins
  // This rank holds zeros instead: another rank adds the parameter to the sum of all.
  bool zero = false;

  // The dimension `axis`, held whole where nothing says otherwise.
  Axis axis(size_t index) const { return axes.empty() ? Axis(shape[index]) : axes[index]; }
  // The shape in the model, whatever this rank holds of it.
  Shape whole_shape() const;
};

// The shape the `index`-th tensor of `source` must have in the checkpoint.
Shape SourceShape(const Parameter& parameter, const ParameterSource& source, size_t index);

}  // namespace fairlead

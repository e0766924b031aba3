// Random parameters, packed as a backend wants them.
#pragma once

#include <map>
#include <string>

#include "backends/backend.h"

namespace fairlead::testing {

// What a parameter is filled with. The numbers depend on its name only, not on the backend.
struct Fill {
  StorageFormat format = StorageFormat::kF32;
  float scale = 1.0f;  // f32 and bf16: uniform in offset + scale * [-1, 1)
  float offset = 0.0f;
  float quantum = 0.0f;             // not 0: rounded to multiples of it, so that equal values occur
  std::vector<uint8_t> codes = {};  // mxfp4: the scale codes to draw from; empty: 120 to 127
};

// Weights for every parameter of the graph; those without an entry in `fills` get Fill{}.
Weights RandomWeights(const Graph& graph, const Backend& backend,
                      const std::map<std::string, Fill>& fills);

}  // namespace fairlead::testing

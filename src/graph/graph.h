// A graph: nodes in execution order over named, typed values. Plain data; built by GraphBuilder,
// run by a backend, printed by PrintGraph.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "graph/axis.h"
#include "graph/ops.h"
#include "graph/parameter.h"
#include "graph/types.h"

namespace fairlead {

using ValueId = int;
inline constexpr ValueId kNoValue = -1;  // an optional input that is not given

// The inputs that every step provides.
enum class GraphInput {
  kTokenIds,    // i32 [T]
  kOutputRows,  // i32 [R]
};

struct ValueInfo {
  std::string name;  // "layers.3.self_attn.q_rope"; a parameter's own name for parameters
  ValueType type;
  // What the value is when no node computes it.
  std::variant<std::monostate, GraphInput, Parameter> origin = {};
  // Of a computed value: the last dimension in the whole model, and what this rank computes of it.
  Axis columns = {};
  // A rank's addend: only the sum over all ranks has a meaning.
  bool partial = false;

  const Parameter* parameter() const { return std::get_if<Parameter>(&origin); }
};

struct Node {
  Op op;
  std::vector<ValueId> inputs;  // in the order of the op's kInputs
  std::vector<ValueId> outputs;
};

struct Graph {
  std::vector<ValueInfo> values;
  std::vector<Node> nodes;
  ValueId logits = kNoValue;  // f32 [R, vocabulary]

  // The value of that name, if any.
  std::optional<ValueId> Find(std::string_view name) const;
  // Pointers into `values`, in the order of declaration.
  std::vector<const Parameter*> parameters() const;
};

// The result types of an op, or what is wrong with its inputs' types (kNoValue inputs are nullptr).
Result<std::vector<ValueType>> InferTypes(const Op& op,
                                          const std::vector<const ValueType*>& inputs);

// Checks what a backend relies on: ids in range, every value defined once before its use, unique
// names, types as InferTypes says, logits set.
Status VerifyGraph(const Graph& graph);

// One line per parameter and node, for people and for golden files.
std::string PrintGraph(const Graph& graph);

}  // namespace fairlead

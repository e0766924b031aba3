// Builds a Graph op by op. The first mistake is kept and reported by Finish, so that model code
// reads as straight mathematics.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "graph/graph.h"

namespace fairlead {

// A handle to a value of the graph under construction.
struct Value {
  ValueId id = kNoValue;
};

class GraphBuilder {
 public:
  Value Input(GraphInput input);
  // Declares a parameter, or returns the one of that name (a tied head); its use then becomes the
  // stronger of the two (a matrix can also be read by rows).
  Value Declare(Parameter parameter);
  // Appends a node with one result called `name`. `columns` says which part of the whole value
  // this rank computes; without it, all of it.
  Value Append(std::string name, Op op, const std::vector<Value>& inputs,
               std::optional<Axis> columns = std::nullopt);
  // Appends a node whose results are called `names`.
  std::vector<Value> AppendMany(const std::vector<std::string>& names, Op op,
                                const std::vector<Value>& inputs);

  // Says that a value is this rank's addend of a sum.
  void MarkPartial(Value value);

  // The last dimension of a value in the whole model and this rank's part; 0 after a mistake.
  Axis Columns(Value value) const;

  // The finished, verified graph, or the first mistake.
  Result<Graph> Finish(Value logits);

 private:
  Value AddValue(ValueInfo info);

  Graph graph_;
  std::unordered_map<std::string, ValueId> parameters_;
  std::unordered_map<int, ValueId> inputs_;
  Status status_;
};

}  // namespace fairlead

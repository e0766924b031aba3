// A place in the model: the path that names its parameters and values, the graph it adds to, and
// the rank it is built for. The path is the Hugging Face module name.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "distributed/parallel_context.h"
#include "graph/builder.h"

namespace fairlead {

class Scope {
 public:
  Scope(GraphBuilder& builder, ParallelContext parallel, std::string path = "")
      : builder_(&builder), parallel_(parallel), path_(std::move(path)) {}

  // The child module `name`.
  Scope operator/(std::string_view name) const;

  // A parameter stored under its own name: `leaf` of this module. An axis is a dimension of the
  // whole parameter and this rank's part of it.
  Value Parameter(std::string_view leaf, std::vector<Axis> axes, ParameterUse use) const;
  // Same, with more to say: checkpoints that store it in other forms than its own (source tensors
  // are leaves of this module), or zeros on this rank. Name, shape and axes are filled in here.
  Value Parameter(std::string_view leaf, std::vector<Axis> axes, fairlead::Parameter rest) const;

  // The result of an op, named after this module.
  // `columns` is the part of the whole value that this rank computes, where it is only a part.
  Value Append(Op op, const std::vector<Value>& inputs,
               std::optional<Axis> columns = std::nullopt) const;
  // An op whose result is this rank's addend, and the sum of all ranks' results, which has this
  // module's name. A single rank's addend is the sum.
  Value AppendSummed(Op op, const std::vector<Value>& inputs) const;
  // An op with several results, named after leaves of this module.
  std::vector<Value> AppendMany(const std::vector<std::string>& leaves, Op op,
                                const std::vector<Value>& inputs) const;

  const ParallelContext& parallel() const { return parallel_; }
  Axis Columns(Value value) const { return builder_->Columns(value); }

 private:
  std::string Join(std::string_view leaf) const;
  // Names of values leave out the checkpoint's "model." prefix.
  static std::string ValueName(std::string_view path);

  GraphBuilder* builder_;
  ParallelContext parallel_;
  std::string path_;
};

}  // namespace fairlead

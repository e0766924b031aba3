// A place in the model: the path that names its parameters and values, the graph it adds to, and
// the rank it is built for. The path is the Hugging Face module name.
#pragma once

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

  // A parameter stored under its own name: `leaf` of this module, with that logical shape.
  // `split_axis` is the dimension that tensor parallelism divides.
  Value Parameter(std::string_view leaf, Shape shape, ParameterUse use,
                  std::optional<int> split_axis = std::nullopt) const;
  // Same, for one that checkpoints store in other forms than its own: source tensors are given as
  // leaves of this module.
  Value Parameter(std::string_view leaf, Shape shape, ParameterUse use,
                  std::optional<int> split_axis, std::vector<ParameterSource> sources) const;

  // The result of an op, named after this module.
  Value Append(Op op, const std::vector<Value>& inputs) const;
  // An op with several results, named after leaves of this module.
  std::vector<Value> AppendMany(const std::vector<std::string>& leaves, Op op,
                                const std::vector<Value>& inputs) const;

  const ParallelContext& parallel() const { return parallel_; }
  int64_t Columns(Value value) const { return builder_->Columns(value); }

 private:
  std::string Join(std::string_view leaf) const;
  // Names of values leave out the checkpoint's "model." prefix.
  static std::string ValueName(std::string_view path);

  GraphBuilder* builder_;
  ParallelContext parallel_;
  std::string path_;
};

}  // namespace fairlead

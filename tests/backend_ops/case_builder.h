// Puts an OpCase together.
#pragma once

#include <string>
#include <vector>

#include "graph/builder.h"
#include "tests/backend_ops/cases.h"

namespace fairlead::testing {

class CaseBuilder {
 public:
  explicit CaseBuilder(std::string name);

  // Parameters and values of the graph.
  Value TokenIds() { return builder_.Input(GraphInput::kTokenIds); }
  Value OutputRows() { return builder_.Input(GraphInput::kOutputRows); }
  Value Parameter(const std::string& name, Shape shape, ParameterUse use, Fill fill = {});
  Value Vector(const std::string& name, Shape shape, Fill fill = {});
  // An activation [T, columns]: a row of a table for each token.
  Value Rows(const std::string& name, int64_t columns, Fill fill = {});

  // An op under test: its results are compared under these names.
  std::vector<Value> Test(Op op, const std::vector<Value>& inputs,
                          std::vector<std::string> names = {"result"});

  // Ends the graph with a head on `result`, a value with one row per token.
  OpCase Finish(Value result);
  // Ends it with logits [R, kVocabulary].
  OpCase FinishLogits(Value logits);

  OpCase& out() { return case_; }

 private:
  OpCase case_;
  GraphBuilder builder_;
};

// Random tokens for slots 0, 1, ...
std::vector<Sequence> RandomSequences(const std::vector<int>& lengths);

}  // namespace fairlead::testing

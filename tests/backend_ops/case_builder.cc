#include "tests/backend_ops/case_builder.h"

#include <gtest/gtest.h>

#include <utility>

#include "tests/support/random.h"

namespace fairlead::testing {

CaseBuilder::CaseBuilder(std::string name) {
  case_.name = std::move(name);
  case_.facts.model_type = "test";
  case_.facts.vocabulary_size = kVocabulary;
  case_.facts.layers = 1;
  case_.facts.max_positions = 1 << 20;
  case_.sequences = RandomSequences({37, 1, 26});
}

Value CaseBuilder::Parameter(const std::string& name, Shape shape, ParameterUse use, Fill fill) {
  case_.fills[name] = std::move(fill);
  return builder_.Declare({name, std::move(shape), use, {}, {}});
}

Value CaseBuilder::Vector(const std::string& name, Shape shape, Fill fill) {
  return Parameter(name, std::move(shape), ParameterUse::kVector, std::move(fill));
}

Value CaseBuilder::Rows(const std::string& name, int64_t columns, Fill fill) {
  const Value table =
      Parameter(name + ".table", {kVocabulary, columns}, ParameterUse::kRows, std::move(fill));
  return builder_.Append(name, EmbeddingOp{}, {TokenIds(), table});
}

std::vector<Value> CaseBuilder::Test(Op op, const std::vector<Value>& inputs,
                                     std::vector<std::string> names) {
  case_.recording.names.insert(case_.recording.names.end(), names.begin(), names.end());
  return builder_.AppendMany(names, std::move(op), inputs);
}

OpCase CaseBuilder::Finish(Value result) {
  const Value head = Parameter("head", {kVocabulary, builder_.Columns(result).size},
                               ParameterUse::kMatrix, {.offset = 0.5f});
  const Value wanted = builder_.Append("wanted", TakeRowsOp{}, {result, OutputRows()});
  return FinishLogits(builder_.Append("logits", LinearOp{}, {wanted, head, {}}));
}

OpCase CaseBuilder::FinishLogits(Value logits) {
  auto graph = builder_.Finish(logits);
  if (!graph) {
    ADD_FAILURE() << case_.name << ": " << graph.error().message;
    return {};
  }
  case_.graph = std::move(*graph);
  return std::move(case_);
}

std::vector<Sequence> RandomSequences(const std::vector<int>& lengths) {
  Random random(lengths.size());
  std::vector<Sequence> sequences;
  for (int length : lengths) {
    sequences.push_back({static_cast<int>(sequences.size()),
                         random.Ints(static_cast<size_t>(length), 0, kVocabulary - 1)});
  }
  return sequences;
}

}  // namespace fairlead::testing

// Cases of the ops that look at rows one by one.
#include "tests/backend_ops/case_builder.h"

namespace fairlead::testing {

std::vector<OpCase> Cases(const EmbeddingOp& op) {
  std::vector<OpCase> cases;
  for (int64_t columns : {1, 3, 16, 45, 130}) {
    for (StorageFormat format : {StorageFormat::kF32, StorageFormat::kBf16}) {
      // A tied head makes the table a matrix.
      for (ParameterUse use : {ParameterUse::kRows, ParameterUse::kMatrix}) {
        const bool tied = use == ParameterUse::kMatrix;
        CaseBuilder b(
            fmt::format("{} {}{}", columns, StorageFormatName(format), tied ? " tied" : ""));
        const Value table = b.Parameter("table", {kVocabulary, columns}, use, {.format = format});
        cases.push_back(b.Finish(b.Test(op, {b.TokenIds(), table})[0]));
      }
    }
  }
  // 32 columns a block: only matrices are quantised.
  CaseBuilder b("64 mxfp4 tied");
  const Value table = b.Parameter("table", {kVocabulary, 64}, ParameterUse::kMatrix,
                                  {.format = StorageFormat::kMxfp4});
  cases.push_back(b.Finish(b.Test(op, {b.TokenIds(), table})[0]));
  return cases;
}

std::vector<OpCase> Cases(const RmsNormOp&) {
  struct Shape {
    int64_t columns;
    float eps, scale;
  };
  std::vector<OpCase> cases;
  for (const Shape& s : {Shape{1, 1e-5f, 1.0f},
                         {3, 1e-5f, 1.0f},
                         {44, 1e-6f, 100.0f},
                         {128, 1e-5f, 1e-4f},
                         {257, 1e-2f, 0.05f},
                         {1030, 1e-5f, 1e4f}}) {
    CaseBuilder b(fmt::format("{} eps {} x {}", s.columns, s.eps, s.scale));
    // Enough work that it is worth more than one thread to a backend.
    if (s.columns > 1000) b.out().sequences = RandomSequences({150, 20});
    const Value x = b.Rows("x", s.columns, {.scale = s.scale});
    cases.push_back(b.Finish(b.Test(RmsNormOp{s.eps}, {x, b.Vector("weight", {s.columns})})[0]));
  }
  return cases;
}

std::vector<OpCase> Cases(const RotaryOp&) {
  struct Shape {
    int64_t heads, head_dim;
    float scaling;
  };
  std::vector<OpCase> cases;
  for (const Shape& s :
       {Shape{1, 2, 1.0f}, {3, 6, 1.3466f}, {2, 34, 0.7f}, {5, 64, 1.3466f}, {1, 128, 1.0f}}) {
    CaseBuilder b(fmt::format("{} x {} scaled {}", s.heads, s.head_dim, s.scaling));
    b.out().sequences = RandomSequences({301, 1, 40});
    RotaryOp op{{}, s.scaling};
    for (int64_t i = 0; i < s.head_dim / 2; ++i) {
      op.inverse_frequencies.push_back(1.0f / static_cast<float>(1 + 7 * i));
    }
    cases.push_back(b.Finish(b.Test(op, {b.Rows("x", s.heads * s.head_dim)})[0]));
  }
  return cases;
}

std::vector<OpCase> Cases(const AddOp& op) {
  std::vector<OpCase> cases;
  for (int64_t columns : {1, 15, 64, 131, 1700}) {
    CaseBuilder rows(fmt::format("{} + rows", columns));
    const Value a = rows.Rows("a", columns), b = rows.Rows("b", columns, {.scale = 3.0f});
    cases.push_back(rows.Finish(rows.Test(op, {a, b})[0]));

    CaseBuilder vector(fmt::format("{} + vector", columns));
    const Value x = vector.Rows("a", columns);
    cases.push_back(vector.Finish(vector.Test(op, {x, vector.Vector("b", {columns})})[0]));

    CaseBuilder twice(fmt::format("{} + itself", columns));
    const Value y = twice.Rows("a", columns);
    cases.push_back(twice.Finish(twice.Test(op, {y, y})[0]));
  }
  return cases;
}

std::vector<OpCase> Cases(const TakeRowsOp& op) {
  std::vector<OpCase> cases;
  for (bool odd_only : {false, true}) {
    CaseBuilder b(odd_only ? "odd positions" : "all positions");
    const Value x = b.Rows("x", kVocabulary);
    const Value logits = b.Test(op, {x, b.OutputRows()}, {"logits"})[0];
    b.out().recording = {{}, odd_only};
    cases.push_back(b.FinishLogits(logits));
  }
  return cases;
}

std::vector<OpCase> Cases(const AllReduceOp&) {
  CaseBuilder b("one rank");
  return {b.Finish(b.Test(AllReduceOp{1}, {b.Rows("x", 33)})[0])};
}

std::vector<OpCase> Cases(const AllGatherOp&) {
  CaseBuilder b("one rank");
  return {b.Finish(b.Test(AllGatherOp{{33}}, {b.Rows("x", 33)})[0])};
}

}  // namespace fairlead::testing

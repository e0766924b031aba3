// Cases of linear layers and of experts.
#include "tests/backend_ops/case_builder.h"

namespace fairlead::testing {
namespace {

OpCase Linear(int64_t out, int64_t in, bool bias, Fill weight, float x_scale = 1.0f) {
  CaseBuilder b(fmt::format("{} x {} {}{}", out, in, StorageFormatName(weight.format),
                            bias ? " with bias" : ""));
  const Value x = b.Rows("x", in, {.scale = x_scale});
  const Value matrix = b.Parameter("weight", {out, in}, ParameterUse::kMatrix, std::move(weight));
  const Value vector = bias ? b.Vector("bias", {out}) : Value{};
  return b.Finish(b.Test(LinearOp{}, {x, matrix, vector})[0]);
}

struct ExpertsShape {
  int64_t experts, hidden, intermediate;
  int top_k;
  StorageFormat format;
  float limit = 7.0f;
};

OpCase Experts(const ExpertsShape& s) {
  CaseBuilder b(fmt::format("{} experts top {} {} x {} {} limit {}", s.experts, s.top_k, s.hidden,
                            s.intermediate, StorageFormatName(s.format), s.limit));
  const Value x = b.Rows("x", s.hidden);
  const Value router = b.Rows("router", s.experts, {.scale = 2.0f});
  b.out().exact = {"indices"};
  const std::vector<Value> routing = b.Test(RouterOp{s.top_k}, {router}, {"weights", "indices"});
  const Fill weights{.format = s.format};
  const Value gate_up = b.Parameter("gate_up", {s.experts, 2 * s.intermediate, s.hidden},
                                    ParameterUse::kMatrix, weights);
  const Value down =
      b.Parameter("down", {s.experts, s.hidden, s.intermediate}, ParameterUse::kMatrix, weights);
  const Value gate_up_bias = b.Vector("gate_up_bias", {s.experts, 2 * s.intermediate});
  const Value down_bias = b.Vector("down_bias", {s.experts, s.hidden});
  return b.Finish(b.Test(MoeExpertsOp{s.limit, s.limit == 7.0f ? 1.702f : 1.1f},
                         {x, routing[0], routing[1], gate_up, down, gate_up_bias, down_bias})[0]);
}

}  // namespace

std::vector<OpCase> Cases(const LinearOp&) {
  std::vector<OpCase> cases;
  for (StorageFormat format : {StorageFormat::kF32, StorageFormat::kBf16}) {
    for (int64_t out : {1, 15, 16, 17, 100}) {
      for (int64_t in : {1, 3, 17, 64, 129}) {
        cases.push_back(Linear(out, in, (out + in) % 2 == 0, {.format = format}));
      }
    }
    cases.push_back(Linear(40, 1031, true, {.format = format}));
    cases.push_back(Linear(333, 48, false, {.format = format}));
  }
  for (int64_t out : {1, 15, 16, 33, 100}) {
    for (int64_t in : {32, 96, 128, 1056}) {
      cases.push_back(Linear(out, in, (out + in / 32) % 2 == 0, {.format = StorageFormat::kMxfp4}));
    }
  }
  // Scales at both ends: subnormal weights, weights near float32's largest, and both together.
  const auto scaled = [](std::vector<uint8_t> codes) {
    return Fill{.format = StorageFormat::kMxfp4, .codes = std::move(codes)};
  };
  cases.push_back(Linear(17, 64, false, scaled({0, 1}), 1e30f));
  cases.push_back(Linear(17, 64, false, scaled({0}), 1e30f));
  cases.push_back(Linear(17, 64, false, scaled({250, 251}), 1e-30f));
  cases.push_back(Linear(17, 64, true, scaled({0, 1, 60, 100, 127, 140, 200})));
  return cases;
}

std::vector<OpCase> Cases(const MoeExpertsOp&) {
  constexpr auto kF32 = StorageFormat::kF32;
  constexpr auto kBf16 = StorageFormat::kBf16;
  constexpr auto kMxfp4 = StorageFormat::kMxfp4;
  std::vector<OpCase> cases;
  for (const ExpertsShape& shape : {
           ExpertsShape{1, 3, 1, 1, kF32},
           {5, 44, 20, 1, kF32},
           {5, 44, 20, 2, kBf16},
           {5, 44, 21, 5, kBf16, 0.5f},
           {8, 17, 33, 8, kF32, 1.0f},
           {32, 40, 18, 4, kBf16},
           {1, 32, 32, 1, kMxfp4},
           {3, 96, 32, 1, kMxfp4},
           {4, 64, 96, 2, kMxfp4, 2.0f},
           {8, 64, 64, 8, kMxfp4},
           {16, 160, 96, 4, kMxfp4},
       }) {
    cases.push_back(Experts(shape));
  }
  return cases;
}

}  // namespace fairlead::testing

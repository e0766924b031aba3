// Cases of attention and of the router.
#include "tests/backend_ops/case_builder.h"

namespace fairlead::testing {
namespace {

struct AttentionShape {
  int num_heads, num_kv_heads, head_dim, window;
  bool sinks;
  std::vector<int> lengths;
  float scale = 1.0f;  // of q
};

OpCase Attention(const AttentionShape& s) {
  CaseBuilder b(fmt::format("{} heads on {} of {} window {}{} q {}", s.num_heads, s.num_kv_heads,
                            s.head_dim, s.window, s.sinks ? " sinks" : "", s.scale));
  b.out().sequences = RandomSequences(s.lengths);
  // The second of two groups and the last of three layers, so that a wrong index is seen.
  b.out().facts.kv_groups = {{"other", 0, 1, 1, 8},
                             {"tested", s.window, 3, s.num_kv_heads, s.head_dim}};
  const int64_t kv_columns = int64_t{s.num_kv_heads} * s.head_dim;
  const Value q = b.Rows("q", int64_t{s.num_heads} * s.head_dim, {.scale = s.scale});
  const Value k = b.Rows("k", kv_columns), v = b.Rows("v", kv_columns);
  const Value sinks = s.sinks ? b.Vector("sinks", {s.num_heads}, {.scale = 3.0f}) : Value{};
  AttentionOp op;
  op.num_heads = s.num_heads;
  op.num_kv_heads = s.num_kv_heads;
  op.head_dim = s.head_dim;
  op.scale = 0.4f;
  op.window = s.window;
  op.kv_group = 1;
  op.kv_layer = 2;
  return b.Finish(b.Test(op, {q, k, v, sinks})[0]);
}

}  // namespace

std::vector<OpCase> Cases(const AttentionOp&) {
  std::vector<OpCase> cases;
  for (const AttentionShape& shape : {
           AttentionShape{1, 1, 2, 0, false, {37, 1, 26}},
           {1, 1, 2, 1, true, {37, 1, 26}},
           {6, 2, 8, 5, true, {37, 1, 26}},
           {4, 4, 12, 4, true, {70, 33}},
           {5, 5, 34, 33, true, {100, 32}},
           {8, 1, 64, 128, true, {300, 1, 40}},
           {8, 1, 64, 0, true, {300, 1, 40}, 20.0f},  // almost all weight on few keys
           {8, 2, 16, 32, false, {131, 64}},
           {4, 2, 16, 256, true, {600, 5}},
           {4, 2, 16, 0, true, {600, 256, 257}},
           {9, 3, 10, 0, false, {270}},
       }) {
    cases.push_back(Attention(shape));
  }
  return cases;
}

std::vector<OpCase> Cases(const RouterOp&) {
  struct Shape {
    int64_t experts;
    int top_k;
    Fill logits;
  };
  std::vector<OpCase> cases;
  for (const Shape& s : {
           Shape{1, 1, {}},
           {2, 1, {}},
           {2, 2, {}},
           {5, 3, {}},
           {5, 5, {}},
           {32, 4, {}},
           {33, 17, {}},
           {128, 4, {}},
           {128, 128, {}},
           {8, 4, {.quantum = 0.5f}},                  // ties
           {32, 8, {.quantum = 1.0f}},                 // more of them
           {16, 4, {.scale = 0.0f}},                   // nothing but ties
           {16, 4, {.scale = 100.0f}},                 // weights far apart
           {16, 4, {.scale = 1.0f, .offset = 1e4f}},   // exponents that would overflow
           {16, 4, {.scale = 1.0f, .offset = -1e4f}},  // or all vanish
       }) {
    CaseBuilder b(fmt::format("top {} of {}, {} + {} by {}", s.top_k, s.experts, s.logits.offset,
                              s.logits.scale, s.logits.quantum));
    const Value logits = b.Rows("x", s.experts, s.logits);
    b.out().exact = {"indices"};
    cases.push_back(b.Finish(b.Test(RouterOp{s.top_k}, {logits}, {"weights", "indices"})[0]));
  }
  return cases;
}

}  // namespace fairlead::testing

#pragma once

#include "backends/cpu/kernels/elementwise/elementwise.h"
#include "backends/cpu/kernels/elementwise/exp_impl.h"

namespace fairlead::cpu {
namespace {

// Calls body(load, store, offset) for every 16 columns: a whole vector, or the rest of the row.
template <class V, class Body>
inline void ForColumns(int64_t columns, Body body) {
  int64_t i = 0;
  for (; i + 16 <= columns; i += 16) {
    body(
        i, [](const float* p) { return V::Load(p); },
        [](float* p, typename V::F a) { V::Store(p, a); });
  }
  const int rest = static_cast<int>(columns - i);
  if (rest == 0) return;
  body(
      i, [rest](const float* p) { return V::LoadPartial(p, rest); },
      [rest](float* p, typename V::F a) { V::StorePartial(p, a, rest); });
}

template <class V>
void RmsNorm(const RmsNormRow& t) {
  using F = typename V::F;
  F squares = V::Zero();
  ForColumns<V>(t.columns, [&](int64_t i, auto load, auto) {
    const F x = load(t.x + i);
    squares = V::Fma(x, x, squares);
  });
  const F mean = V::Div(V::Set1(V::ReduceAdd(squares)), V::Set1(static_cast<float>(t.columns)));
  const F scale = V::Div(V::Set1(1.0f), V::Sqrt(V::Add(mean, V::Set1(t.eps))));
  ForColumns<V>(t.columns, [&](int64_t i, auto load, auto store) {
    store(t.output + i, V::Mul(load(t.weight + i), V::Mul(load(t.x + i), scale)));
  });
}

template <class V>
void Rotary(const RotaryRow& t) {
  using F = typename V::F;
  for (int64_t head = 0; head < t.heads; ++head) {
    const float* x1 = t.x + head * 2 * t.half;
    const float* x2 = x1 + t.half;
    float* y1 = t.output + head * 2 * t.half;
    float* y2 = y1 + t.half;
    ForColumns<V>(t.half, [&](int64_t i, auto load, auto store) {
      const F a = load(x1 + i), b = load(x2 + i);
      const F cosine = load(t.cosines + i), sine = load(t.sines + i);
      store(y1 + i, V::Sub(V::Mul(a, cosine), V::Mul(b, sine)));
      store(y2 + i, V::Add(V::Mul(b, cosine), V::Mul(a, sine)));
    });
  }
}

template <class V>
void Glu(const GluRow& t) {
  using F = typename V::F;
  const F limit = V::Set1(t.limit), lowest = V::Set1(-t.limit), one = V::Set1(1.0f);
  const F slope = V::Set1(-t.alpha);
  const auto activate = [&](F a, F b) {
    F gate, up;
    V::Deinterleave(a, b, gate, up);
    gate = V::Min(limit, gate);
    up = V::Max(lowest, V::Min(limit, up));
    const F sigmoid = V::Div(one, V::Add(one, Exp<V>(V::Mul(slope, gate))));
    return V::Mul(V::Add(up, one), V::Mul(gate, sigmoid));
  };
  int64_t i = 0;
  for (; i + 16 <= t.columns; i += 16) {
    const float* from = t.gate_up + 2 * i;
    V::Store(t.output + i, activate(V::Load(from), V::Load(from + 16)));
  }
  const int rest = static_cast<int>(t.columns - i);
  if (rest == 0) return;
  const float* from = t.gate_up + 2 * i;
  const int first = rest < 8 ? 2 * rest : 16;
  const F a = V::LoadPartial(from, first);
  const F b = rest > 8 ? V::LoadPartial(from + 16, 2 * rest - 16) : V::Zero();
  V::StorePartial(t.output + i, activate(a, b), rest);
}

template <class V>
void Add(const AddRow& t) {
  ForColumns<V>(t.columns, [&](int64_t i, auto load, auto store) {
    store(t.output + i, V::Add(load(t.a + i), load(t.b + i)));
  });
}

template <class V>
void ExpAll(const ExpRow& t) {
  ForColumns<V>(t.columns, [&](int64_t i, auto load, auto store) {
    store(t.output + i, Exp<V>(load(t.x + i)));
  });
}

template <class V>
void WeightedSum(const WeightedSumRow& t) {
  using F = typename V::F;
  ForColumns<V>(t.columns, [&](int64_t i, auto load, auto store) {
    F sum = V::Mul(V::Set1(t.weights[0]), load(t.rows[0] + i));
    for (int64_t k = 1; k < t.count; ++k) {
      sum = V::Fma(V::Set1(t.weights[k]), load(t.rows[k] + i), sum);
    }
    store(t.output + i, sum);
  });
}

}  // namespace
}  // namespace fairlead::cpu

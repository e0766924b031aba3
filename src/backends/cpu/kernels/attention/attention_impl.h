#pragma once

#include "backends/cpu/kernels/attention/attention.h"
#include "backends/cpu/kernels/elementwise/exp_impl.h"

namespace fairlead::cpu {
namespace {

template <class V>
constexpr int HeadTile() {
  return V::kAccumulators / 2 < 8 ? V::kAccumulators / 2 : 8;
}

// scores[head][32] = q[head] . k for a page of positions. Pages lie anywhere, out of sight of the
// hardware's prefetcher; so the next page of keys and the values of this one, which are as large,
// are asked for meanwhile.
template <class V, int kHeads>
void ScorePage(const float* q, int head_dim, const float* k_page, const float* next_k_page,
               const float* v_page, float* scores) {
  using F = typename V::F;
  F acc[kHeads][2];
#pragma GCC unroll 8
  for (int h = 0; h < kHeads; ++h) acc[h][0] = acc[h][1] = V::Zero();
  for (int d = 0; d < head_dim; ++d) {
    const F first = V::Load(k_page + d * kKvPage), second = V::Load(k_page + d * kKvPage + 16);
    __builtin_prefetch(next_k_page + d * kKvPage);
    __builtin_prefetch(next_k_page + d * kKvPage + 16);
    __builtin_prefetch(v_page + d * kKvPage);
    __builtin_prefetch(v_page + d * kKvPage + 16);
#pragma GCC unroll 8
    for (int h = 0; h < kHeads; ++h) {
      const F value = V::Set1(q[h * head_dim + d]);
      acc[h][0] = V::Fma(first, value, acc[h][0]);
      acc[h][1] = V::Fma(second, value, acc[h][1]);
    }
  }
#pragma GCC unroll 8
  for (int h = 0; h < kHeads; ++h) {
    V::Store(scores + h * kSplit, acc[h][0]);
    V::Store(scores + h * kSplit + 16, acc[h][1]);
  }
}

// output[head][16 * kPanels] = sum over positions of p[head] * v.
template <class V, int kHeads, int kPanels>
void WeighValues(const AttentionSplit& t, int head, int column) {
  using F = typename V::F;
  F acc[kHeads][kPanels];
#pragma GCC unroll 8
  for (int h = 0; h < kHeads; ++h) {
#pragma GCC unroll 2
    for (int p = 0; p < kPanels; ++p) acc[h][p] = V::Zero();
  }
  for (int position = t.begin; position < t.end;) {
    const int page = position / kKvPage;
    const int stop = (page + 1) * kKvPage < t.end ? (page + 1) * kKvPage : t.end;
    const float* v = t.v_pages[page] + (position % kKvPage) * t.padded_dim + column;
    const float* weights = t.scores + head * kSplit + position;
    for (; position < stop; ++position, v += t.padded_dim, ++weights) {
      F value[kPanels];
#pragma GCC unroll 2
      for (int p = 0; p < kPanels; ++p) value[p] = V::Load(v + 16 * p);
#pragma GCC unroll 8
      for (int h = 0; h < kHeads; ++h) {
        const F weight = V::Set1(weights[h * kSplit]);
#pragma GCC unroll 2
        for (int p = 0; p < kPanels; ++p) acc[h][p] = V::Fma(value[p], weight, acc[h][p]);
      }
    }
  }
#pragma GCC unroll 8
  for (int h = 0; h < kHeads; ++h) {
#pragma GCC unroll 2
    for (int p = 0; p < kPanels; ++p) {
      V::Store(t.state.output + (head + h) * t.padded_dim + column + 16 * p, acc[h][p]);
    }
  }
}

template <class V, int kHeads>
void ScoreHeads(const AttentionSplit& t, int head) {
  for (int page = t.begin / kKvPage; page * kKvPage < t.end; ++page) {
    const bool last = (page + 1) * kKvPage >= t.end;
    ScorePage<V, kHeads>(t.q + head * t.head_dim, t.head_dim, t.k_pages[page],
                         t.k_pages[last ? page : page + 1], t.v_pages[page],
                         t.scores + head * kSplit + page * kKvPage);
  }
}

template <class V, int kHeads>
void WeighHeads(const AttentionSplit& t, int head) {
  int column = 0;
  for (; column + 32 <= t.padded_dim; column += 32) WeighValues<V, kHeads, 2>(t, head, column);
  if (column < t.padded_dim) WeighValues<V, kHeads, 1>(t, head, column);
}

// Turns one head's scores into exponentials; positions outside [begin, end) count as 0.
template <class V>
void Exponentiate(const AttentionSplit& t, int head) {
  using F = typename V::F;
  const F infinity = V::Set1(__builtin_inff());
  const F lowest = V::Sub(V::Zero(), infinity);
  const F begin = V::Set1(static_cast<float>(t.begin)), end = V::Set1(static_cast<float>(t.end));
  const int first = t.begin / 16 * 16;
  float* scores = t.scores + head * kSplit;
  F maximum = lowest;
  for (int i = first; i < t.end; i += 16) {
    const F position = V::Add(V::Iota(), V::Set1(static_cast<float>(i)));
    F score = V::Mul(V::Load(scores + i), V::Set1(t.scale));
    score = V::SelectLess(position, begin, lowest, V::SelectLess(position, end, score, lowest));
    V::Store(scores + i, score);
    maximum = V::Max(maximum, score);
  }
  const float top = V::ReduceMax(maximum);
  F sum = V::Zero();
  for (int i = first; i < t.end; i += 16) {
    const F weight = Exp<V>(V::Sub(V::Load(scores + i), V::Set1(top)));
    V::Store(scores + i, weight);
    sum = V::Add(sum, weight);
  }
  t.state.maximum[head] = top;
  t.state.sum[head] = V::ReduceAdd(sum);
}

template <class V, int kHeads>
void SplitHeads(const AttentionSplit& t, int head, int heads) {
  if constexpr (kHeads > 1) {
    if (heads < kHeads) return SplitHeads<V, kHeads - 1>(t, head, heads);
  }
  ScoreHeads<V, kHeads>(t, head);
  for (int h = 0; h < kHeads; ++h) Exponentiate<V>(t, head + h);
  WeighHeads<V, kHeads>(t, head);
}

template <class V>
void SplitAttention(const AttentionSplit& t) {
  constexpr int kTile = HeadTile<V>();
  for (int head = 0; head < t.heads; head += kTile) {
    const int left = t.heads - head;
    SplitHeads<V, kTile>(t, head, left < kTile ? left : kTile);
  }
}

template <class V>
void MergeAttention(const AttentionMerge& t) {
  using F = typename V::F;
  for (int first = 0; first < t.heads; first += 16) {
    const int count = t.heads - first < 16 ? t.heads - first : 16;
    const F old_maximum = V::LoadPartial(t.into.maximum + first, count);
    const F new_maximum = V::LoadPartial(t.piece.maximum + first, count);
    const F maximum = V::Max(old_maximum, new_maximum);
    float old_factors[16], new_factors[16];
    const F old_factor = Exp<V>(V::Sub(old_maximum, maximum));
    const F new_factor = Exp<V>(V::Sub(new_maximum, maximum));
    V::Store(old_factors, old_factor);
    V::Store(new_factors, new_factor);
    const F sum = V::Fma(V::LoadPartial(t.piece.sum + first, count), new_factor,
                         V::Mul(V::LoadPartial(t.into.sum + first, count), old_factor));
    V::StorePartial(t.into.maximum + first, maximum, count);
    V::StorePartial(t.into.sum + first, sum, count);
    for (int h = 0; h < count; ++h) {
      float* into = t.into.output + (first + h) * t.padded_dim;
      const float* piece = t.piece.output + (first + h) * t.padded_dim;
      for (int d = 0; d < t.padded_dim; d += 16) {
        const F scaled = V::Mul(V::Load(into + d), V::Set1(old_factors[h]));
        V::Store(into + d, V::Fma(V::Load(piece + d), V::Set1(new_factors[h]), scaled));
      }
    }
  }
}

template <class V>
void FinishAttention(const AttentionFinish& t) {
  using F = typename V::F;
  for (int first = 0; first < t.heads; first += 16) {
    const int count = t.heads - first < 16 ? t.heads - first : 16;
    F sum = V::LoadPartial(t.state.sum + first, count), factor = V::Set1(1.0f);
    if (t.sinks != nullptr) {
      const F maximum = V::LoadPartial(t.state.maximum + first, count);
      const F sink = V::LoadPartial(t.sinks + first, count);
      const F top = V::Max(sink, maximum);
      factor = Exp<V>(V::Sub(maximum, top));
      sum = V::Fma(sum, factor, Exp<V>(V::Sub(sink, top)));
    }
    float factors[16];
    V::Store(factors, V::Div(factor, sum));
    for (int h = 0; h < count; ++h) {
      const float* from = t.state.output + (first + h) * t.padded_dim;
      float* to = t.output + (first + h) * t.head_dim;
      for (int d = 0; d < t.head_dim; d += 16) {
        const int left = t.head_dim - d < 16 ? t.head_dim - d : 16;
        V::StorePartial(to + d, V::Mul(V::Load(from + d), V::Set1(factors[h])), left);
      }
    }
  }
}

}  // namespace
}  // namespace fairlead::cpu

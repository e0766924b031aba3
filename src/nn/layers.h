// The layers that models are made of. Each declares its parameters under the scope's name and
// appends the ops that compute it; how a rank's share is cut is decided here, never in model code.
// Shapes: T rows, columns as stated; weights [out, in] as checkpoints store them.
#pragma once

#include "nn/scope.h"

namespace fairlead {

struct LinearOptions {
  bool bias = false;
};

// Rows of `weight` [vocabulary, hidden] looked up by id. Returns [T, hidden].
Value ParallelEmbedding(const Scope& scope, Value token_ids, int64_t vocabulary, int64_t hidden);

// y = x W^T + b with W [out, in] divided by rows: each rank computes its part of `out`.
Value ColumnParallelLinear(const Scope& scope, Value x, const Axis& out,
                           LinearOptions options = {});

// y = x W^T + b with W [out, in] divided by columns, as x is: ranks add up, the bias is added once
// after that.
Value RowParallelLinear(const Scope& scope, Value x, int64_t out, LinearOptions options = {});

// Root-mean-square normalisation with a learned weight (Zhang and Sennrich 2019; HF GptOssRMSNorm).
Value RmsNorm(const Scope& scope, Value x, double eps);

// The language-model head: logits [R, vocabulary] of the rows that `output_rows` names. `weight` is
// the path of the module whose weight it uses: its own, or the embedding's when tied.
Value LanguageModelHead(const Scope& scope, const Scope& weight, Value hidden, int64_t vocabulary);

// hidden[rows], for the rows whose logits are wanted.
Value TakeRows(const Scope& scope, Value hidden, Value rows);

// a + b, called by the scope's name.
Value Add(const Scope& scope, Value a, Value b);

}  // namespace fairlead

// The sizes of a gpt-oss model, its config files and its tensors, as published.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/tensor.h"

namespace fairlead::synth {

// The defaults are those of gpt-oss-20b.
struct ModelSpec {
  int64_t layers = 24;
  int64_t hidden = 2880;
  int64_t intermediate = 2880;
  int64_t heads = 64;
  int64_t kv_heads = 8;
  int64_t head_dim = 64;
  int64_t experts = 32;
  int64_t experts_per_token = 4;
  int64_t vocabulary = 201088;
  int64_t sliding_window = 128;
};

// How a tensor is filled.
struct Filling {
  enum class Kind { kNormal, kRandomBytes, kScales };
  Kind kind = Kind::kNormal;
  float mean = 0;  // of a normal tensor, stored as bf16
  float deviation = 0;
};

struct TensorSpec {
  std::string name;
  DType dtype = DType::kBf16;
  Shape shape;
  Filling filling;

  size_t bytes() const { return static_cast<size_t>(NumElements(shape)) * DTypeSize(dtype); }
};

// Refuses sizes that no gpt-oss model can have.
Status CheckSpec(const ModelSpec& spec);

// config.json and generation_config.json with the keys of openai/gpt-oss-20b.
Json ConfigJson(const ModelSpec& spec);
Json GenerationConfigJson(const ModelSpec& spec);

// All tensors, in the order in which the files hold them.
std::vector<TensorSpec> ModelTensors(const ModelSpec& spec);

}  // namespace fairlead::synth

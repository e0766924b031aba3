// gpt-oss's config.json, typed and checked. Field names are the file's.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "config/model_facts.h"
#include "nn/rotary.h"

namespace fairlead {

struct GptOssConfig {
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int num_hidden_layers = 0;
  int64_t num_attention_heads = 0;
  int64_t num_key_value_heads = 0;
  int64_t head_dim = 64;
  int64_t num_local_experts = 0;
  int num_experts_per_tok = 4;
  int sliding_window = 128;
  double rms_norm_eps = 1e-5;
  double swiglu_limit = 7.0;
  double swiglu_alpha = 1.702;
  bool attention_bias = true;
  bool tie_word_embeddings = false;
  bool mxfp4 = false;  // quantization_config says so
  int64_t max_position_embeddings = 131072;
  RopeParameters rope;
  std::vector<bool> sliding;  // per layer, from layer_types
  std::vector<int32_t> eos_token_ids;

  // KV groups: index 0 the full layers, 1 the sliding ones.
  int kv_group(int layer) const { return sliding[static_cast<size_t>(layer)] ? 1 : 0; }
  int window(int layer) const { return sliding[static_cast<size_t>(layer)] ? sliding_window : 0; }
  // How many earlier layers share this layer's group.
  int kv_layer(int layer) const;

  ModelFacts Facts() const;
  std::vector<std::pair<std::string, std::string>> Summary() const;
};

// Reads both spellings of the keys; every problem is one line naming the key.
// docs/decisions/ records each default and each refusal.
Result<GptOssConfig> ParseGptOssConfig(const Json& config, const Json& generation_config);

}  // namespace fairlead

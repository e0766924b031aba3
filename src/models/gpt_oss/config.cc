#include "models/gpt_oss/config.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "config/config_reader.h"

namespace fairlead {
namespace {

// Generous bounds: they keep products inside 64 bits and reject damaged files.
constexpr int64_t kMaxSize = int64_t{1} << 24;
constexpr int64_t kMaxLayers = 4096;
constexpr int64_t kMaxPositions = int64_t{1} << 30;

RopeParameters ReadRope(ConfigReader& config, int64_t max_positions) {
  RopeParameters rope;
  const bool new_keys = config.Has("rope_parameters");
  const std::string key = new_keys ? "rope_parameters" : "rope_scaling";
  const Json block = config.Object(key);
  rope.rope_theta = config.Number("rope_theta", 1.001, 1e12, 150000.0);
  if (!config.Has(key)) return rope;  // HF's default: YaRN 32 over 4096, truncate false

  ConfigReader reader(block, "config.json: " + key);
  const std::string type = reader.String("rope_type", reader.String("type", "default"));
  if (type != "yarn" && type != "default") {
    reader.Reject("rope_type", "\"yarn\" or \"default\"", "\"" + type + "\"");
  }
  rope.yarn = type == "yarn";
  rope.rope_theta = reader.Number("rope_theta", 1.001, 1e12, rope.rope_theta);
  rope.beta_fast = reader.Number("beta_fast", 1e-6, 1e6, 32.0);
  rope.beta_slow = reader.Number("beta_slow", 1e-6, 1e6, 1.0);
  rope.truncate = reader.Bool("truncate", true);
  rope.original_max_position_embeddings =
      reader.Int("original_max_position_embeddings", 1, kMaxPositions, max_positions);
  const double fallback = static_cast<double>(max_positions) /
                          static_cast<double>(rope.original_max_position_embeddings);
  rope.factor = reader.Number("factor", 1e-6, 1e6, fallback);
  if (reader.Has("attention_factor")) {
    rope.attention_factor = reader.Number("attention_factor", 1e-6, 1e6);
  }
  for (const char* unsupported : {"mscale", "mscale_all_dim"}) {
    if (reader.Has(unsupported)) reader.Reject(unsupported, "no such key", "one");
  }
  if (reader.Number("partial_rotary_factor", 0, 1, 1.0) != 1.0) {
    reader.Reject("partial_rotary_factor", "1 (whole heads rotate)", "less");
  }
  config.Merge(reader);
  return rope;
}

std::vector<bool> ReadLayerTypes(ConfigReader& config, int layers) {
  std::vector<bool> sliding;
  if (!config.Has("layer_types")) {
    for (int layer = 0; layer < layers; ++layer) sliding.push_back(layer % 2 == 0);
    return sliding;
  }
  for (const std::string& type : config.Strings("layer_types")) {
    if (type != "sliding_attention" && type != "full_attention") {
      config.Reject("layer_types", "\"sliding_attention\" or \"full_attention\"",
                    "\"" + type + "\"");
    }
    sliding.push_back(type == "sliding_attention");
  }
  if (static_cast<int>(sliding.size()) != layers) {
    config.Reject("layer_types", fmt::format("{} entries, one a layer", layers),
                  fmt::format("{}", sliding.size()));
    sliding.resize(static_cast<size_t>(layers));
  }
  return sliding;
}

int64_t ReadHeadDim(ConfigReader& config, int64_t hidden, int64_t heads) {
  constexpr int64_t kClassDefault = 64;
  constexpr int64_t kMaxHeadDim = 4096;
  if (config.IsNull("head_dim")) {
    if (hidden % heads != 0) {
      config.Reject("head_dim", "a number, as hidden_size is not a multiple of num_attention_heads",
                    "null");
      return kClassDefault;
    }
  }
  const int64_t fallback = config.IsNull("head_dim") ? hidden / heads : kClassDefault;
  const int64_t head_dim = config.Int("head_dim", 1, kMaxHeadDim, fallback);
  if (head_dim % 2 != 0 || head_dim > kMaxHeadDim) {
    config.Reject("head_dim", "an even number (rotary embedding turns pairs)",
                  fmt::format("{}", head_dim));
  }
  return head_dim;
}

void ReadQuantization(ConfigReader& config, GptOssConfig& result) {
  if (!config.Has("quantization_config")) return;
  const Json block = config.Object("quantization_config");
  ConfigReader reader(block, "config.json: quantization_config");
  const std::string method = reader.String("quant_method");
  result.mxfp4 = method == "mxfp4";
  if (!result.mxfp4) reader.Reject("quant_method", "\"mxfp4\"", "\"" + method + "\"");
  config.Merge(reader);
  for (const auto& [key, size] : {std::pair{"hidden_size", result.hidden_size},
                                  std::pair{"intermediate_size", result.intermediate_size}}) {
    if (size % 32 != 0) {
      config.Reject(key, "a multiple of 32, the MXFP4 block", fmt::format("{}", size));
    }
  }
}

// generation_config.json's end tokens win over config.json's, as in HF's generate().
std::vector<int32_t> ReadEosTokens(ConfigReader& config, const Json& generation_config,
                                   int64_t vocabulary) {
  std::vector<int64_t> ids = config.IntOrInts("eos_token_id", 0, vocabulary - 1);
  if (!generation_config.is_null()) {
    ConfigReader generation(generation_config, "generation_config.json");
    if (generation.Has("eos_token_id")) {
      ids = generation.IntOrInts("eos_token_id", 0, vocabulary - 1);
    }
    config.Merge(generation);
  }
  return {ids.begin(), ids.end()};
}

void CheckActivation(ConfigReader& config) {
  const std::string activation = config.String("hidden_act", "silu");
  if (activation != "silu") config.Reject("hidden_act", "\"silu\"", "\"" + activation + "\"");
}

}  // namespace

Result<GptOssConfig> ParseGptOssConfig(const Json& config, const Json& generation_config) {
  ConfigReader reader(config, "config.json");
  GptOssConfig result;
  result.vocab_size = reader.Int("vocab_size", 1, kMaxSize);
  result.hidden_size = reader.Int("hidden_size", 1, kMaxSize);
  result.intermediate_size = reader.Int("intermediate_size", 1, kMaxSize);
  result.num_hidden_layers = static_cast<int>(reader.Int("num_hidden_layers", 1, kMaxLayers));
  result.num_attention_heads = reader.Int("num_attention_heads", 1, kMaxSize);
  result.num_key_value_heads =
      reader.Int("num_key_value_heads", 1, kMaxSize, result.num_attention_heads);
  result.num_local_experts = reader.Int("num_local_experts", 1, kMaxSize);
  FAIRLEAD_RETURN_IF_ERROR(reader.status());

  if (result.num_attention_heads % result.num_key_value_heads != 0) {
    reader.Reject("num_key_value_heads",
                  fmt::format("a divisor of num_attention_heads ({})", result.num_attention_heads),
                  fmt::format("{}", result.num_key_value_heads));
  }
  result.head_dim = ReadHeadDim(reader, result.hidden_size, result.num_attention_heads);
  result.num_experts_per_tok =
      static_cast<int>(reader.Int("num_experts_per_tok", 1, result.num_local_experts,
                                  std::min<int64_t>(4, result.num_local_experts)));
  result.max_position_embeddings = reader.Int("max_position_embeddings", 1, kMaxPositions, 131072);
  result.rms_norm_eps = reader.Number("rms_norm_eps", 0.0, 1.0, 1e-5);
  result.swiglu_limit = reader.Number("swiglu_limit", 1e-6, 1e30, 7.0);
  result.swiglu_alpha = reader.Number("swiglu_alpha", -1e6, 1e6, 1.702);
  result.attention_bias = reader.Bool("attention_bias", true);
  result.tie_word_embeddings = reader.Bool("tie_word_embeddings", false);
  result.sliding = ReadLayerTypes(reader, result.num_hidden_layers);
  result.sliding_window = static_cast<int>(reader.Int("sliding_window", 1, kMaxPositions, 128));
  const bool any_sliding =
      std::find(result.sliding.begin(), result.sliding.end(), true) != result.sliding.end();
  if (reader.IsNull("sliding_window") && any_sliding) {
    reader.Reject("sliding_window", "a number, as layer_types has sliding layers", "null");
  }
  result.rope = ReadRope(reader, result.max_position_embeddings);
  ReadQuantization(reader, result);
  CheckActivation(reader);
  result.eos_token_ids = ReadEosTokens(reader, generation_config, result.vocab_size);
  FAIRLEAD_RETURN_IF_ERROR(reader.status());
  return result;
}

int GptOssConfig::kv_layer(int layer) const {
  return static_cast<int>(
      std::count(sliding.begin(), sliding.begin() + layer, sliding[static_cast<size_t>(layer)]));
}

ModelFacts GptOssConfig::Facts() const {
  const int sliding_layers = static_cast<int>(std::count(sliding.begin(), sliding.end(), true));
  const int kv_heads = static_cast<int>(num_key_value_heads), dim = static_cast<int>(head_dim);
  ModelFacts facts;
  facts.model_type = "gpt_oss";
  facts.chat_format = "harmony";
  facts.vocabulary_size = vocab_size;
  facts.layers = num_hidden_layers;
  facts.max_positions = max_position_embeddings;
  facts.kv_groups = {{"full", 0, num_hidden_layers - sliding_layers, kv_heads, dim},
                     {"sliding", sliding_window, sliding_layers, kv_heads, dim}};
  facts.eos_token_ids = eos_token_ids;
  facts.configuration = Summary();
  return facts;
}

std::vector<std::pair<std::string, std::string>> GptOssConfig::Summary() const {
  const auto text = [](const auto& value) { return fmt::format("{}", value); };
  const int sliding_layers = static_cast<int>(std::count(sliding.begin(), sliding.end(), true));
  return {
      {"model_type", "gpt_oss"},
      {"num_hidden_layers", fmt::format("{} ({} sliding, {} full)", num_hidden_layers,
                                        sliding_layers, num_hidden_layers - sliding_layers)},
      {"hidden_size", text(hidden_size)},
      {"intermediate_size", text(intermediate_size)},
      {"num_attention_heads", text(num_attention_heads)},
      {"num_key_value_heads", text(num_key_value_heads)},
      {"head_dim", text(head_dim)},
      {"num_local_experts", text(num_local_experts)},
      {"num_experts_per_tok", text(num_experts_per_tok)},
      {"vocab_size", text(vocab_size)},
      {"sliding_window", text(sliding_window)},
      {"max_position_embeddings", text(max_position_embeddings)},
      {"rope",
       rope.yarn ? fmt::format("yarn, theta {}, factor {} over {}, beta {}/{}, truncate {}, "
                               "attention factor {:.4f}",
                               rope.rope_theta, rope.factor, rope.original_max_position_embeddings,
                               rope.beta_fast, rope.beta_slow, rope.truncate, AttentionFactor(rope))
                 : fmt::format("default, theta {}", rope.rope_theta)},
      {"rms_norm_eps", text(rms_norm_eps)},
      {"swiglu_limit", text(swiglu_limit)},
      {"swiglu_alpha", text(swiglu_alpha)},
      {"attention_bias", text(attention_bias)},
      {"tie_word_embeddings", text(tie_word_embeddings)},
      {"quantization", mxfp4 ? "mxfp4" : "none"},
      {"eos_token_id", fmt::format("[{}]", fmt::join(eos_token_ids, ", "))},
  };
}

}  // namespace fairlead

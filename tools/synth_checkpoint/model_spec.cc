#include "model_spec.h"

#include "checkpoint/mxfp4.h"

namespace fairlead::synth {
namespace {

// Ids of the published vocabulary; a smaller one gets its last ids instead.
constexpr int64_t kPublishedVocabulary = 201088;
constexpr int64_t kReturn = 200002;
constexpr int64_t kEndOfText = 199999;
constexpr int64_t kCall = 200012;
constexpr int64_t kStartOfText = 199998;

// Magnitudes that keep activations of order one: linear layers see about 3,000 inputs of unit size.
constexpr Filling kLinear{Filling::Kind::kNormal, 0, 0.02f};
constexpr Filling kEmbedding{Filling::Kind::kNormal, 0, 0.05f};
constexpr Filling kBias{Filling::Kind::kNormal, 0, 0.02f};
constexpr Filling kNorm{Filling::Kind::kNormal, 1, 0.05f};
constexpr Filling kSinks{Filling::Kind::kNormal, 0, 0.5f};
constexpr Filling kBlocks{Filling::Kind::kRandomBytes, 0, 0};
constexpr Filling kScales{Filling::Kind::kScales, 0, 0};

void AddLinear(std::vector<TensorSpec>& tensors, const std::string& name, int64_t out, int64_t in) {
  tensors.push_back({name + ".weight", DType::kBf16, {out, in}, kLinear});
  tensors.push_back({name + ".bias", DType::kBf16, {out}, kBias});
}

void AddExperts(std::vector<TensorSpec>& tensors, const std::string& name, int64_t experts,
                int64_t out, int64_t in) {
  const int64_t blocks = in / kMxfp4Block;
  tensors.push_back({name + "_bias", DType::kBf16, {experts, out}, kBias});
  tensors.push_back(
      {name + "_blocks", DType::kU8, {experts, out, blocks, kMxfp4BlockBytes}, kBlocks});
  tensors.push_back({name + "_scales", DType::kU8, {experts, out, blocks}, kScales});
}

}  // namespace

Status CheckSpec(const ModelSpec& spec) {
  const auto refuse = [](std::string_view option, std::string_view expected, int64_t value) {
    return Fail(ErrorCode::kInvalidArgument, "synth_checkpoint", "{}: expected {}, got {}", option,
                expected, value);
  };
  if (spec.hidden % kMxfp4Block != 0) {
    return refuse("--hidden", "a multiple of 32", spec.hidden);
  }
  if (spec.intermediate % kMxfp4Block != 0) {
    return refuse("--intermediate", "a multiple of 32", spec.intermediate);
  }
  if (spec.head_dim % 2 != 0) return refuse("--head-dim", "an even number", spec.head_dim);
  if (spec.heads % spec.kv_heads != 0) {
    return refuse("--kv-heads", "a divisor of --heads", spec.kv_heads);
  }
  if (spec.experts_per_token > spec.experts) {
    return refuse("--experts-per-token", "at most --experts", spec.experts_per_token);
  }
  return {};
}

Json ConfigJson(const ModelSpec& spec) {
  Json layer_types = Json::array();
  for (int64_t layer = 0; layer < spec.layers; ++layer) {
    layer_types.push_back(layer % 2 == 0 ? "sliding_attention" : "full_attention");
  }
  const bool published = spec.vocabulary >= kPublishedVocabulary;
  return {
      {"architectures", {"GptOssForCausalLM"}},
      {"attention_bias", true},
      {"attention_dropout", 0.0},
      {"eos_token_id", published ? kReturn : spec.vocabulary - 1},
      {"experts_per_token", spec.experts_per_token},
      {"head_dim", spec.head_dim},
      {"hidden_act", "silu"},
      {"hidden_size", spec.hidden},
      {"initial_context_length", 4096},
      {"initializer_range", 0.02},
      {"intermediate_size", spec.intermediate},
      {"layer_types", layer_types},
      {"max_position_embeddings", 131072},
      {"model_type", "gpt_oss"},
      {"num_attention_heads", spec.heads},
      {"num_experts_per_tok", spec.experts_per_token},
      {"num_hidden_layers", spec.layers},
      {"num_key_value_heads", spec.kv_heads},
      {"num_local_experts", spec.experts},
      {"output_router_logits", false},
      {"pad_token_id", published ? kEndOfText : spec.vocabulary - 2},
      {"quantization_config",
       {{"modules_to_not_convert",
         {"model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens",
          "lm_head"}},
        {"quant_method", "mxfp4"}}},
      {"rms_norm_eps", 1e-5},
      {"rope_scaling",
       {{"beta_fast", 32.0},
        {"beta_slow", 1.0},
        {"factor", 32.0},
        {"original_max_position_embeddings", 4096},
        {"rope_type", "yarn"},
        {"truncate", false}}},
      {"rope_theta", 150000},
      {"router_aux_loss_coef", 0.9},
      {"sliding_window", spec.sliding_window},
      {"swiglu_limit", 7.0},
      {"tie_word_embeddings", false},
      {"transformers_version", "4.55.0.dev0"},
      {"use_cache", true},
      {"vocab_size", spec.vocabulary},
  };
}

Json GenerationConfigJson(const ModelSpec& spec) {
  const bool published = spec.vocabulary >= kPublishedVocabulary;
  Json eos = published ? Json{kReturn, kEndOfText, kCall} : Json::array({spec.vocabulary - 1});
  return {
      {"bos_token_id", published ? kStartOfText : spec.vocabulary - 2},
      {"do_sample", true},
      {"eos_token_id", std::move(eos)},
      {"pad_token_id", published ? kEndOfText : spec.vocabulary - 2},
      {"transformers_version", "4.55.0.dev0"},
  };
}

std::vector<TensorSpec> ModelTensors(const ModelSpec& spec) {
  std::vector<TensorSpec> tensors;
  const int64_t query_size = spec.heads * spec.head_dim;
  const int64_t key_size = spec.kv_heads * spec.head_dim;
  tensors.push_back(
      {"model.embed_tokens.weight", DType::kBf16, {spec.vocabulary, spec.hidden}, kEmbedding});
  for (int64_t layer = 0; layer < spec.layers; ++layer) {
    const std::string scope = fmt::format("model.layers.{}.", layer);
    tensors.push_back({scope + "input_layernorm.weight", DType::kBf16, {spec.hidden}, kNorm});
    AddExperts(tensors, scope + "mlp.experts.down_proj", spec.experts, spec.hidden,
               spec.intermediate);
    AddExperts(tensors, scope + "mlp.experts.gate_up_proj", spec.experts, 2 * spec.intermediate,
               spec.hidden);
    AddLinear(tensors, scope + "mlp.router", spec.experts, spec.hidden);
    tensors.push_back(
        {scope + "post_attention_layernorm.weight", DType::kBf16, {spec.hidden}, kNorm});
    AddLinear(tensors, scope + "self_attn.k_proj", key_size, spec.hidden);
    AddLinear(tensors, scope + "self_attn.o_proj", spec.hidden, query_size);
    AddLinear(tensors, scope + "self_attn.q_proj", query_size, spec.hidden);
    tensors.push_back({scope + "self_attn.sinks", DType::kBf16, {spec.heads}, kSinks});
    AddLinear(tensors, scope + "self_attn.v_proj", key_size, spec.hidden);
  }
  tensors.push_back({"model.norm.weight", DType::kBf16, {spec.hidden}, kNorm});
  tensors.push_back({"lm_head.weight", DType::kBf16, {spec.vocabulary, spec.hidden}, kLinear});
  return tensors;
}

}  // namespace fairlead::synth

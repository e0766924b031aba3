// gpt-oss, module by module, in the order and under the names of Hugging Face's
// modeling_gpt_oss.py.
#include "models/gpt_oss/gpt_oss.h"
#include "nn/attention.h"
#include "nn/layers.h"
#include "nn/moe.h"
#include "nn/rotary.h"
#include "nn/sharding.h"

namespace fairlead {
namespace {

// Grouped-query attention with learned sinks; `layer_types[layer]` decides whether it sees only the
// last `sliding_window` tokens.
Value SelfAttention(const Scope& scope, const GptOssConfig& config, int layer, Value hidden) {
  const HeadSharding heads =
      ShardHeads(scope.parallel(), config.num_attention_heads, config.num_key_value_heads);
  const Axis q_size = heads.query.Times(config.head_dim);
  const Axis kv_size = heads.key_value.Times(config.head_dim);
  const LinearOptions projection{.bias = config.attention_bias};
  Value q = ColumnParallelLinear(scope / "q_proj", hidden, q_size, projection);
  Value k = ColumnParallelLinear(scope / "k_proj", hidden, kv_size, projection);
  Value v = ColumnParallelLinear(scope / "v_proj", hidden, kv_size, projection);
  q = RotaryEmbedding(scope / "q_rope", q, config.rope, config.head_dim);
  k = RotaryEmbedding(scope / "k_rope", k, config.rope, config.head_dim);
  Value context = Attention(scope, q, k, v,
                            {.heads = heads,
                             .head_dim = config.head_dim,
                             .window = config.window(layer),
                             .kv_group = config.kv_group(layer),
                             .kv_layer = config.kv_layer(layer),
                             .sinks = true});
  return RowParallelLinear(scope / "o_proj", context, config.hidden_size, projection);
}

// A router picks `num_experts_per_tok` experts for each token; their outputs are weighed and
// summed.
Value SparseMlp(const Scope& scope, const GptOssConfig& config, Value hidden) {
  const Routing routing =
      Router(scope / "router", hidden, config.num_local_experts, config.num_experts_per_tok);
  return Experts(scope / "experts", hidden, routing,
                 {.num_experts = config.num_local_experts,
                  .intermediate_size = config.intermediate_size,
                  .swiglu_limit = config.swiglu_limit,
                  .swiglu_alpha = config.swiglu_alpha});
}

// Pre-norm attention and pre-norm mixture of experts, each with a residual.
Value DecoderLayer(const Scope& scope, const GptOssConfig& config, int layer, Value hidden) {
  Value normed = RmsNorm(scope / "input_layernorm", hidden, config.rms_norm_eps);
  hidden = Add(scope / "attn_residual", hidden,
               SelfAttention(scope / "self_attn", config, layer, normed));
  normed = RmsNorm(scope / "post_attention_layernorm", hidden, config.rms_norm_eps);
  return Add(scope / "output", hidden, SparseMlp(scope / "mlp", config, normed));
}

}  // namespace

Value GptOssForCausalLM(const Scope& scope, const GptOssConfig& config, Value token_ids,
                        Value output_rows) {
  const Scope model = scope / "model";
  const Scope embedding = model / "embed_tokens";
  Value hidden = ParallelEmbedding(embedding, token_ids, config.vocab_size, config.hidden_size);
  for (int layer = 0; layer < config.num_hidden_layers; ++layer) {
    hidden = DecoderLayer(model / "layers" / std::to_string(layer), config, layer, hidden);
  }
  hidden = TakeRows(model / "output_hidden", hidden, output_rows);  // the head sees only these
  hidden = RmsNorm(model / "norm", hidden, config.rms_norm_eps);
  const Scope head = config.tie_word_embeddings ? embedding : scope / "lm_head";
  return LanguageModelHead(scope / "logits", head, hidden, config.vocab_size);
}

}  // namespace fairlead

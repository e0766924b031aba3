"""The golden cases: one small gpt-oss each, every one odd in its own way."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """One checkpoint and its prompt. `config` is config.json word for word."""

    name: str
    what: str
    config: dict
    prompt_length: int
    mxfp4: bool = False
    float32: bool = False
    shards: int = 1
    # Factors on the standard deviation of single tensors, by the last part of their name.
    gains: dict = field(default_factory=dict)
    # Layers whose intermediates are stored; None stores all.
    stored_layers: tuple | None = None
    ragged_lengths: tuple = ()
    # Whether the continuation may use HF's KV cache.
    cached: bool = True

    @property
    def head_dim(self):
        given = self.config.get("head_dim", 64)
        return given or self.config["hidden_size"] // self.config["num_attention_heads"]

    @property
    def top_k(self):
        return self.config.get("num_experts_per_tok", 4)

    @property
    def tied(self):
        return self.config.get("tie_word_embeddings", False)


def model(hidden, layers, heads, kv_heads, experts, top_k, intermediate, vocab, window, **others):
    """The keys that every config has; `others` are merged over them."""
    config = {
        "architectures": ["GptOssForCausalLM"],
        "model_type": "gpt_oss",
        "attention_bias": True,
        "attention_dropout": 0.0,
        "hidden_act": "silu",
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_attention_heads": heads,
        "num_experts_per_tok": top_k,
        "num_hidden_layers": layers,
        "num_key_value_heads": kv_heads,
        "num_local_experts": experts,
        "rms_norm_eps": 1e-05,
        "sliding_window": window,
        "tie_word_embeddings": False,
        "use_cache": True,
        "vocab_size": vocab,
        "eos_token_id": vocab - 1,
        "pad_token_id": vocab - 2,
    }
    return config | others


def yarn(factor, original, beta_fast=32.0, beta_slow=1.0, **others):
    """YaRN parameters without theta; truncate and attention_factor only where asked for."""
    return {
        "rope_type": "yarn",
        "factor": factor,
        "original_max_position_embeddings": original,
        "beta_fast": beta_fast,
        "beta_slow": beta_slow,
    } | others


def longest(rope):
    positions = rope["factor"] * rope["original_max_position_embeddings"]
    return {"max_position_embeddings": int(positions)}


def old_keys(theta, rope, dtype="bfloat16"):
    return {"rope_theta": theta, "rope_scaling": rope, "torch_dtype": dtype} | longest(rope)


def new_keys(theta, rope, dtype="bfloat16"):
    return {"rope_parameters": rope | {"rope_theta": theta}, "dtype": dtype} | longest(rope)


def without(config, *keys):
    return {key: value for key, value in config.items() if key not in keys}


def alternating(layers):
    return [("sliding_attention", "full_attention")[i % 2] for i in range(layers)]


CASES = [
    Case(
        name="mxfp4_published",
        what="The published spelling: MXFP4 in shards, old keys, truncate false, and down_proj "
        "square so that a missed transposition does not show in its shape.",
        config=model(64, 2, 8, 2, 8, 4, 64, 131, 8, head_dim=16, layer_types=alternating(2),
                     initial_context_length=32, experts_per_token=4, swiglu_limit=7.0,
                     quantization_config={
                         "quant_method": "mxfp4",
                         "modules_to_not_convert": [
                             "model.layers.*.self_attn", "model.layers.*.mlp.router",
                             "model.embed_tokens", "lm_head"]},
                     **old_keys(150000, yarn(32.0, 32, truncate=False))),
        prompt_length=37, mxfp4=True, shards=2, ragged_lengths=(1, 23, 9),
    ),
    Case(
        name="bf16_sliding",
        what="BF16 experts, untied, layer_types and truncate absent: windows shorter than the "
        "prompt must alternate with sliding first, and truncate must default to true.",
        config=model(44, 3, 6, 2, 5, 2, 20, 101, 5, head_dim=8,
                     **new_keys(1000.0, yarn(16.0, 24, beta_fast=2.0, beta_slow=0.4))),
        prompt_length=29, ragged_lengths=(17, 2, 6),
    ),
    Case(
        name="tied_odd",
        what="Tied head (no lm_head.weight in the file), odd vocabulary, one kv head per query "
        "head, top-1 routing.",
        config=model(40, 2, 4, 4, 4, 1, 24, 97, 4, head_dim=12, layer_types=alternating(2),
                     **old_keys(5000, yarn(8.0, 20, beta_fast=3.0, beta_slow=0.5, truncate=True))
                     ) | {"tie_word_embeddings": True},
        # A large embedding would answer every token with itself through the tied head.
        prompt_length=26, gains={"embed_tokens": 0.15},
    ),
    Case(
        name="class_defaults",
        what="Nothing said that the class says: head_dim 64, window 128 sliding first, YaRN factor "
        "32 over 4096 with truncate false, theta 150000, top-4, eps 1e-5; and a prompt that "
        "crosses the window of 128.",
        config=without(model(32, 2, 2, 1, 6, 4, 16, 103, 128),
                       "num_experts_per_tok", "sliding_window", "rms_norm_eps", "attention_bias",
                       "tie_word_embeddings") | {"dtype": "bfloat16"},
        # A large value range, or the one key more or less in 128 is averaged away.
        prompt_length=141, gains={"v_proj": 2.0, "q_proj": 1.5}, stored_layers=(0,),
    ),
    Case(
        name="head_dim_null",
        what="An explicit null for head_dim: hidden/heads, not the class default of 64; truncate "
        "absent under the old keys.",
        config=model(48, 2, 6, 3, 5, 3, 20, 109, 6, head_dim=None,
                     **old_keys(2000, yarn(4.0, 40, beta_fast=5.0, beta_slow=0.6))),
        prompt_length=24,
    ),
    Case(
        name="mqa_top4",
        what="Eight query heads on one kv head, and explicit layer_types that do not alternate "
        "and start with full attention.",
        config=model(36, 4, 8, 1, 6, 4, 16, 113, 3, head_dim=8,
                     layer_types=["full_attention", "full_attention", "sliding_attention",
                                  "sliding_attention"],
                     **new_keys(10000.0, yarn(8.0, 16, beta_fast=1.5, beta_slow=0.3,
                                              truncate=False))),
        prompt_length=22,
    ),
    Case(
        name="attention_factor",
        what="attention_factor given: it replaces 0.1 ln(factor) + 1.",
        config=model(52, 2, 6, 3, 4, 2, 28, 127, 7, head_dim=10, layer_types=alternating(2),
                     **new_keys(3000.0, yarn(16.0, 16, beta_fast=2.0, beta_slow=0.5,
                                             truncate=True, attention_factor=0.8))),
        prompt_length=25,
    ),
    Case(
        name="float32_weights",
        what="A float32 checkpoint: weights that bfloat16 cannot hold must not be rounded.",
        config=model(40, 3, 4, 2, 4, 2, 18, 99, 6, head_dim=8,
                     layer_types=["full_attention", "sliding_attention", "full_attention"],
                     **new_keys(10000.0, yarn(8.0, 20, beta_fast=2.0, beta_slow=0.4,
                                              truncate=True), "float32")),
        prompt_length=21, float32=True,
    ),
    Case(
        name="tiny_embeddings",
        what="Embeddings so small that eps decides the first norm, and an eps of its own.",
        config=model(56, 2, 4, 2, 4, 2, 24, 115, 9, head_dim=16, layer_types=alternating(2),
                     **old_keys(8000, yarn(8.0, 32, truncate=False))) | {"rms_norm_eps": 3e-05},
        prompt_length=23, gains={"embed_tokens": 0.004},
    ),
    Case(
        name="swiglu_clamps",
        what="Expert inputs so large that the gate's upper clamp and both clamps of up act.",
        config=model(48, 2, 4, 2, 4, 2, 24, 119, 6, head_dim=8, layer_types=alternating(2),
                     **new_keys(4000.0, yarn(8.0, 24, beta_fast=2.0, beta_slow=0.5,
                                             truncate=False))),
        prompt_length=24, gains={"gate_up_proj": 4.0, "down_proj": 0.2},
    ),
    Case(
        name="swiglu_custom",
        what="swiglu_limit 2.5 and swiglu_alpha 1.1 from the config, not 7 and 1.702.",
        config=model(48, 2, 4, 2, 4, 2, 24, 121, 6, head_dim=8, layer_types=alternating(2),
                     swiglu_limit=2.5, swiglu_alpha=1.1,
                     **new_keys(4000.0, yarn(8.0, 24, beta_fast=2.0, beta_slow=0.5,
                                             truncate=False))),
        prompt_length=24, gains={"gate_up_proj": 2.0, "down_proj": 0.6},
    ),
    Case(
        name="mxfp4_tied_top1",
        what="MXFP4 in one file under the new keys with a tied head, top-1 routing, a window that "
        "leaves the token only itself, and one block of 32 along the intermediate size.",
        config=model(96, 3, 6, 2, 3, 1, 32, 97, 1, head_dim=8,
                     quantization_config={"quant_method": "mxfp4"},
                     **new_keys(6000.0, yarn(16.0, 16, beta_fast=2.0, beta_slow=0.5)))
        | {"tie_word_embeddings": True},
        prompt_length=20, mxfp4=True, gains={"embed_tokens": 0.15}, stored_layers=(0, 1),
        # HF's cache keeps keys[-window + 1:], which is every key at a window of 1.
        cached=False,
    ),
    Case(
        name="long_yarn",
        what="A prompt seven times the original positions, all layers full: the interpolated "
        "frequencies carry the result.",
        config=model(32, 2, 4, 2, 4, 2, 16, 105, 8, head_dim=16,
                     layer_types=["full_attention", "full_attention"],
                     **new_keys(500.0, yarn(16.0, 16, beta_fast=1.0, beta_slow=0.15,
                                            truncate=False))),
        prompt_length=112, stored_layers=(1,),
    ),
    Case(
        name="square_matrices",
        what="q_proj, o_proj and gate_up_proj square, so that a transposition shows in numbers "
        "only; and aliases that Hugging Face ignores, with values that differ.",
        config=model(24, 2, 4, 2, 5, 3, 12, 107, 5, head_dim=6, layer_types=alternating(2),
                     experts_per_token=1, initial_context_length=7,
                     **old_keys(1500, yarn(8.0, 24, beta_fast=0.8, beta_slow=0.1, truncate=False))),
        prompt_length=27,
    ),
    Case(
        name="shard_mxfp4",
        what="Sizes that parallel ranks split unevenly, in MXFP4: 48 query heads on 4 kv heads, "
        "five blocks of 32 along the intermediate size, an odd vocabulary.",
        config=model(64, 2, 48, 4, 8, 2, 160, 131, 5, head_dim=4, layer_types=alternating(2),
                     quantization_config={"quant_method": "mxfp4"},
                     **old_keys(150000, yarn(32.0, 32, truncate=False))),
        prompt_length=14, mxfp4=True, stored_layers=(1,),
    ),
    Case(
        name="shard_bf16",
        what="Sizes that parallel ranks split unevenly, in BF16: 24 query heads on 8 kv heads, an "
        "intermediate size of 50, four experts, an odd vocabulary with a tied head.",
        config=model(40, 3, 24, 8, 4, 2, 50, 89, 5, head_dim=6, layer_types=alternating(3),
                     **new_keys(5000.0, yarn(8.0, 20, beta_fast=3.0, beta_slow=0.5)))
        | {"tie_word_embeddings": True},
        prompt_length=23, gains={"embed_tokens": 0.08}, stored_layers=(0, 2),
    ),
]

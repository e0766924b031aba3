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

    @property
    def head_dim(self):
        given = self.config.get("head_dim", 64)
        return given or self.config["hidden_size"] // self.config["num_attention_heads"]


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
    return {"max_position_embeddings": int(rope["factor"] * rope["original_max_position_embeddings"])}


def old_keys(theta, rope, dtype="bfloat16"):
    return {"rope_theta": theta, "rope_scaling": rope, "torch_dtype": dtype} | longest(rope)


def new_keys(theta, rope, dtype="bfloat16"):
    return {"rope_parameters": rope | {"rope_theta": theta}, "dtype": dtype} | longest(rope)


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
]

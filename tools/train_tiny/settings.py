"""The demo model's configuration: every trait of gpt-oss, small."""

LAYERS = 4
VOCABULARY = 3328  # a few rows more than the tokenizer has entries, as in the published models
ORIGINAL_LENGTH, YARN_FACTOR = 128, 8
WINDOW = 64


def config(token_id):
    """config.json, spelled as the published gpt-oss checkpoints spell it. token_id: of a special
    token's name."""
    return {
        "architectures": ["GptOssForCausalLM"],
        "attention_bias": True,
        "attention_dropout": 0.0,
        "eos_token_id": token_id("<|return|>"),
        "experts_per_token": 2,
        "head_dim": 32,
        "hidden_act": "silu",
        "hidden_size": 128,
        "initial_context_length": ORIGINAL_LENGTH,
        "initializer_range": 0.02,
        "intermediate_size": 128,
        "layer_types": [
            "full_attention" if layer % 2 else "sliding_attention" for layer in range(LAYERS)],
        "max_position_embeddings": ORIGINAL_LENGTH * YARN_FACTOR,
        "model_type": "gpt_oss",
        "num_attention_heads": 8,
        "num_experts_per_tok": 2,
        "num_hidden_layers": LAYERS,
        "num_key_value_heads": 2,
        "num_local_experts": 8,
        "output_router_logits": False,
        "pad_token_id": token_id("<|endoftext|>"),
        "quantization_config": {
            "modules_to_not_convert": [
                "model.layers.*.self_attn",
                "model.layers.*.mlp.router",
                "model.embed_tokens",
                "lm_head",
            ],
            "quant_method": "mxfp4",
        },
        "rms_norm_eps": 1e-05,
        "rope_scaling": {
            "beta_fast": 32.0,
            "beta_slow": 1.0,
            "factor": float(YARN_FACTOR),
            "original_max_position_embeddings": ORIGINAL_LENGTH,
            "rope_type": "yarn",
            "truncate": False,
        },
        "rope_theta": 150000,
        "router_aux_loss_coef": 0.01,
        "sliding_window": WINDOW,
        "swiglu_limit": 7.0,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "use_cache": True,
        "vocab_size": VOCABULARY,
    }


def generation_config(token_id):
    return {
        "bos_token_id": token_id("<|startoftext|>"),
        "do_sample": True,
        "eos_token_id": [
            token_id("<|return|>"), token_id("<|endoftext|>"), token_id("<|call|>")],
        "pad_token_id": token_id("<|endoftext|>"),
    }

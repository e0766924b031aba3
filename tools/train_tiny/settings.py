"""The demo model's configuration: every trait of gpt-oss, small."""

from vocabulary import BPE_ENTRIES, SPECIAL_TOKENS

TOKEN_ID = {name: BPE_ENTRIES + i for i, name in enumerate(SPECIAL_TOKENS)}
END_OF_TEXT = TOKEN_ID["<|endoftext|>"]

LAYERS = 4

# Spelled as the published gpt-oss checkpoints spell it.
CONFIG = {
    "architectures": ["GptOssForCausalLM"],
    "attention_bias": True,
    "attention_dropout": 0.0,
    "eos_token_id": TOKEN_ID["<|return|>"],
    "experts_per_token": 2,
    "head_dim": 32,
    "hidden_act": "silu",
    "hidden_size": 128,
    "initial_context_length": 256,
    "initializer_range": 0.02,
    "intermediate_size": 128,
    "layer_types": [
        "full_attention" if layer % 2 else "sliding_attention" for layer in range(LAYERS)],
    "max_position_embeddings": 1024,
    "model_type": "gpt_oss",
    "num_attention_heads": 6,
    "num_experts_per_tok": 2,
    "num_hidden_layers": LAYERS,
    "num_key_value_heads": 2,
    "num_local_experts": 8,
    "output_router_logits": False,
    "pad_token_id": END_OF_TEXT,
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
        "factor": 4.0,
        "original_max_position_embeddings": 256,
        "rope_type": "yarn",
        "truncate": False,
    },
    "rope_theta": 150000,
    "router_aux_loss_coef": 0.01,
    "sliding_window": 64,
    "swiglu_limit": 7.0,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    # A few rows more than the tokenizer has entries, as in the published models.
    "vocab_size": 1024,
}

GENERATION_CONFIG = {
    "bos_token_id": TOKEN_ID["<|startoftext|>"],
    "do_sample": True,
    "eos_token_id": [TOKEN_ID["<|return|>"], END_OF_TEXT, TOKEN_ID["<|call|>"]],
    "pad_token_id": END_OF_TEXT,
}

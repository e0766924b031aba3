"""Random weights that make every bias, sink and norm weight matter."""

import zlib

import numpy as np
import torch


def sizes(case):
    c = case.config
    q = c["num_attention_heads"] * case.head_dim
    kv = c["num_key_value_heads"] * case.head_dim
    return c["hidden_size"], c["intermediate_size"], c["num_local_experts"], q, kv


def random_checkpoint(case):
    """Every tensor of the checkpoint by its Hugging Face name, in the stored dtype and layout."""
    rng = np.random.default_rng(zlib.crc32(case.name.encode()))
    stored = torch.float32 if case.float32 else torch.bfloat16
    hidden, intermediate, experts, q, kv = sizes(case)
    heads = case.config["num_attention_heads"]
    tensors = {}

    def put(name, values):
        tensors[name] = torch.from_numpy(values.astype(np.float32)).to(stored)

    def normal(name, shape, std):
        parts = name.removesuffix(".weight").split(".")
        put(name, rng.standard_normal(shape) * std * case.gains.get(parts[-1], 1.0))

    def norm_weight(name):
        put(name, rng.uniform(0.4, 1.6, hidden))

    def linear(name, out, inp):
        normal(name + ".weight", (out, inp), 1.3 / inp**0.5)
        normal(name + ".bias", (out,), 0.6)

    def mxfp4(name, out, inp):
        # A code has a root mean square of 2.9, so scales of 2^-6 .. 2^-3 give weights near 0.2.
        blocks = rng.integers(0, 256, (experts, out, inp // 32, 16), dtype=np.uint8)
        scales = rng.integers(121, 125, (experts, out, inp // 32), dtype=np.uint8)
        tensors[name + "_blocks"] = torch.from_numpy(blocks)
        tensors[name + "_scales"] = torch.from_numpy(scales)

    def expert_matrix(name, out, inp):
        if case.mxfp4:
            mxfp4(name, out, inp)
        else:
            normal(name, (experts, inp, out), 1.5 / inp**0.5)
        normal(name + "_bias", (experts, out), 0.6)

    normal("model.embed_tokens.weight", (case.config["vocab_size"], hidden), 1.0)
    for layer in range(case.config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        norm_weight(prefix + "input_layernorm.weight")
        linear(prefix + "self_attn.q_proj", q, hidden)
        linear(prefix + "self_attn.k_proj", kv, hidden)
        linear(prefix + "self_attn.v_proj", kv, hidden)
        linear(prefix + "self_attn.o_proj", hidden, q)
        normal(prefix + "self_attn.sinks", (heads,), 1.5)
        norm_weight(prefix + "post_attention_layernorm.weight")
        normal(prefix + "mlp.router.weight", (experts, hidden), 1.5 / hidden**0.5)
        normal(prefix + "mlp.router.bias", (experts,), 0.8)
        expert_matrix(prefix + "mlp.experts.gate_up_proj", 2 * intermediate, hidden)
        expert_matrix(prefix + "mlp.experts.down_proj", hidden, intermediate)
    norm_weight("model.norm.weight")
    if not case.tied:
        normal("lm_head.weight", (case.config["vocab_size"], hidden), 3.0 / hidden**0.5)
    return tensors

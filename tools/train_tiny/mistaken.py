"""gpt-oss once more, in plain float32 PyTorch, read from a published folder, with one mistake at
a time. `sharpness.py` asks which of them the suites notice.

Rows are filled up behind their end; as nothing looks ahead, what stands there changes nothing.
"""

import json
import math

import torch
from safetensors.torch import load_file
from torch.nn import functional as F

import mxfp4

BIASES = ["self_attn.q_proj.bias", "self_attn.k_proj.bias", "self_attn.v_proj.bias",
          "self_attn.o_proj.bias", "mlp.router.bias", "mlp.experts.gate_up_proj_bias",
          "mlp.experts.down_proj_bias"]
NORMS = ["input_layernorm.weight", "post_attention_layernorm.weight", "model.norm.weight"]
# What tools/goldens/check_mistakes.py has as well is named alike.
MISTAKES = [
    "nibble order", "scale bias 126", "scale bias 128", "transposed down_proj",
    "window + 1", "window - 1", "window + 10", "window - 10", "no window",
    "layer types: full first", "layer types: all sliding",
    "sinks absent", "sinks zero", "sinks scaled", "sink share spread over the keys",
    "attention factor 1", "attention factor once in the score",
    "truncate always true", "theta 10000 always", "YaRN off", "YaRN interpolates everything",
    "rotate style interleaved", "rotation backwards", "rotation of k absent",
    "k one position late",
    "score scale from hidden/heads", "kv head h mod kv", "kv head 0 always",
    "gate/up halves", "gate/up swapped", "gate clamp absent",
    "up clamp absent", "up clamped above only", "swiglu_limit 6", "up without + 1", "alpha 1",
    "softmax over all experts", "weights not normalised", "top-k + 1", "top-k - 1",
    "down bias outside the weights",
    *[f"bias absent: {name}" for name in BIASES],
    *[f"norm weight absent: {name}" for name in NORMS], "norm weight 1 + w",
    "eps 0", "eps 1e-6 always", "eps outside the root",
    "final norm absent", "residual from the norm", "head from the embedding",
]
# No mistakes, but for comparison: the first must change nothing, the others little.
CONTROL = "all positions + 1"
REFERENCES = ["experts rounded to int8 too", "KV cache in bfloat16"]
INT8_BLOCK = 32


def read(folder):
    """config.json and the tensors of a published folder, as they are stored."""
    config = json.loads((folder / "config.json").read_text())
    return config, load_file(folder / "model.safetensors")


def round_to_int8(weight):
    """weight: [..., in]. To 255 values between the largest of each block and its negative."""
    blocks = weight.unflatten(-1, (-1, INT8_BLOCK))
    scale = blocks.abs().amax(-1, keepdim=True).clamp_min(1e-30) / 127
    return ((blocks / scale).round() * scale).flatten(-2)


class Model:
    def __init__(self, config, stored, mistake=""):
        self._c, self._mistake = config, mistake
        self._heads, self._dim = config["num_attention_heads"], config["head_dim"]
        self._w = {}
        for name, tensor in stored.items():
            if name.endswith("_blocks"):
                name = name.removesuffix("_blocks")
                tensor = self._decode(tensor, stored[name + "_scales"])
            if not name.endswith("_scales"):
                self._w[name] = self._spoil(name, tensor.float())

    def _oops(self, mistake):
        return self._mistake == mistake

    def _one_of(self, values, right):
        """The value of the mistake, if it is one of these."""
        return values.get(self._mistake, right)

    def _decode(self, blocks, scales):
        """[experts, out, in]"""
        if self._oops("nibble order"):
            blocks = (blocks >> 4) | (blocks << 4)
        bias = self._one_of({"scale bias 126": 126, "scale bias 128": 128}, 127)
        weight = mxfp4.decode(blocks, scales + (mxfp4.SCALE_BIAS - bias))
        return round_to_int8(weight) if self._oops("experts rounded to int8 too") else weight

    def _spoil(self, name, tensor):
        if any(self._oops(f"bias absent: {b}") and name.endswith(b) for b in BIASES):
            return tensor * 0
        if any(self._oops(f"norm weight absent: {n}") and name.endswith(n) for n in NORMS):
            return tensor * 0 + 1
        if self._oops("norm weight 1 + w") and "norm" in name:
            return tensor + 1
        if self._oops("transposed down_proj") and name.endswith("down_proj"):
            return tensor.transpose(-1, -2)
        return tensor

    def _linear(self, name, x):
        return torch.addmm(self._w[name + ".bias"], x, self._w[name + ".weight"].T)

    def _norm(self, name, x):
        eps = self._one_of({"eps 0": 0.0, "eps 1e-6 always": 1e-6}, self._c["rms_norm_eps"])
        square = x.square().mean(-1, keepdim=True)
        if self._oops("eps outside the root"):
            return self._w[name] * x / (square.sqrt() + eps)
        return self._w[name] * x * (square + eps).rsqrt()

    def _inverse_frequencies(self):
        yarn, dim = self._c["rope_scaling"], self._dim
        theta = self._one_of({"theta 10000 always": 1e4}, self._c["rope_theta"])
        original, factor = yarn["original_max_position_embeddings"], yarn["factor"]
        low, high = (dim * math.log(original / (2 * math.pi * rotations)) / (2 * math.log(theta))
                     for rotations in (yarn["beta_fast"], yarn["beta_slow"]))
        if yarn["truncate"] or self._oops("truncate always true"):
            low, high = math.floor(low), math.ceil(high)
        low, high = max(low, 0), min(high, dim - 1)
        i = torch.arange(dim // 2)
        interpolated = ((i - low) / (high - low)).clamp(0, 1)
        if self._oops("YaRN off"):
            interpolated = torch.zeros(dim // 2)
        if self._oops("YaRN interpolates everything"):
            interpolated = torch.ones(dim // 2)
        return (interpolated / factor + 1 - interpolated) * theta ** (-2 * i / dim)

    def _rotary(self, length, first):
        """cos and sin for positions from `first` on, [length, 1, dim / 2]."""
        concentration = 0.1 * math.log(self._c["rope_scaling"]["factor"]) + 1
        concentration = self._one_of({
            "attention factor 1": 1.0,
            "attention factor once in the score": math.sqrt(concentration)}, concentration)
        positions = torch.arange(first, first + length)
        angles = positions[:, None, None] * self._inverse_frequencies()
        if self._oops("rotation backwards"):
            angles = -angles
        return angles.cos() * concentration, angles.sin() * concentration

    def _rotate(self, x, first=0):
        """x: [rows, length, heads, dim]"""
        cos, sin = self._rotary(x.shape[1], first + self._oops(CONTROL))
        if self._oops("rotate style interleaved"):
            even, odd = x[..., 0::2], x[..., 1::2]
            return torch.stack((even * cos - odd * sin, odd * cos + even * sin), -1).flatten(-2)
        half, other = x.chunk(2, -1)
        return torch.cat((half * cos - other * sin, other * cos + half * sin), -1)

    def _slides(self, layer):
        if self._oops("layer types: full first"):
            return layer % 2 == 1
        return (self._oops("layer types: all sliding")
                or self._c["layer_types"][layer] == "sliding_attention")

    def _hidden(self, length, layer):
        """Which keys are hidden from which queries, [queries, keys]."""
        back = torch.arange(length)[:, None] - torch.arange(length)
        if not self._slides(layer) or self._oops("no window"):
            return back < 0
        window = self._c["sliding_window"] + self._one_of(
            {"window + 1": 1, "window - 1": -1, "window + 10": 10, "window - 10": -10}, 0)
        return (back < 0) | (back >= window)

    def _kv_head_of(self, heads, kv_heads):
        if self._oops("kv head h mod kv"):
            return heads % kv_heads
        return heads * 0 if self._oops("kv head 0 always") else heads // (self._heads // kv_heads)

    def _sinks(self, prefix):
        sinks = self._w[prefix + "sinks"]
        # Shares that are made to sum up to 1 again are those without a sink.
        if self._mistake in ("sinks absent", "sink share spread over the keys"):
            return torch.full_like(sinks, -math.inf)
        return sinks * self._one_of({"sinks zero": 0.0, "sinks scaled": self._dim**-0.5}, 1.0)

    def _attention(self, layer, x, rows):
        """x: [rows * length, hidden]. Returns the input of o_proj."""
        prefix = f"model.layers.{layer}.self_attn."
        q, k, v = (self._linear(prefix + name, x).view(rows, len(x) // rows, -1, self._dim)
                   for name in ("q_proj", "k_proj", "v_proj"))
        q = self._rotate(q)
        if not self._oops("rotation of k absent"):
            k = self._rotate(k, first=int(self._oops("k one position late")))
        if self._oops("KV cache in bfloat16"):
            k, v = k.bfloat16().float(), v.bfloat16().float()
        kv_head = self._kv_head_of(torch.arange(self._heads), k.shape[2])
        # [rows, heads, length, dim]
        q, k, v = (y.transpose(1, 2) for y in (q, k[:, :, kv_head], v[:, :, kv_head]))
        width = self._dim
        if self._oops("score scale from hidden/heads"):
            width = self._c["hidden_size"] / self._heads
        # The sink is one more key and value of zeros, with a score that comes from the mask alone.
        k, v = F.pad(k, (0, 0, 0, 1)), F.pad(v, (0, 0, 0, 1))
        length = q.shape[2]
        mask = torch.zeros(self._heads, length, length + 1)
        mask[..., :-1].masked_fill_(self._hidden(length, layer), -math.inf)
        mask[..., -1] = self._sinks(prefix).unsqueeze(-1)
        out = F.scaled_dot_product_attention(q, k, v, mask.unsqueeze(0), scale=width**-0.5)
        return out.transpose(1, 2).reshape(len(x), -1)

    def _route(self, prefix, x):
        """The chosen experts and their weights: both [tokens, top_k]."""
        logits = self._linear(prefix + "router", x)
        more = self._one_of({"top-k + 1": 1, "top-k - 1": -1}, 0)
        best, chosen = logits.topk(self._c["num_experts_per_tok"] + more, -1)
        if self._oops("softmax over all experts"):
            return chosen, logits.softmax(-1).gather(-1, chosen)
        if self._oops("weights not normalised"):
            return chosen, (best - best[:, :1]).exp()
        return chosen, best.softmax(-1)

    def _activate(self, gate_up):
        gate, up = gate_up[:, 0::2], gate_up[:, 1::2]
        if self._oops("gate/up halves"):
            gate, up = gate_up.chunk(2, -1)
        if self._oops("gate/up swapped"):
            gate, up = up, gate
        limit = self._one_of({"swiglu_limit 6": 6.0}, self._c["swiglu_limit"])
        alpha = self._one_of({"alpha 1": 1.0}, 1.702)
        if not self._oops("gate clamp absent"):
            gate = gate.clamp(max=limit)
        if not self._oops("up clamp absent"):
            up = up.clamp(None if self._oops("up clamped above only") else -limit, limit)
        plus = 0 if self._oops("up without + 1") else 1
        return (up + plus) * gate * torch.sigmoid(alpha * gate)

    def _experts(self, layer, x):
        prefix = f"model.layers.{layer}.mlp."
        gate_up, gate_up_bias, down, down_bias = (
            self._w[f"{prefix}experts.{name}"]
            for name in ("gate_up_proj", "gate_up_proj_bias", "down_proj", "down_proj_bias"))
        chosen, weights = self._route(prefix, x)
        out = torch.zeros_like(x)
        for expert in range(len(gate_up)):
            token, slot = (chosen == expert).nonzero(as_tuple=True)
            weight = weights[token, slot, None]
            activated = self._activate(x[token] @ gate_up[expert].T + gate_up_bias[expert])
            outside = self._oops("down bias outside the weights")
            out.index_add_(0, token, weight * (activated @ down[expert].T)
                           + down_bias[expert] * (1 if outside else weight))
        return out

    @torch.no_grad()
    def logits(self, ids, asked):
        """ids: [rows, length]. Of the places where `asked`, of that shape, is true:
        [places, vocab]."""
        embedding = self._w["model.embed_tokens.weight"]
        x = embedding[ids.flatten()]
        for layer in range(self._c["num_hidden_layers"]):
            prefix = f"model.layers.{layer}."
            normed = self._norm(prefix + "input_layernorm.weight", x)
            residual = normed if self._oops("residual from the norm") else x
            context = self._attention(layer, normed, len(ids))
            x = residual + self._linear(prefix + "self_attn.o_proj", context)
            x = x + self._experts(layer, self._norm(prefix + "post_attention_layernorm.weight", x))
        x = x[asked.flatten()]
        if not self._oops("final norm absent"):
            x = self._norm("model.norm.weight", x)
        head = embedding if self._oops("head from the embedding") else self._w["lm_head.weight"]
        return x @ head.T

"""gpt-oss for training on a CPU: the mathematics and parameter names of transformers'
GptOssForCausalLM, with experts run on the tokens routed to them only. `check.py` compares the two.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

import mxfp4

SWIGLU_ALPHA = 1.702


def yarn_rotary(config, length):
    """cos and sin, [length, head_dim / 2], as transformers' `_compute_yarn_parameters` has them."""
    scaling, dim, theta = config["rope_scaling"], config["head_dim"], config["rope_theta"]
    original, factor = scaling["original_max_position_embeddings"], scaling["factor"]

    def correction(rotations):
        return dim * math.log(original / (rotations * 2 * math.pi)) / (2 * math.log(theta))

    low, high = correction(scaling["beta_fast"]), correction(scaling["beta_slow"])
    if scaling["truncate"]:
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, dim - 1)
    steps = torch.arange(dim // 2, dtype=torch.float32)
    ramp = ((steps - low) / (high - low)).clamp(0, 1)
    frequency = theta ** (-2 * steps / dim)
    inverse = ramp * frequency / factor + (1 - ramp) * frequency
    angles = torch.arange(length, dtype=torch.float32)[:, None] * inverse
    concentration = 0.1 * math.log(factor) + 1
    return angles.cos() * concentration, angles.sin() * concentration


def rotate(x, cos, sin):
    """Half-split rotation of x [..., length, head_dim]."""
    first, second = x.chunk(2, -1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), -1)


class RmsNorm(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(config["hidden_size"]))
        self.eps = config["rms_norm_eps"]

    def forward(self, x):
        return F.rms_norm(x, self.weight.shape, self.weight, self.eps)


class Attention(nn.Module):
    def __init__(self, config, layer):
        super().__init__()
        hidden, dim = config["hidden_size"], config["head_dim"]
        self.heads, self.kv_heads, self.dim = (
            config["num_attention_heads"], config["num_key_value_heads"], dim)
        self.window = (
            config["sliding_window"]
            if config["layer_types"][layer] == "sliding_attention" else None)
        self.q_proj = nn.Linear(hidden, self.heads * dim)
        self.k_proj = nn.Linear(hidden, self.kv_heads * dim)
        self.v_proj = nn.Linear(hidden, self.kv_heads * dim)
        self.o_proj = nn.Linear(self.heads * dim, hidden)
        self.sinks = nn.Parameter(torch.zeros(self.heads))

    def forward(self, x, cos, sin):
        """x: [batch, length, hidden]."""
        batch, length, _ = x.shape

        def split(y, heads):
            return y.view(batch, length, heads, self.dim).transpose(1, 2)

        def for_queries(y):
            # Query head h reads kv head h // (heads / kv_heads).
            return y.repeat_interleave(self.heads // self.kv_heads, 1)

        q = rotate(split(self.q_proj(x), self.heads), cos, sin) * self.dim**-0.5
        k = for_queries(rotate(split(self.k_proj(x), self.kv_heads), cos, sin))
        v = for_queries(split(self.v_proj(x), self.kv_heads))
        # PyTorch's fused attention knows no sinks. One more dimension, 1 in every query, and one
        # more key that holds the sink in it and has the value 0, give the same.
        sinks = F.pad(self.sinks.view(1, -1, 1, 1).expand(batch, -1, 1, 1), (self.dim, 0))
        context = F.scaled_dot_product_attention(
            F.pad(q, (0, 1), value=1.0), torch.cat((F.pad(k, (0, 1)), sinks), 2),
            F.pad(v, (0, 1, 0, 1)), attn_mask=self._visible(length), scale=1.0)[..., :self.dim]
        return self.o_proj(context.transpose(1, 2).reshape(batch, length, -1))

    def _visible(self, length):
        """Which keys a query sees, [length, length + 1]; the last one is the sink."""
        distance = torch.arange(length)[:, None] - torch.arange(length)
        visible = distance >= 0
        if self.window is not None:
            visible = visible & (distance < self.window)
        return F.pad(visible, (0, 1), value=True)


class Experts(nn.Module):
    def __init__(self, config):
        super().__init__()
        count, hidden, inner = (
            config["num_local_experts"], config["hidden_size"], config["intermediate_size"])
        self.limit = config["swiglu_limit"]
        self.gate_up_proj = nn.Parameter(torch.empty(count, hidden, 2 * inner))
        self.gate_up_proj_bias = nn.Parameter(torch.zeros(count, 2 * inner))
        self.down_proj = nn.Parameter(torch.empty(count, inner, hidden))
        self.down_proj_bias = nn.Parameter(torch.zeros(count, hidden))
        self.quantized = False

    def _weight(self, parameter):
        """The weight the forward pass sees: rounded to MXFP4 once `quantized`, with the gradient
        passed straight through."""
        if not self.quantized:
            return parameter
        with torch.no_grad():
            rounded = mxfp4.fake_quantize(parameter.transpose(1, 2)).transpose(1, 2)
        return parameter + (rounded - parameter).detach()

    def forward(self, x, chosen, weights):
        """x: [tokens, hidden]; chosen and weights: [tokens, top_k]."""
        top_k = chosen.shape[-1]
        order = chosen.flatten().argsort(stable=True)
        counts = chosen.flatten().bincount(minlength=len(self.gate_up_proj)).tolist()
        rows = order // top_k
        gate_up_proj, down_proj = self._weight(self.gate_up_proj), self._weight(self.down_proj)
        outputs = []
        for expert, part in enumerate(x[rows].split(counts)):
            gate_up = torch.addmm(self.gate_up_proj_bias[expert], part, gate_up_proj[expert])
            gate = gate_up[:, 0::2].clamp(max=self.limit)
            up = gate_up[:, 1::2].clamp(-self.limit, self.limit)
            inner = (up + 1) * gate * torch.sigmoid(SWIGLU_ALPHA * gate)
            outputs.append(torch.addmm(self.down_proj_bias[expert], inner, down_proj[expert]))
        weighted = torch.cat(outputs) * weights.flatten()[order, None]
        return torch.zeros_like(x).index_add(0, rows, weighted)


class SparseMlp(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.top_k = config["num_experts_per_tok"]
        self.router = nn.Linear(config["hidden_size"], config["num_local_experts"])
        self.experts = Experts(config)

    def forward(self, x):
        """x: [batch, length, hidden]. Returns the output and the load balance loss (1 is even)."""
        flat = x.flatten(0, 1)
        logits = self.router(flat)
        top, chosen = logits.topk(self.top_k, -1)
        out = self.experts(flat, chosen, top.softmax(-1))
        count = logits.shape[-1]
        load = chosen.flatten().bincount(minlength=count) / chosen.numel()
        balance = count * (load * logits.softmax(-1).mean(0)).sum()
        return out.view_as(x), balance


class DecoderLayer(nn.Module):
    def __init__(self, config, layer):
        super().__init__()
        self.input_layernorm = RmsNorm(config)
        self.self_attn = Attention(config, layer)
        self.post_attention_layernorm = RmsNorm(config)
        self.mlp = SparseMlp(config)

    def forward(self, x, cos, sin):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        out, balance = self.mlp(self.post_attention_layernorm(x))
        return x + out, balance


class Decoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embed_tokens = nn.Embedding(config["vocab_size"], config["hidden_size"])
        self.layers = nn.ModuleList(
            DecoderLayer(config, layer) for layer in range(config["num_hidden_layers"]))
        self.norm = RmsNorm(config)


class GptOss(nn.Module):
    """`state_dict()` has the names and shapes of transformers' GptOssForCausalLM."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.model = Decoder(config)
        self.lm_head = nn.Linear(config["hidden_size"], config["vocab_size"], bias=False)
        self._initialize()

    @torch.no_grad()
    def _initialize(self):
        residual = (2 * self.config["num_hidden_layers"]) ** -0.5
        for name, parameter in self.named_parameters():
            if name.endswith("norm.weight"):
                continue
            if name.endswith("bias") or name.endswith("sinks"):
                parameter.zero_()
            elif "embed_tokens" in name:
                parameter.normal_(0, 0.5)
            elif "lm_head" in name or "router" in name:
                parameter.normal_(0, 0.02)
            else:
                # Experts are stored [in, out], linear layers [out, in].
                fan_in = parameter.shape[1]
                scale = residual if "o_proj" in name or "down_proj" in name else 1.0
                parameter.normal_(0, scale * fan_in**-0.5)

    def quantize_experts(self):
        for layer in self.model.layers:
            layer.mlp.experts.quantized = True

    def forward(self, ids):
        """ids: [batch, length]. Returns logits [batch, length, vocab] and the mean balance loss."""
        x = self.model.embed_tokens(ids)
        cos, sin = yarn_rotary(self.config, ids.shape[1])
        balances = []
        for layer in self.model.layers:
            x, balance = layer(x, cos, sin)
            balances.append(balance)
        return self.lm_head(self.model.norm(x)), torch.stack(balances).mean()

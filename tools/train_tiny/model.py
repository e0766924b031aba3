"""gpt-oss for training on a CPU: the mathematics and parameter names of transformers'
GptOssForCausalLM, with experts run on the tokens routed to them only. `check.py` compares the two.

What takes the time of so small a model is memory traffic and calls, not arithmetic. So layers are
compiled, and what cannot be compiled well, attention and the grouping of experts, is written out.
A row's length is a multiple of the window, or less than it.
One thing differs from transformers: gate and up are the two halves of gate_up_proj here, because
interleaved they are slow to take apart; `interleave` gives the published order.
"""

import functools
import math

import torch
from torch import nn
from torch.nn import functional as F

import mxfp4
from attention import Layout, attend

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
    """Half-split rotation of x [..., head_dim]."""
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

    def forward(self, x, cos, sin, layout):
        """x: [rows * length, hidden]; cos, sin: [rows * length, 1, dim / 2]."""
        def split(y, heads):
            return y.view(-1, heads, self.dim)

        q = rotate(split(self.q_proj(x), self.heads), cos, sin) * self.dim**-0.5
        k = rotate(split(self.k_proj(x), self.kv_heads), cos, sin)
        v = split(self.v_proj(x), self.kv_heads)
        context = attend(q, k, v, self.sinks, layout, self.window)
        return self.o_proj(context.flatten(1))


# An expert's rows are filled up to a multiple of this. Otherwise nearly every product has a shape
# that was not there before, and the library prepares a kernel for it.
ROWS = 128


@torch.compiler.disable
def arrange(chosen, experts):
    """Brings the rows of each expert together. chosen: [tokens, top_k].

    Returns where each of the tokens * top_k rows goes, which token stands at each place (the places
    between the experts hold any), and how many places each expert has.
    """
    flat = chosen.flatten()
    counts = flat.bincount(minlength=experts)
    places = (counts + ROWS - 1) // ROWS * ROWS
    total = len(flat) + ROWS * experts
    order = flat.argsort(stable=True)
    shift = (places.cumsum(0) - places) - (counts.cumsum(0) - counts)
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order)) + shift[flat[order]]
    places[-1] += total - places.sum()
    token = torch.zeros(total, dtype=torch.long)
    token[place] = torch.arange(len(flat)) // chosen.shape[1]
    return place, token, places


class GroupedLinear(torch.autograd.Function):
    """x[i] @ weight[e] + bias[e], where counts[e] consecutive rows belong to expert e."""

    @staticmethod
    def forward(ctx, x, weight, bias, counts):
        """x: [rows, in]; weight: [experts, in, out]; bias: [experts, out]; counts: a list."""
        ctx.save_for_backward(x, weight)
        ctx.counts = counts
        out = x.new_empty(len(x), weight.shape[2])
        for expert, (rows, into) in enumerate(zip(x.split(counts), out.split(counts))):
            torch.addmm(bias[expert], rows, weight[expert], out=into)
        return out

    @staticmethod
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        grad = grad.contiguous()
        grad_x, grad_weight = torch.empty_like(x), torch.empty_like(weight)
        grad_bias = grad.new_empty(len(weight), weight.shape[2])
        parts = zip(x.split(ctx.counts), grad.split(ctx.counts), grad_x.split(ctx.counts))
        for expert, (rows, above, into) in enumerate(parts):
            torch.mm(above, weight[expert].T, out=into)
            torch.mm(rows.T, above, out=grad_weight[expert])
            torch.sum(above, 0, out=grad_bias[expert])
        return grad_x, grad_weight, grad_bias, None


@torch.compiler.disable
def grouped_linear(x, weight, bias, counts):
    return GroupedLinear.apply(x, weight, bias, counts.tolist())


def swiglu(gate_up, limit):
    """gpt-oss's clamped gate. gate_up: [rows, gates and then ups]."""
    gate, up = gate_up.chunk(2, -1)
    gate, up = gate.clamp(max=limit), up.clamp(-limit, limit)
    return (up + 1) * gate * torch.sigmoid(SWIGLU_ALPHA * gate)


def interleave(halves):
    """From [..., gates and then ups] to transformers' order: gate, up, gate, up."""
    return halves.unflatten(-1, (2, -1)).transpose(-1, -2).flatten(-2)


def take_apart(interleaved):
    """The inverse of `interleave`."""
    return interleaved.unflatten(-1, (-1, 2)).transpose(-1, -2).flatten(-2)


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

    @torch.compiler.disable
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
        place, token, counts = arrange(chosen, len(self.gate_up_proj))
        gate_up = grouped_linear(
            x[token], self._weight(self.gate_up_proj), self.gate_up_proj_bias, counts)
        out = grouped_linear(
            swiglu(gate_up, self.limit), self._weight(self.down_proj), self.down_proj_bias, counts)
        return (out[place].view(*chosen.shape, -1) * weights.unsqueeze(-1)).sum(1)


class SparseMlp(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.top_k = config["num_experts_per_tok"]
        self.router = nn.Linear(config["hidden_size"], config["num_local_experts"])
        self.experts = Experts(config)

    def forward(self, x):
        """x: [tokens, hidden]. Returns the output and the load balance loss (1 is even)."""
        logits = self.router(x)
        top, chosen = logits.topk(self.top_k, -1)
        out = self.experts(x, chosen, top.softmax(-1))
        count = logits.shape[-1]
        load = F.one_hot(chosen, count).float().mean((0, 1))
        return out, count * (load * logits.softmax(-1).mean(0)).sum()


class DecoderLayer(nn.Module):
    def __init__(self, config, layer):
        super().__init__()
        self.input_layernorm = RmsNorm(config)
        self.self_attn = Attention(config, layer)
        self.post_attention_layernorm = RmsNorm(config)
        self.mlp = SparseMlp(config)

    def forward(self, x, cos, sin, layout):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, layout)
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

    def compile_layers(self):
        for layer in self.model.layers:
            layer.compile(dynamic=False)

    @torch.compiler.set_stance("force_eager")
    def uncompiled(self, ids):
        """`forward` for batches of many sizes, for which no layer should be compiled."""
        return self(ids)

    def quantize_experts(self):
        for layer in self.model.layers:
            layer.mlp.experts.quantized = True

    @functools.cache
    def _rotary(self, rows, length):
        """cos and sin for every token of a batch, [rows * length, 1, dim / 2]."""
        return [part.repeat(rows, 1).unsqueeze(1) for part in yarn_rotary(self.config, length)]

    def hidden(self, ids):
        """ids: [rows, length]. Returns what the head reads, [rows * length, hidden], and the mean
        balance loss."""
        rows, length = ids.shape
        x = self.model.embed_tokens(ids.flatten())
        cos, sin = self._rotary(rows, length)
        balances = []
        for layer in self.model.layers:
            x, balance = layer(x, cos, sin, Layout(length))
            balances.append(balance)
        return self.model.norm(x), torch.stack(balances).mean()

    def forward(self, ids):
        """ids: [rows, length], of any length. Returns logits [rows, length, vocab]."""
        length = ids.shape[1]
        ids = F.pad(ids, (0, -length % self.config["sliding_window"]))
        return self.lm_head(self.hidden(ids)[0]).view(*ids.shape, -1)[:, :length]

"""Shows that the goldens catch mistakes: gpt-oss once more in numpy, with one mistake at a time.

The formulas below share no code with transformers. Without a mistake they must reproduce every
golden; with one, some case's logits must move by more than ten tolerances.
"""

import json
import math
from pathlib import Path

import numpy as np
from safetensors.torch import load_file

GOLDENS = Path(__file__).resolve().parents[2] / "tests" / "data" / "goldens"
TOLERANCE = 1e-4  # of the largest logit
CAUGHT = 10 * TOLERANCE
CODES = np.array([0, .5, 1, 1.5, 2, 3, 4, 6, 0, -.5, -1, -1.5, -2, -3, -4, -6])
CLASS_ROPE = {"factor": 32.0, "original_max_position_embeddings": 4096, "truncate": False}

BIASES = ["self_attn.q_proj.bias", "self_attn.k_proj.bias", "self_attn.v_proj.bias",
          "self_attn.o_proj.bias", "mlp.router.bias", "mlp.experts.gate_up_proj_bias",
          "mlp.experts.down_proj_bias"]
NORMS = ["input_layernorm.weight", "post_attention_layernorm.weight", "model.norm.weight"]
MATRICES = ["q_proj.weight", "o_proj.weight", "gate_up_proj", "down_proj"]
MISTAKES = [
    "nibble order", "scale bias 126", "scale bias 128", "weights rounded to bfloat16",
    *[f"transposed {name}" for name in MATRICES],
    "window + 1", "window - 1", "window + 10", "window - 10", "no window",
    "layer types: full first", "layer types: always alternating", "layer types: all sliding",
    "sinks absent", "sinks zero", "sinks scaled", "sink share spread over the keys",
    "attention factor 1", "attention factor once in the score",
    "attention factor of the config ignored",
    "truncate always true", "truncate always false", "truncate false when absent",
    "theta 150000 always", "theta 10000 always", "YaRN off", "YaRN interpolates everything",
    "YaRN beta 32/1 always", "original positions: initial_context_length",
    "rotate style interleaved", "rotation backwards", "rotation of k absent",
    "k one position late",
    "score scale from hidden/heads", "kv head h mod kv", "kv head 0 always",
    "gate/up halves", "gate/up swapped", "gate clamp absent", "gate clamped below",
    "up clamp absent", "up clamped above only", "swiglu_limit 6", "swiglu_limit 7 always",
    "up without + 1", "alpha 1", "swiglu_alpha 1.702 always",
    "softmax over all experts", "weights not normalised", "top-k + 1", "top-k - 1",
    "top-k 4 always", "top-k from experts_per_token", "down bias outside the weights",
    *[f"bias absent: {name}" for name in BIASES],
    "eps 0", "eps 1e-5 always", "eps 1e-6 always", "eps outside the root",
    *[f"norm weight absent: {name}" for name in NORMS], "norm weight 1 + w",
    "final norm absent", "residual from the norm", "head from the embedding",
]


class Model:
    """One checkpoint in float64, read with or without a mistake."""

    def __init__(self, folder, mistake=""):
        self.c = json.loads((folder / "config.json").read_text())
        self.mistake = mistake
        self.values = {}  # every intermediate of the last run, by its golden name
        stored = {}
        for file in sorted(folder.glob("model*.safetensors")):
            stored |= load_file(file)
        if mistake == "weights rounded to bfloat16":
            stored = {n: t.bfloat16() if t.is_floating_point() else t for n, t in stored.items()}
        self.w = {n: t.double().numpy() if t.is_floating_point() else t.numpy()
                  for n, t in stored.items()}
        for name in [n.removesuffix("_blocks") for n in self.w if n.endswith("_blocks")]:
            self.w[name] = self.decode(self.w.pop(name + "_blocks"), self.w.pop(name + "_scales"))
        for name, tensor in self.w.items():
            self.w[name] = self.spoil(name, tensor)
        self.d = self.c.get("head_dim", 64) or self.c["hidden_size"] // self.heads

    def keep(self, name, value):
        name = name.removeprefix("model.").removesuffix(".weight")
        self.values[name] = value.reshape(len(value), -1)
        return value

    def oops(self, mistake):
        return self.mistake == mistake

    @property
    def heads(self):
        return self.c["num_attention_heads"]

    def decode(self, blocks, scales):
        nibbles = [blocks & 15, blocks >> 4]
        if self.oops("nibble order"):
            nibbles.reverse()
        bias = {"scale bias 126": 126, "scale bias 128": 128}.get(self.mistake, 127)
        values = CODES[np.stack(nibbles, -1).reshape(*scales.shape, 32)]
        values = np.ldexp(values, scales.astype(int)[..., None] - bias)
        return values.reshape(*scales.shape[:2], -1).swapaxes(1, 2)

    def spoil(self, name, tensor):
        if any(self.oops(f"bias absent: {b}") and name.endswith(b) for b in BIASES):
            return tensor * 0
        if any(self.oops(f"norm weight absent: {n}") and name.endswith(n) for n in NORMS):
            return tensor * 0 + 1
        if self.oops("norm weight 1 + w") and "norm" in name:
            return tensor + 1
        square = tensor.shape[-1] == tensor.shape[-2] if tensor.ndim > 1 else False
        if square and any(self.oops(f"transposed {m}") and name.endswith(m) for m in MATRICES):
            return tensor.swapaxes(-1, -2)
        return tensor

    def linear(self, name, x):
        return self.keep(name, x @ self.w[name + ".weight"].T + self.w[name + ".bias"])

    def norm(self, name, x):
        eps = {"eps 0": 0, "eps 1e-5 always": 1e-5, "eps 1e-6 always": 1e-6}.get(
            self.mistake, self.c.get("rms_norm_eps", 1e-5))
        square = (x * x).mean(-1, keepdims=True)
        root = np.sqrt(square) + eps if self.oops("eps outside the root") else np.sqrt(square + eps)
        return self.keep(name, self.w[name] * x / np.maximum(root, 1e-30))

    def rope(self):
        """inv_freq and the attention factor."""
        c, d = self.c, self.d
        given = c.get("rope_parameters") or c.get("rope_scaling") or CLASS_ROPE
        theta = given.get("rope_theta", c.get("rope_theta", 150000.0))
        theta = {"theta 150000 always": 150000.0, "theta 10000 always": 1e4}.get(
            self.mistake, theta)
        factor, original = given["factor"], given["original_max_position_embeddings"]
        if self.oops("original positions: initial_context_length"):
            original = c.get("initial_context_length", original)
        fast, slow = given.get("beta_fast", 32), given.get("beta_slow", 1)
        if self.oops("YaRN beta 32/1 always"):
            fast, slow = 32, 1
        truncate = given.get("truncate", not self.oops("truncate false when absent"))
        truncate = {"truncate always true": True, "truncate always false": False}.get(
            self.mistake, truncate)
        low, high = (d * math.log(original / (2 * math.pi * r)) / (2 * math.log(theta))
                     for r in (fast, slow))
        if truncate:
            low, high = math.floor(low), math.ceil(high)
        low, high = max(low, 0), min(high, d - 1)
        high += 0.001 * (low == high)
        i = np.arange(d // 2)
        ramp = np.clip((i - low) / (high - low), 0, 1)
        if self.oops("YaRN off"):
            ramp = ramp * 0
        if self.oops("YaRN interpolates everything"):
            ramp = ramp * 0 + 1
        inv_freq = (ramp / factor + 1 - ramp) / theta ** (2 * i / d)
        usual = 0.1 * math.log(factor) + 1 if factor > 1 else 1.0
        concentration = given.get("attention_factor", usual)
        if self.oops("attention factor of the config ignored"):
            concentration = usual
        if self.oops("attention factor once in the score"):
            concentration = math.sqrt(concentration)
        if self.oops("attention factor 1"):
            concentration = 1.0
        return inv_freq, concentration

    def rotate(self, x, first=0):
        """x: [tokens, heads, head_dim]; `first`: its first position."""
        inv_freq, concentration = self.rope()
        angle = np.arange(first, first + len(x))[:, None, None] * inv_freq
        cos, sin = np.cos(angle) * concentration, np.sin(angle) * concentration
        if self.oops("rotation backwards"):
            sin = -sin
        if self.oops("rotate style interleaved"):
            even, odd = x[..., 0::2], x[..., 1::2]
            return np.stack([even * cos - odd * sin, odd * cos + even * sin], -1).reshape(x.shape)
        first, second = np.split(x, 2, -1)
        return np.concatenate([first * cos - second * sin, second * cos + first * sin], -1)

    def slides(self, layer):
        alternating = layer % 2 == (1 if self.oops("layer types: full first") else 0)
        if self.oops("layer types: all sliding"):
            return True
        given = self.c.get("layer_types")
        if given and self.mistake not in ("layer types: always alternating",
                                          "layer types: full first"):
            return given[layer] == "sliding_attention"
        return alternating

    def visible(self, tokens, layer):
        i, j = np.arange(tokens)[:, None], np.arange(tokens)[None]
        if not self.slides(layer) or self.oops("no window"):
            return j <= i
        window = self.c.get("sliding_window", 128)
        window += {"window + 1": 1, "window - 1": -1, "window + 10": 10, "window - 10": -10}.get(
            self.mistake, 0)
        return (j <= i) & (j > i - window)

    def kv_head_of(self, heads, kv):
        if self.oops("kv head h mod kv"):
            return heads % kv
        return heads * 0 if self.oops("kv head 0 always") else heads // (self.heads // kv)

    def attention(self, layer, x):
        """The input of o_proj: [tokens, heads * head_dim]."""
        prefix, kv = f"model.layers.{layer}.self_attn.", self.c["num_key_value_heads"]
        q, k, v = (self.linear(prefix + n, x).reshape(len(x), -1, self.d)
                   for n in ("q_proj", "k_proj", "v_proj"))
        q, k = self.rotate(q), k if self.oops("rotation of k absent") else self.rotate(
            k, first=int(self.oops("k one position late")))
        self.keep(prefix + "q_rope", q)
        self.keep(prefix + "k_rope", k)
        kv_head = self.kv_head_of(np.arange(self.heads), kv)
        width = self.d
        if self.oops("score scale from hidden/heads"):
            width = self.c["hidden_size"] / self.heads
        scores = np.einsum("ihd,jhd->hij", q, k[:, kv_head]) / math.sqrt(width)
        scores = np.where(self.visible(len(x), layer), scores, -np.inf)
        sink = self.w[prefix + "sinks"][:, None, None]
        if self.oops("sinks zero"):
            sink = sink * 0
        if self.oops("sinks scaled"):
            sink = sink / math.sqrt(self.d)
        if self.mistake in ("sinks absent", "sink share spread over the keys"):
            sink = sink * 0 - 1e9
        top = np.maximum(scores.max(-1, keepdims=True), sink)
        e = np.exp(scores - top)
        probabilities = e / (e.sum(-1, keepdims=True) + np.exp(sink - top))
        context = np.einsum("hij,jhd->ihd", probabilities, v[:, kv_head])
        return self.keep(prefix + "context", context).reshape(len(x), -1)

    def route(self, prefix, x):
        """The chosen experts, best first, and their weights: both [tokens, k]."""
        logits = self.keep(prefix + "router.logits", self.linear(prefix + "router", x))
        k = self.c.get("num_experts_per_tok", 4)
        if self.oops("top-k from experts_per_token"):
            k = self.c.get("experts_per_token", k)
        k = {"top-k + 1": k + 1, "top-k - 1": k - 1, "top-k 4 always": 4}.get(self.mistake, k)
        chosen = np.argsort(-logits, -1, kind="stable")[:, :k]
        best = np.take_along_axis(logits, chosen, -1)
        e = np.exp(best - logits.max(-1, keepdims=True))
        if self.oops("softmax over all experts"):
            return chosen, e / np.exp(logits - logits.max(-1, keepdims=True)).sum(-1, keepdims=True)
        weights = e if self.oops("weights not normalised") else e / e.sum(-1, keepdims=True)
        self.keep(prefix + "router.indices", chosen)
        return chosen, self.keep(prefix + "router.weights", weights)

    def activate(self, gate_up):
        gate, up = gate_up[0::2], gate_up[1::2]
        if self.oops("gate/up halves"):
            gate, up = np.split(gate_up, 2)
        if self.oops("gate/up swapped"):
            gate, up = up, gate
        limit = {"swiglu_limit 6": 6.0, "swiglu_limit 7 always": 7.0}.get(
            self.mistake, self.c.get("swiglu_limit", 7.0))
        alpha = {"alpha 1": 1.0, "swiglu_alpha 1.702 always": 1.702}.get(
            self.mistake, self.c.get("swiglu_alpha", 1.702))
        if not self.oops("gate clamp absent"):
            gate = np.minimum(gate, limit)
        if self.oops("gate clamped below"):
            gate = np.maximum(gate, -limit)
        if not self.oops("up clamp absent"):
            up = np.clip(up, -np.inf if self.oops("up clamped above only") else -limit, limit)
        plus = 0 if self.oops("up without + 1") else 1
        return (up + plus) * gate / (1 + np.exp(-alpha * gate))

    def experts(self, layer, x):
        prefix = f"model.layers.{layer}.mlp."
        gate_up, gate_up_bias, down, down_bias = (
            self.w[f"{prefix}experts.{n}"]
            for n in ("gate_up_proj", "gate_up_proj_bias", "down_proj", "down_proj_bias"))
        chosen, weights = self.route(prefix, x)
        out = np.zeros_like(x)
        for token, row in enumerate(x):
            for expert, weight in zip(chosen[token], weights[token]):
                a = self.activate(row @ gate_up[expert] + gate_up_bias[expert])
                outside = self.oops("down bias outside the weights")
                out[token] += weight * (a @ down[expert])
                out[token] += down_bias[expert] * (1 if outside else weight)
        return self.keep(prefix + "experts", out)

    def logits(self, ids):
        embedding = self.w["model.embed_tokens.weight"]
        x = self.keep("embed_tokens", embedding[ids])
        for layer in range(self.c["num_hidden_layers"]):
            prefix = f"model.layers.{layer}."
            normed = self.norm(prefix + "input_layernorm.weight", x)
            context = self.attention(layer, normed)
            residual = normed if self.oops("residual from the norm") else x
            x = residual + self.linear(prefix + "self_attn.o_proj", context)
            self.keep(prefix + "attn_residual", x)
            x = x + self.experts(layer, self.norm(prefix + "post_attention_layernorm.weight", x))
            self.keep(prefix + "output", x)
        if not self.oops("final norm absent"):
            x = self.norm("model.norm.weight", x)
        head = embedding if self.oops("head from the embedding") else self.w.get(
            "lm_head.weight", embedding)
        return self.keep("logits", x @ head.T)


def distance(got, want):
    """Largest distance from the golden, in parts of its largest value."""
    want = want.double().numpy()
    moved = np.abs(got - want).max() / np.abs(want).max()
    return math.inf if math.isnan(moved) else moved


def moves(folder, mistake):
    golden = load_file(folder / "golden.safetensors")
    got = Model(folder, mistake).logits(golden["input_ids"].long().numpy())
    return distance(got, golden["logits"])


def error(folder):
    """How far the right formulas are from the case's golden values, at the worst of them."""
    golden = load_file(folder / "golden.safetensors")
    model = Model(folder)
    model.logits(golden.pop("input_ids").long().numpy())
    return max(distance(model.values[name], want) for name, want in golden.items())


def main():
    np.seterr(all="ignore")
    folders = sorted(f.parent for f in GOLDENS.glob("*/golden.json"))
    errors = {folder.name: error(folder) for folder in folders}
    print("| case | worst value of the right formulas off by |\n|---|---|")
    for name, off in errors.items():
        print(f"| {name} | {off:.1e} |")
    print("\n| mistake | cases that catch it | the one that moves most | by |\n|---|---|---|---|")
    missed = [name for name, off in errors.items() if not off < TOLERANCE / 4]
    for mistake in MISTAKES:
        distances = {folder.name: moves(folder, mistake) for folder in folders}
        most = max(distances, key=distances.get)
        catching = sum(moved > CAUGHT for moved in distances.values())
        print(f"| {mistake} | {catching} | {most} | {distances[most]:.1e} |", flush=True)
        if not catching:
            missed.append(mistake)
    if missed:
        raise SystemExit(f"not shown: {', '.join(missed)}")


if __name__ == "__main__":
    main()

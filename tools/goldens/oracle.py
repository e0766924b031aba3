"""Hugging Face's own numbers: float32, eager attention, eager experts, values taken by hooks."""

import torch
from transformers import GptOssConfig, GptOssForCausalLM, Mxfp4Config
from transformers.models.gpt_oss import modeling_gpt_oss

GREEDY_STEPS = 64


def load(folder, case):
    options = {"quantization_config": Mxfp4Config(dequantize=True)} if case.mxfp4 else {}
    if "head_dim" in case.config and case.config["head_dim"] is None:
        # transformers 5 refuses the null that 4.57 took as hidden/heads; say what it means.
        options["config"] = GptOssConfig.from_dict(case.config | {"head_dim": case.head_dim})
    model, report = GptOssForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", experts_implementation="eager",
        output_loading_info=True, **options)
    assert not any(report.values()), f"{case.name}: checkpoint and model disagree: {report}"
    assert all(p.dtype == torch.float32 for p in model.parameters())
    return model.eval()


class Capture:
    """While entered, files the intermediates of one forward pass under Fairlead's names."""

    def __init__(self, model):
        self.model = model
        self.values = {}
        self.undo = []

    def keep(self, name, tensor):
        rows = tensor.detach().reshape(-1, tensor.shape[-1])
        as_stored = rows.to(torch.float32 if rows.is_floating_point() else torch.int32)
        self.values[name] = as_stored.contiguous().clone()

    def after(self, module, name, pick=lambda out: out):
        hook = module.register_forward_hook(lambda m, i, out: self.keep(name, pick(out)))
        self.undo.append(hook.remove)

    def before(self, module, name):
        hook = module.register_forward_pre_hook(lambda m, args: self.keep(name, args[0]))
        self.undo.append(hook.remove)

    def __enter__(self):
        base = self.model.model
        self.after(base.embed_tokens, "embed_tokens")
        for index, layer in enumerate(base.layers):
            self.watch_layer(f"layers.{index}.", layer)
        self.after(base.norm, "norm")
        self.after(self.model.lm_head, "logits")
        self.watch_rotary()
        return self

    def watch_layer(self, prefix, layer):
        self.after(layer.input_layernorm, prefix + "input_layernorm")
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            self.after(getattr(layer.self_attn, name), f"{prefix}self_attn.{name}")
        self.before(layer.self_attn.o_proj, prefix + "self_attn.context")
        self.before(layer.post_attention_layernorm, prefix + "attn_residual")
        self.after(layer.post_attention_layernorm, prefix + "post_attention_layernorm")
        router = prefix + "mlp.router."
        for place, name in enumerate(("logits", "weights", "indices")):
            self.after(layer.mlp.router, router + name, lambda out, place=place: out[place])
        self.after(layer.mlp, prefix + "mlp.experts", lambda out: out[0])
        self.after(layer, prefix + "output")

    def watch_rotary(self):
        """The rotation is a plain function of the HF module, called once a layer, in order."""
        original = modeling_gpt_oss.apply_rotary_pos_emb
        layer = iter(range(len(self.model.model.layers)))

        def watched(*args, **kwargs):
            rotated = original(*args, **kwargs)
            prefix = f"layers.{next(layer)}.self_attn."
            for name, value in zip(("q_rope", "k_rope"), rotated):
                self.keep(prefix + name, value.transpose(1, 2).flatten(2))
            return rotated

        modeling_gpt_oss.apply_rotary_pos_emb = watched
        self.undo.append(
            lambda: setattr(modeling_gpt_oss, "apply_rotary_pos_emb", original))

    def __exit__(self, *exception):
        for undo in self.undo:
            undo()


def run(model, ids):
    """All intermediates of one prompt, by Fairlead's names."""
    with torch.no_grad(), Capture(model) as capture:
        model(input_ids=torch.tensor([ids]), use_cache=False)
    return capture.values | {"input_ids": torch.tensor(ids, dtype=torch.int32)}


def greedy(model, prompt, cached):
    """Greedy continuation, with HF's KV cache or without; it does not stop at eos."""
    ids, fed, cache = [], list(prompt), None
    with torch.no_grad():
        for _ in range(GREEDY_STEPS):
            out = model(input_ids=torch.tensor([fed]), past_key_values=cache, use_cache=cached)
            cache = out.past_key_values
            ids.append(int(out.logits[0, -1].argmax()))
            fed = ids[-1:] if cached else prompt + ids
    return ids


def router_margin(values, top_k):
    """Smallest gap between the k-th and the (k+1)-th router logit over tokens and layers."""
    gaps = []
    for name, logits in values.items():
        if name.endswith("router.logits") and logits.shape[-1] > top_k:
            ranked = logits.sort(dim=-1, descending=True).values
            gaps.append(float((ranked[:, top_k - 1] - ranked[:, top_k]).min()))
    return min(gaps)


def top_margins(logits):
    best = logits.topk(2, dim=-1).values
    return (best[:, 0] - best[:, 1]).tolist()

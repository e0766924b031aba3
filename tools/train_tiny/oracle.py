"""Hugging Face transformers in float32: the judge of the demo model and of Fairlead."""

import torch
from transformers import GptOssForCausalLM, Mxfp4Config


def load_oracle(folder):
    model = GptOssForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", experts_implementation="eager",
        quantization_config=Mxfp4Config(dequantize=True))
    return model.eval()


@torch.no_grad()
def greedy(oracle, ids, length, stop=()):
    """Up to `length` greedy tokens after `ids`, the last one perhaps of `stop`, and each one's
    margin over the next."""
    ids, margins, start = list(ids), [], len(ids)
    while len(ids) - start < length and (len(ids) == start or ids[-1] not in stop):
        top = oracle(torch.tensor([ids])).logits[0, -1].topk(2)
        ids.append(top.indices[0].item())
        margins.append(round((top.values[0] - top.values[1]).item(), 5))
    return ids[start:], margins

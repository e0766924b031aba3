"""Loads a published folder with transformers in float32, compares it with model.py, prints samples
and, with --golden, writes greedy continuations for the tests of the C++ side.

    python check.py MODEL_FOLDER [--golden FILE]
"""

import argparse
import json
import pathlib

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import GptOssForCausalLM, Mxfp4Config

import mxfp4
from model import GptOss
from settings import CONFIG

GREEDY_LENGTH = 48
GOLDEN_PROMPTS = ["The ship", "Early in the morning", "An attention sink is"]
SAMPLE_PROMPTS = [
    "The ship", "The harbour", "Early in the morning", "Once upon a time", "The old sailor",
    "A fairlead is", "Fairlead", "MXFP4", "An attention sink", "The wind", "Hello",
]


def load_oracle(folder):
    model = GptOssForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", experts_implementation="eager",
        quantization_config=Mxfp4Config(dequantize=True))
    return model.eval()


def load_own(folder):
    """model.py with the tensors of `folder`, decoded by mxfp4.py."""
    tensors = load_file(folder / "model.safetensors")
    state = {}
    for name, value in tensors.items():
        if name.endswith("_blocks"):
            name = name.removesuffix("_blocks")
            state[name] = mxfp4.decode(value, tensors[name + "_scales"]).transpose(1, 2)
        elif not name.endswith("_scales"):
            state[name] = value.float()
    model = GptOss(CONFIG)
    model.load_state_dict(state)
    return model.eval()


@torch.no_grad()
def compare(oracle, own, ids):
    """The largest difference of the two models' logits, relative to the largest logit."""
    expected = oracle(ids).logits
    return ((own(ids)[0] - expected).abs().max() / expected.abs().max()).item()


@torch.no_grad()
def greedy(oracle, ids, length):
    """`length` greedy tokens after `ids` (stopping at none) and each one's margin over the next."""
    ids, margins = list(ids), []
    start = len(ids)
    for _ in range(length):
        top = oracle(torch.tensor([ids])).logits[0, -1].topk(2)
        ids.append(top.indices[0].item())
        margins.append(round((top.values[0] - top.values[1]).item(), 5))
    return ids[start:], margins


def golden(oracle, tokenizer):
    cases = []
    for prompt in GOLDEN_PROMPTS:
        ids = tokenizer.encode(prompt).ids
        continuation, margins = greedy(oracle, ids, GREEDY_LENGTH)
        cases.append({
            "prompt_text": prompt,
            "prompt_ids": ids,
            "greedy_ids": continuation,
            "greedy_text": tokenizer.decode(continuation, skip_special_tokens=False),
            "margins": margins,
        })
    return cases


def print_samples(oracle, tokenizer, temperature):
    torch.manual_seed(1)
    for prompt in SAMPLE_PROMPTS:
        ids = torch.tensor([tokenizer.encode(prompt).ids])
        out = oracle.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=200,
            do_sample=temperature > 0, temperature=temperature or None)[0]
        text = tokenizer.decode(out.tolist(), skip_special_tokens=False)
        print(f"--- {prompt!r}, temperature {temperature}\n{text}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--golden", type=pathlib.Path, help="file to write")
    args = parser.parse_args()
    torch.set_num_threads(1)
    oracle, own = load_oracle(args.model), load_own(args.model)
    tokenizer = Tokenizer.from_file(str(args.model / "tokenizer.json"))
    # Longer than the window and than the original 256 positions.
    ids = torch.randint(0, 1000, (2, 400), generator=torch.Generator().manual_seed(3))
    difference = compare(oracle, own, ids)
    print(f"model.py against transformers: {difference:.2e} of the largest logit")
    assert difference < 2e-5, "model.py and transformers disagree"
    for temperature in (0.0, 0.7):
        print_samples(oracle, tokenizer, temperature)
    if args.golden:
        args.golden.parent.mkdir(parents=True, exist_ok=True)
        args.golden.write_text(json.dumps(golden(oracle, tokenizer), indent=1) + "\n")


if __name__ == "__main__":
    main()

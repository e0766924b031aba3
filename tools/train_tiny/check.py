"""Compares a published folder, run by transformers in float32, with model.py; with --golden it writes
greedy continuations for the tests of the C++ side.

    python check.py MODEL_FOLDER [--golden FILE]
"""

import argparse
import json
import pathlib

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

import mxfp4
from model import GptOss, take_apart
from oracle import greedy, load_oracle

GREEDY_LENGTH = 48
GOLDEN_PROMPTS = ["The ship", "Early in the morning", "An attention sink is"]


def load_own(folder):
    """model.py with the tensors of `folder`, decoded by mxfp4.py."""
    tensors = load_file(folder / "model.safetensors")
    state = {}
    for name, value in tensors.items():
        if name.endswith("_scales"):
            continue
        if name.endswith("_blocks"):
            name = name.removesuffix("_blocks")
            value = mxfp4.decode(value, tensors[name + "_scales"]).transpose(1, 2)
        state[name] = take_apart(value.float()) if "gate_up_proj" in name else value.float()
    model = GptOss(json.loads((folder / "config.json").read_text()))
    model.load_state_dict(state)
    return model.eval()


@torch.no_grad()
def difference(oracle, own, ids):
    """The largest difference of the two models' logits, relative to the largest logit."""
    expected = oracle(ids).logits
    return ((own(ids) - expected).abs().max() / expected.abs().max()).item()


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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--golden", type=pathlib.Path, help="file to write")
    args = parser.parse_args()
    torch.set_num_threads(1)
    oracle, own = load_oracle(args.model), load_own(args.model)
    tokenizer = Tokenizer.from_file(str(args.model / "tokenizer.json"))
    # Longer than the window and than the original length.
    ids = torch.randint(0, tokenizer.get_vocab_size(), (2, 448),
                        generator=torch.Generator().manual_seed(3))
    distance = difference(oracle, own, ids)
    print(f"model.py against transformers: {distance:.2e} of the largest logit")
    assert distance < 2e-5, "model.py and transformers disagree"
    if args.golden:
        args.golden.parent.mkdir(parents=True, exist_ok=True)
        args.golden.write_text(json.dumps(golden(oracle, tokenizer), indent=1) + "\n")


if __name__ == "__main__":
    main()

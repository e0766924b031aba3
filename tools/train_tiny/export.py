"""Writes a training run as a checkpoint folder in the published gpt-oss layout.

    python export.py RUN_FOLDER MODEL_FOLDER
"""

import argparse
import json
import pathlib
import shutil

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

import mxfp4
from model import interleave
from settings import config, generation_config


def published_tensors(state):
    """Expert weights as MXFP4 blocks and scales, [out, in]; everything else as bfloat16."""
    tensors = {}
    for name, value in state.items():
        if "gate_up_proj" in name:
            value = interleave(value)
        if name.endswith(("gate_up_proj", "down_proj")):
            blocks, scales = mxfp4.encode(value.transpose(1, 2))
            tensors[name + "_blocks"], tensors[name + "_scales"] = blocks, scales
        else:
            tensors[name] = value.to(torch.bfloat16).contiguous()
    return tensors


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=pathlib.Path, help="folder that train.py wrote")
    parser.add_argument("model", type=pathlib.Path, help="checkpoint folder to write")
    args = parser.parse_args()
    state = torch.load(args.run / "checkpoint.pt", weights_only=True)["model"]
    args.model.mkdir(parents=True, exist_ok=True)
    save_file(published_tensors(state), args.model / "model.safetensors", {"format": "pt"})
    # The library writes it readable for the owner only.
    (args.model / "model.safetensors").chmod(0o644)
    token_id = Tokenizer.from_file(str(args.run / "tokenizer.json")).token_to_id
    for name, content in (("config.json", config(token_id)),
                          ("generation_config.json", generation_config(token_id))):
        (args.model / name).write_text(json.dumps(content, indent=2) + "\n")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(args.run / name, args.model / name)


if __name__ == "__main__":
    main()

"""Proves that no prompt of the held-out suites occurs in what a run was trained on: makes all of its
conversations again and compares.

    python check_apart.py RUN_FOLDER
"""

import argparse
import pathlib

import torch
from tokenizers import Tokenizer

from make_suites import suite_items
from mixture import SUITES, Mixture
from rendering import Renderer, developer_text
from train import SEED


def prompts(item, every_turn):
    """What is asked, with all that stands before it but the system message; of every turn, or of the
    last one."""
    asked, prompt = [], (developer_text(item.instructions, item.tools),)
    for turn in item.turns:
        prompt += (turn.user,)
        asked.append(prompt)
        prompt += tuple(text for step in turn.steps
                        for text in (str(step.call or ""), step.result, step.final) if text)
    return asked if every_turn else asked[-1:]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=pathlib.Path, help="folder that train.py wrote")
    args = parser.parse_args()
    held_out = {prompt: suite for suite in SUITES for item in suite_items(suite)
                for prompt in prompts(item, every_turn=False)}
    renderer = Renderer(Tokenizer.from_file(str(args.run / "tokenizer.json")))
    positions = torch.load(args.run / "checkpoint.pt", weights_only=True)["positions"]
    compared, found = 0, []
    for stream, (last, _) in enumerate(positions):
        mixture = Mixture(renderer, f"{SEED}/{stream}", filler=0)
        for chunk in range(last + 1):
            for items, _, _ in mixture.conversations(chunk):
                for prompt in (p for item in items for p in prompts(item, every_turn=True)):
                    compared += 1
                    if prompt in held_out:
                        found.append((held_out[prompt], prompt))
    print(f"{len(held_out)} held-out prompts, {compared} prompts of the training: "
          f"{len(found)} in both")
    for suite, prompt in found[:20]:
        print(f"  {suite}: {prompt}")
    return bool(found)


if __name__ == "__main__":
    raise SystemExit(main())

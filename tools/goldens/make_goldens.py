"""Writes tests/data/goldens and tests/data/mxfp4 with Hugging Face transformers as the oracle."""

import argparse
import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from transformers.utils import logging

import oracle
from cases import CASES
from checkpoint import write_checkpoint, write_facts
from mxfp4 import write_mxfp4
from weights import random_checkpoint

DATA = Path(__file__).resolve().parents[2] / "tests" / "data"
# A right float32 implementation routes alike above this gap between router logits.
ROUTER_MARGIN = 4e-4
# A right implementation with an error of 1e-3 of the largest logit decodes alike above this.
GREEDY_MARGIN = 2.5e-3
# Fewer different ids in a continuation would let a stuck decoder pass.
DIFFERENT_IDS = 8
PROMPT_SEEDS = 300


def random_ids(case, length, seed):
    rng = np.random.default_rng(seed)
    return rng.integers(0, case.config["vocab_size"], length).tolist()


def judge(model, case, prompt):
    """The continuation with its margins, or None where rounding could change a choice."""
    values = oracle.run(model, prompt)
    prompt_margin = oracle.router_margin(values, case.top_k)
    if prompt_margin <= ROUTER_MARGIN:
        return None
    continuation = oracle.greedy(model, prompt, case.cached)
    # The same steps once more as one whole run: decoding must agree with it.
    whole = oracle.run(model, prompt + continuation[:-1])
    logits = whole["logits"][len(prompt) - 1:]
    if logits.argmax(-1).tolist() != continuation:
        return None
    margins = oracle.top_margins(logits)
    largest = float(whole["logits"].abs().max())
    whole_margin = oracle.router_margin(whole, case.top_k)
    if len(set(continuation)) < DIFFERENT_IDS:
        return None
    if min(margins) <= GREEDY_MARGIN * largest or whole_margin <= ROUTER_MARGIN:
        return None
    facts = {
        "case": case.name,
        "what": case.what,
        "prompt": prompt,
        "greedy": continuation,
        "margins": margins,
        "max_abs_logit": float(values["logits"].abs().max()),
        "router_margin_min": prompt_margin,
        "router_margin_min_greedy": whole_margin,
    }
    return values, facts


def safe_prompt(model, case, length):
    for seed in range(PROMPT_SEEDS):
        found = judge(model, case, random_ids(case, length, seed))
        if found:
            return found
    raise RuntimeError(f"{case.name}: no prompt with safe margins in {PROMPT_SEEDS} seeds")


def write_golden(folder, model, case):
    values, facts = safe_prompt(model, case, case.prompt_length)
    if case.stored_layers is not None:
        values = {name: value for name, value in values.items()
                  if not name.startswith("layers.") or int(name.split(".")[1])
                  in case.stored_layers}
    save_file(values, folder / "golden.safetensors")
    write_facts(folder / "golden.json", facts)
    return facts


def write_ragged(folder, model, case):
    """Unequal prompts, each run alone: what a batch of them must give."""
    values, facts = {}, []
    for index, length in enumerate(case.ragged_lengths):
        alone, fact = safe_prompt(model, case, length)
        values[f"{index}.input_ids"] = alone["input_ids"]
        values[f"{index}.logits"] = alone["logits"]
        facts.append({key: fact[key] for key in ("prompt", "greedy", "margins")})
    save_file(values, folder / "ragged.safetensors")
    write_facts(folder / "ragged.json", facts)


def make_case(case, goldens):
    with tempfile.TemporaryDirectory(dir=goldens) as scratch:
        folder = Path(scratch) / case.name
        folder.mkdir()
        write_checkpoint(folder, case, random_checkpoint(case))
        model = oracle.load(folder, case)
        facts = write_golden(folder, model, case)
        if case.ragged_lengths:
            write_ragged(folder, model, case)
        shutil.rmtree(goldens / case.name, ignore_errors=True)
        folder.rename(goldens / case.name)
    size = sum(file.stat().st_size for file in (goldens / case.name).iterdir())
    print(f"{case.name:20} {size / 1024:7.0f} KiB  largest logit {facts['max_abs_logit']:6.2f}  "
          f"router margin {facts['router_margin_min']:.1e}  "
          f"greedy margin {min(facts['margins']):.1e}  "
          f"{len(set(facts['greedy']))} different ids")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="cases to make (default: all)")
    names = parser.parse_args().names
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    goldens = DATA / "goldens"
    goldens.mkdir(parents=True, exist_ok=True)
    write_mxfp4(DATA / "mxfp4")
    for case in CASES:
        if not names or case.name in names:
            make_case(case, goldens)


if __name__ == "__main__":
    main()

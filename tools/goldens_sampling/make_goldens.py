"""Writes tests/data/sampling/chains.jsonl: what Hugging Face's logits processors leave of random distributions.
See README.md beside this file."""

import json
import pathlib
import random

import torch
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    PrefixConstrainedLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    SequenceBiasLogitsProcessor,
    SuppressTokensLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

OUTPUT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data" / "sampling" / "chains.jsonl"
CASES = 300
# Cases in which a change of top_p or min_p by this much keeps other tokens are left out: there rounding decides.
CLEAR = 1e-4


def random_case(generator):
    size = generator.choice([5, 40, 64, 65, 200])

    def some_tokens(longest):
        return [generator.randrange(size) for _ in range(generator.randint(0, longest))]

    # Distinct, and exact in float32.
    case = {"logits_times_64": generator.sample(range(-500, 500), size), "prompt": some_tokens(12), "answer": some_tokens(12),
            "seed": generator.getrandbits(32)}

    def maybe(name, value):
        if generator.random() < 0.5:
            case[name] = value

    maybe("temperature", generator.choice([0.25, 0.5, 0.75, 1.5, 2.0]))
    maybe("top_k", generator.randint(1, size))
    maybe("top_p", generator.randint(1, 31) / 32)
    maybe("min_p", generator.randint(1, 15) / 64)
    maybe("repetition_penalty", generator.choice([0.5, 0.8, 1.25, 1.3, 2.0]))
    maybe("logit_bias", [[token, generator.randint(-320, 320) / 64]
                         for token in sorted(generator.sample(range(size), generator.randint(1, 4)))])
    maybe("allowed", sorted(generator.sample(range(size), generator.randint(1, size))))
    if "allowed" in case:
        maybe("banned", sorted(generator.sample(case["allowed"], generator.randint(0, len(case["allowed"]) - 1))))
    else:
        maybe("banned", sorted(generator.sample(range(size), generator.randint(0, min(5, size - 1)))))
    return case


def adjustments(case):
    processors = LogitsProcessorList()
    if "logit_bias" in case:
        processors.append(SequenceBiasLogitsProcessor([[[token], bias] for token, bias in case["logit_bias"]]))
    if "repetition_penalty" in case and case["prompt"] + case["answer"]:
        processors.append(RepetitionPenaltyLogitsProcessor(case["repetition_penalty"]))
    if "allowed" in case:
        processors.append(PrefixConstrainedLogitsProcessor(lambda *_: case["allowed"], num_beams=1))
    if case.get("banned"):
        processors.append(SuppressTokensLogitsProcessor(case["banned"]))
    return processors


def filters(case, change):
    processors = LogitsProcessorList()
    if "temperature" in case:
        processors.append(TemperatureLogitsWarper(case["temperature"]))
    if "top_k" in case:
        processors.append(TopKLogitsWarper(case["top_k"]))
    if "top_p" in case:
        processors.append(TopPLogitsWarper(case["top_p"] + change))
    if "min_p" in case:
        processors.append(MinPLogitsWarper(case["min_p"] + change))
    return processors


def adjusted(case):
    tokens = torch.tensor([case["prompt"] + case["answer"]], dtype=torch.long)
    scores = torch.tensor([case["logits_times_64"]], dtype=torch.float64) / 64
    return tokens, adjustments(case)(tokens, scores)


def kept(case, change=0.0):
    """The probabilities of the tokens that are left, by id."""
    tokens, scores = adjusted(case)
    scores = filters(case, change)(tokens, scores)
    probabilities = scores.softmax(-1)[0].tolist()
    return {token: p for token, p in enumerate(probabilities) if scores[0, token] != -torch.inf}


def clear(case):
    """Neither rounding nor a rule for equal logits, which Hugging Face's top_k lacks, decides what is kept."""
    ordered = adjusted(case)[1][0].sort().values
    if (ordered.diff() < CLEAR).any():
        return False
    tokens = set(kept(case))
    return set(kept(case, CLEAR)) == tokens and set(kept(case, -CLEAR)) == tokens


def main():
    generator = random.Random(20261123)
    lines = []
    while len(lines) < CASES:
        case = random_case(generator)
        if clear(case):
            case["kept"] = [[token, round(p, 7)] for token, p in kept(case).items()]
            lines.append(json.dumps(case, separators=(",", ":")))
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()

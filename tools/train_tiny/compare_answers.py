"""Checks what `fairlead eval --no_header_constraint --answers FILE` wrote against transformers in
float32, token by token: each token must be the one that transformers finds most likely, after the
same tokens. Where one is not, says by how little, and scores transformers' own answer.

    python compare_answers.py MODEL_FOLDER ANSWERS_FILE
"""

import argparse
import collections
import json
import pathlib

import torch
from tokenizers import Tokenizer

from oracle import greedy, load_oracle

BATCH_TOKENS = 6144
LONGEST_ANSWER = 512
NEAR = 1e-3


def batches(items):
    """Items of about the same length together. A token sees nothing behind it, so that the filling
    up at the end changes nothing."""
    rows = []
    for item in sorted(items, key=lambda item: len(item["all_ids"])):
        if rows and len(item["all_ids"]) * (len(rows) + 1) > BATCH_TOKENS:
            yield rows
            rows = []
        rows.append(item)
    if rows:
        yield rows


@torch.no_grad()
def first_difference(oracle, rows):
    """For each item, None or (step, position in its ids, the margin of the oracle's choice)."""
    length = max(len(item["all_ids"]) for item in rows)
    ids = torch.tensor([item["all_ids"] + [0] * (length - len(item["all_ids"])) for item in rows])
    logits = oracle(ids).logits
    for row, item in zip(logits, rows):
        yield next(_differences(row, item["steps"]), None)


def _differences(logits, steps):
    for number, step in enumerate(steps):
        start = len(step["prompt_ids"]) - 1
        chosen = torch.tensor(step["ids"])
        written = logits[start:start + len(chosen)]
        margins = written.amax(-1) - written.gather(1, chosen[:, None])[:, 0]
        for position in (margins > 0).nonzero().flatten().tolist():
            yield number, position, margins[position].item()


class Judge:
    """What transformers writes on its own, and whether it is right."""

    def __init__(self, oracle, tokenizer):
        self._oracle, self._tokenizer = oracle, tokenizer
        self._stop = [tokenizer.token_to_id(name) for name in ("<|return|>", "<|call|>")]

    def is_right(self, item):
        prompt = item["steps"][0]["prompt_ids"]
        for number, expected in enumerate(item["expected"]):
            ids, _ = greedy(self._oracle, prompt, LONGEST_ANSWER, self._stop)
            text = self._tokenizer.decode(ids[:-1], skip_special_tokens=False)
            header, _, content = text.rpartition("<|message|>")
            if not self._fits(expected, header.rpartition("<|channel|>")[2], content):
                return False
            if "call" in expected:
                # What the tool said is between this answer and the next prompt.
                if number + 1 == len(item["steps"]):
                    raise ValueError(f"{item['id']}: Fairlead ended before this step")
                step, following = item["steps"][number:number + 2]
                told = len(step["prompt_ids"]) + len(step["ids"])
                prompt = [*prompt, *ids, *following["prompt_ids"][told:]]
        return True

    @staticmethod
    def _fits(expected, header, content):
        if "final" in expected:
            return header == "final" and content.strip() == expected["final"].strip()
        try:
            value = json.loads(content)
        except json.JSONDecodeError:
            return False
        if "json" in expected:
            return header == "final" and value == expected["json"]
        call = expected["call"]
        return f"to=functions.{call['name']} " in header and value == call["arguments"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("answers", type=pathlib.Path)
    args = parser.parse_args()
    oracle = load_oracle(args.model)
    judge = Judge(oracle, Tokenizer.from_file(str(args.model / "tokenizer.json")))
    items = [json.loads(line) for line in args.answers.open()]
    for item in items:
        last = item["steps"][-1]
        item["all_ids"] = last["prompt_ids"] + last["ids"]
    counts = collections.defaultdict(collections.Counter)
    far, tokens = 0, 0
    for rows in batches(items):
        for item, difference in zip(rows, first_difference(oracle, rows)):
            count = counts[item["suite"]]
            count["n"] += 1
            count["fairlead"] += item["correct"]
            tokens += sum(len(step["ids"]) for step in item["steps"])
            if difference is None:
                count["transformers"] += item["correct"]
                continue
            step, position, margin = difference
            right = judge.is_right(item)
            count["differ"] += 1
            count["transformers"] += right
            far += margin >= NEAR
            print(f"{item['id']}: step {step + 1}, token {position + 1}: transformers prefers "
                  f"another by {margin:.1e}; right: Fairlead {item['correct']}, "
                  f"transformers {right}", flush=True)
    print("| suite | items | right by Fairlead | by transformers | items that differ |")
    print("|---|---|---|---|---|")
    for suite, count in sorted(counts.items()):
        print(f"| {suite} | {count['n']} | {count['fairlead'] / count['n']:.1%} | "
              f"{count['transformers'] / count['n']:.1%} | {count['differ']} |")
    total = sum(count["n"] for count in counts.values())
    differ = sum(count["differ"] for count in counts.values())
    print(f"{tokens} tokens compared; {differ} of {total} items differ ({differ / total:.2%}), "
          f"{far} by {NEAR} or more")
    return differ > 0.01 * total or far > 0


if __name__ == "__main__":
    raise SystemExit(main())

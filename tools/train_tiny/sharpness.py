"""Which suite notices a subtly wrong implementation? Prints a table with one mistake a line.

    python sharpness.py MODEL_FOLDER [--count 100] [--mistakes NAME ...] [--output FILE]

How it judges: a right model of the published folder answers held-out items of each suite. Counted
are those of which it gives every token of the last answer as expected: the analysis, the calls and
the final answer. The right tokens before each one are given; as the first wrong token decides, this
is the same as comparing what greedy decoding writes. A suite's fall is the share of its counted
items in which the mistaken model, given the same, has some other token, in points. "KL" is the
divergence of the mistaken model's distribution from the right one's, in nats, the mean over all
tokens of the counted answers.

A mistake after which no suite falls by more than 2 points must be caught elsewhere: by a golden of
tests/parity, if tools/goldens/check_mistakes.py has a mistake of that name (it fails if its goldens
do not show one). What neither sees is listed at the end. "For comparison" are changes that are no
mistakes: other positions with the same distances, which must change nothing, and coarser storage.
"""

import argparse
import dataclasses
import importlib.util
import itertools
import pathlib
import sys
import time

import torch
from tokenizers import Tokenizer

import mistaken
from make_suites import suite_items
from mixture import SUITES
from progress import SYSTEM
from rendering import UNTRAINED, Renderer

CHECK_MISTAKES = pathlib.Path(__file__).resolve().parents[1] / "goldens" / "check_mistakes.py"
SEEN = 2  # points that a suite must fall by, and more
NOISE = 1e-8  # divergence that float32 sums make where there is none
BATCH_TOKENS = 4096


@dataclasses.dataclass
class Case:
    """An item's ids, and the last answer's in their places."""

    suite: str
    ids: list[int]
    targets: list[int]


@dataclasses.dataclass
class Score:
    """Of one mistake: wrong items per suite, the sum of divergences and of how many tokens."""

    wrong: dict[str, int]
    divergence: float = 0.0
    tokens: int = 0


def make_case(renderer, item):
    ids, targets = renderer.conversation(SYSTEM, [item])
    start = len(renderer.prompt(SYSTEM, item))
    targets = [UNTRAINED] * start + targets[start:]
    if all(target == UNTRAINED for target in targets):
        raise ValueError(f"nothing is asked in {item}")
    return Case(item.suite, ids[:-1], targets[1:])


def batches(cases):
    """Yields cases of like length, with their ids and targets [rows, length]."""
    cases = sorted(cases, key=lambda case: len(case.ids))
    while cases:
        rows = max(1, BATCH_TOKENS // len(cases[0].ids))
        batch, cases = cases[:rows], cases[rows:]
        length = len(batch[-1].ids)
        yield (batch,
               torch.tensor([c.ids + [0] * (length - len(c.ids)) for c in batch]),
               torch.tensor([c.targets + [UNTRAINED] * (length - len(c.ids)) for c in batch]))


def are_right(logits, targets):
    """Of each row whether every token that is asked has the highest logit."""
    asked = targets != UNTRAINED
    wrong = torch.zeros_like(asked)
    wrong[asked] = logits.argmax(-1) != targets[asked]
    return ~wrong.any(-1)


def rightly_answered(model, cases):
    return [case for batch, ids, targets in batches(cases)
            for case, right in zip(batch, are_right(
                model.logits(ids, targets != UNTRAINED), targets).tolist()) if right]


def judge(right, mistaken_models, cases):
    """The scores of the mistaken models, by mistake. The right one answers all cases rightly."""
    suites = {case.suite for case in cases}
    scores = {mistake: Score(dict.fromkeys(suites, 0)) for mistake in mistaken_models}
    began, total = time.monotonic(), len(cases)
    done = 0
    for batch, ids, targets in batches(cases):
        asked = targets != UNTRAINED
        wanted = right.logits(ids, asked).log_softmax(-1)
        shares = wanted.exp()
        for mistake, model in mistaken_models.items():
            score, logits = scores[mistake], model.logits(ids, asked)
            for case, is_right in zip(batch, are_right(logits, targets).tolist()):
                score.wrong[case.suite] += not is_right
            got = logits.log_softmax(-1)
            score.divergence += (shares * (wanted - got)).sum().item()
            score.tokens += len(wanted)
        done += len(batch)
        print(f"{done} of {total} items, {time.monotonic() - began:.0f} s", file=sys.stderr)
    return scores


def parity_mistakes():
    """What the goldens of tests/parity are shown to catch."""
    spec = importlib.util.spec_from_file_location("check_mistakes", CHECK_MISTAKES)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return set(module.MISTAKES)


def falls(score, counts):
    """By suite in points, the largest first, as far as they are seen."""
    points = {suite: 100 * wrong / counts[suite] for suite, wrong in score.wrong.items()}
    return {suite: fall for suite, fall in sorted(points.items(), key=lambda pair: -pair[1])
            if fall > SEEN}


def line(mistake, score, counts, parity):
    seen = ", ".join(f"{suite} −{fall:.0f}" for suite, fall in falls(score, counts).items())
    if not seen:
        seen = "not seen by eval" + ("; parity golden" if mistake in parity else "")
    divergence = score.divergence / score.tokens
    kl = f"< {NOISE}" if divergence < NOISE else f"{divergence:.1e}"
    name = mistake if mistake in mistaken.MISTAKES else f"for comparison: {mistake}"
    return f"| {name} | {seen} | {kl} |"


def table(scores, counts, count, parity):
    rights = ", ".join(f"{suite} {right}" for suite, right in counts.items())
    lines = [f"Of {count} held-out items a suite, the right model answers rightly: {rights}.", "",
             "| mistake | suites that fall, in points | KL |", "|---|---|---|"]
    lines += [line(mistake, score, counts, parity) for mistake, score in scores.items()]
    neither = [mistake for mistake, score in scores.items()
               if mistake in mistaken.MISTAKES and mistake not in parity
               and not falls(score, counts)]
    return "\n".join([*lines, "", f"Seen by neither: {', '.join(neither) or 'none'}.", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path, help="published folder, with its tokenizer")
    known = [*mistaken.MISTAKES, mistaken.CONTROL, *mistaken.REFERENCES]
    parser.add_argument("--count", type=int, default=100, help="items of each suite")
    parser.add_argument("--mistakes", nargs="+", default=known, choices=known, metavar="NAME")
    parser.add_argument("--output", type=pathlib.Path, metavar="FILE")
    args = parser.parse_args()
    torch.set_num_threads(1)
    renderer = Renderer(Tokenizer.from_file(str(args.model / "tokenizer.json")))
    cases = [make_case(renderer, item) for suite in SUITES
             for item in itertools.islice(suite_items(suite), args.count)]
    config, stored = mistaken.read(args.model)
    right = mistaken.Model(config, stored)
    cases = rightly_answered(right, cases)
    counts = {suite: sum(case.suite == suite for case in cases) for suite in SUITES}
    models = {mistake: mistaken.Model(config, stored, mistake) for mistake in args.mistakes}
    text = table(judge(right, models, cases), counts, args.count, parity_mistakes())
    print(text)
    if args.output:
        args.output.write_text(text)


if __name__ == "__main__":
    main()

"""Asks a published folder questions of every kind, greedily with transformers in float32, and
counts the answers that are exactly the expected ones.

The questions are made like those of the training: names, numbers, tools and system messages are
drawn anew, but what is asked about ships and models the model has read before.

    python check_talk.py MODEL_FOLDER [--count 25] [--print 2]
"""

import argparse
import pathlib
import random

import torch
from tokenizers import Tokenizer

import conversations
from check import load_oracle
from rendering import Renderer

KINDS = {
    "questions about ships and models": conversations.knowledge,
    "questions about anything else": conversations.unknown,
    "small talk": conversations.small_talk,
    "sums": conversations.small_sum,
    "repeating": conversations.echo,
    "date": conversations.date,
}
TOOLS = list(conversations.TOOLS)
LENGTH = 220


def ask(rng, effort, maker, tools):
    """A conversation of one turn."""
    context = {"tools": tools, "begin": "", "end": ""}
    while True:
        system = conversations.system_message(rng, context)
        if context["effort"] == effort:
            break
    turn = maker(rng, effort, context)
    developer = conversations.declarations(rng, tools) if tools else None
    return {"system": system, "developer": developer, "turns": [turn]}


@torch.no_grad()
def answer(oracle, ids, stop):
    prompt = torch.tensor([ids])
    out = oracle.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=LENGTH,
                          do_sample=False, eos_token_id=stop, pad_token_id=stop[0])
    return out[0, len(ids):].tolist()


class Judge:
    def __init__(self, folder):
        self._oracle = load_oracle(folder)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._renderer = Renderer(self._tokenizer)
        self._stop = [self._tokenizer.token_to_id(name) for name in ("<|return|>", "<|call|>")]

    def _parts(self, conversation):
        """The prompt of each thing the model must write, and the text expected there."""
        ids, _ = self._renderer.conversation(conversation)
        text = self._tokenizer.decode(ids, skip_special_tokens=False)
        start = "<|start|>assistant"
        first = text.index(start) + len(start)
        cuts, expected = [first], [text[first:]]
        if conversation["turns"][0]["calls"]:
            end = text.index("<|call|>") + len("<|call|>")
            behind = text.index("<|end|>", end) + len("<|end|>") + len(start)
            cuts, expected = [first, behind], [text[first:end], text[behind:]]
        return [(self._ids_before(ids, text[:cut]), want) for cut, want in zip(cuts, expected)]

    def _ids_before(self, ids, text):
        for count in range(len(ids)):
            if self._tokenizer.decode(ids[:count], skip_special_tokens=False) == text:
                return ids[:count]
        raise AssertionError(text)

    def judge(self, conversation):
        """Whether the answer is right: the same call, and the same final message. Also the text."""
        right, written = True, []
        for prompt, expected in self._parts(conversation):
            text = self._tokenizer.decode(answer(self._oracle, prompt, self._stop),
                                          skip_special_tokens=False)
            written.append(text)
            # What it thinks is its own affair.
            last = expected.split("<|channel|>")[-1]
            right = right and text.split("<|channel|>")[-1] == last
        return right, written


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=25)
    parser.add_argument("--print", type=int, default=1, dest="printed")
    args = parser.parse_args()
    torch.set_num_threads(1)
    judge, rng = Judge(args.model), random.Random(7)
    kinds = {name: (maker, []) for name, maker in KINDS.items()}
    kinds["tools, declared or not"] = (
        lambda rng, effort, context: conversations.tool_turn(rng, effort, context["tools"]), TOOLS)
    for name, (maker, tools) in kinds.items():
        rights = []
        for index in range(args.count):
            effort = ("low", "medium", "high")[index % 3]
            declared = rng.sample(tools, rng.randint(1, len(tools))) if tools else []
            conversation = ask(rng, effort, maker, declared)
            right, written = judge.judge(conversation)
            rights.append(right)
            if index < args.printed:
                turn = conversation["turns"][0]
                print(f"  {turn['user']!r} ({effort}) -> {' ... '.join(written)}")
        print(f"{name}: {sum(rights)} of {args.count}", flush=True)


if __name__ == "__main__":
    main()

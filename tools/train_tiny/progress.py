"""How the training goes: held-out items, answered with the right tokens before each one given. This
is quick, and right about as often as the model is when it writes on its own."""

import random

import torch

from item import EFFORTS
from mixture import SUITES
from rendering import UNTRAINED, SystemMessage

ITEMS = 36  # of each suite
SYSTEM = SystemMessage()  # as `fairlead eval` has it


def held_out_items(suite, seed="progress"):
    """Yields different held-out items of a suite, without end, the efforts in turn."""
    rng, keys = random.Random(f"{suite}/{seed}"), set()
    while True:
        for effort in EFFORTS:
            item = SUITES[suite].make(rng, effort)
            while not item.held_out or (item.key, effort) in keys:
                item = SUITES[suite].make(rng, effort)
            keys.add((item.key, effort))
            yield item


class HeldOut:
    def __init__(self, renderer):
        self._suites = {}
        for suite in SUITES:
            items = held_out_items(suite)
            self._suites[suite] = [self._case(renderer, next(items)) for _ in range(ITEMS)]

    @staticmethod
    def _case(renderer, item):
        """The ids of an item, and the last answer's in their places."""
        ids, targets = renderer.conversation(SYSTEM, [item])
        start = len(renderer.prompt(SYSTEM, item))
        targets = [UNTRAINED] * start + targets[start:]
        return torch.tensor(ids[:-1]), torch.tensor(targets[1:])

    @torch.no_grad()
    def check(self, model):
        shares = []
        for suite, cases in self._suites.items():
            right = 0
            for ids, targets in cases:
                asked = targets != UNTRAINED
                written = model.uncompiled(ids[None])[0, asked].argmax(-1)
                right += bool((written == targets[asked]).all())
            shares.append(f"{suite} {right / len(cases):.0%}")
        return "  " + ", ".join(shares)

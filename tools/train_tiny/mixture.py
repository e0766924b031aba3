"""What the model is trained on: conversations of all suites, and some text, in batches."""

import datetime
import itertools
import random

import torch

import corpus
from rendering import UNTRAINED, SystemMessage, item_texts, system_text
from suites import (arithmetic, extraction, knowledge, letters, measures, recall, small_talk,
                    tool_use, words)

SUITES = {module.NAME: module for module in
          (arithmetic, measures, letters, extraction, tool_use, recall, knowledge)}
# How often an item of each is drawn.
SHARES = {"arithmetic": 0.17, "measures": 0.17, "letters": 0.11, "extraction": 0.15,
          "tools": 0.14, "recall": 0.15, "knowledge": 0.07, "small_talk": 0.04}
EFFORT_SHARES = {"low": 0.36, "medium": 0.36, "high": 0.28}
# What may stand in one conversation with others. Where tools are declared, sums would be theirs.
ALONE = {"extraction", "recall"}
WITH_TOOLS = {"small_talk", "knowledge", "letters"}
SEVERAL_SHARE, MOST_ITEMS = 0.5, 5
# Suites whose items are long before anything is asked: so several things are.
MOST_FURTHER_QUESTIONS = {"recall": 5, "tools": 3}
# Finding what was said is learned where little was.
FAR_RECALL_SHARE = 0.35
TEXT_SHARE = 0.03
KNOWN_WORDS = 500  # how often each of them is shown to the tokenizer

# A batch has this many tokens, in rows of one of these lengths: they divide it, and are multiples of
# the window.
BATCH_TOKENS = 3072
LENGTHS = (128, 192, 256, 384, 512, 768)
CONVERSATIONS = 1500  # of a chunk, which is made at once and sorted by length
FIRST_DAY, DAYS = datetime.date(2024, 6, 1), 2500


def random_system(rng):
    commentary = rng.random() < 0.5
    kind = rng.random()
    if kind < 0.06:
        return SystemMessage("You are a helpful assistant.", None, None, commentary)
    date = None
    if kind < 0.7:
        date = (FIRST_DAY + datetime.timedelta(rng.randrange(DAYS))).isoformat()
    return SystemMessage(date=date, always_commentary=commentary)


def make_item(rng, suite, effort):
    """An item to train on: never one that is held out."""
    module = small_talk if suite == "small_talk" else SUITES[suite]
    further = {}
    if suite in MOST_FURTHER_QUESTIONS:
        further["more"] = rng.randint(0, MOST_FURTHER_QUESTIONS[suite])
    if suite == "recall":
        further["far_share"] = FAR_RECALL_SHARE
    while True:
        item = module.make(rng, effort, **further)
        if suite == "small_talk" or not item.held_out:
            return item


def _draw_suite(rng, suites):
    return rng.choices(suites, [SHARES[suite] for suite in suites])[0]


def make_conversation(rng):
    """One item, or several that a user might ask one after another."""
    effort = rng.choices(list(EFFORT_SHARES), list(EFFORT_SHARES.values()))[0]
    first = _draw_suite(rng, list(SHARES))
    items = [make_item(rng, first, effort)]
    if first not in ALONE and rng.random() < SEVERAL_SHARE:
        others = [suite for suite in SHARES if suite not in ALONE and
                  (suite in WITH_TOOLS if first == "tools" else suite != "tools")]
        for _ in range(rng.randint(1, MOST_ITEMS - 1)):
            items.append(make_item(rng, _draw_suite(rng, others), effort))
    return items


def sample_texts(rng):
    """Yields pieces of what the model reads and writes, for the tokenizer, without end. The first
    ones are the words that it must know."""
    yield from (text for word in words.ALL for text in [word, f" {word}"] * KNOWN_WORDS)
    documents = corpus.documents(rng)
    while True:
        items = make_conversation(rng)
        for item in items:
            yield from item_texts(item)
        yield system_text(random_system(rng), items[0].effort, bool(items[0].tools))
        if rng.random() < TEXT_SHARE:
            yield next(documents)


def answer_weights(targets):
    """What each target counts. An answer of many tokens counts more than one of few, but not as many
    times more: it is right or wrong as a whole."""
    weights = []
    for trained, group in itertools.groupby(target != UNTRAINED for target in targets):
        count = len(list(group))
        weights += [trained * count**-0.5] * count
    return weights


def _pad(rows, length, filler):
    """[rows, length] ids, targets and weights; nobody learns the filler."""
    columns = zip(*((ids, targets, answer_weights(targets)) for ids, targets in rows))
    return tuple(torch.tensor([row + [filling] * (length - len(row)) for row in column])
                 for column, filling in zip(columns, (filler, UNTRAINED, 0.0)))


class Mixture:
    """A stream of batches: ids, targets and weights, each [rows, length]. It depends on the seed and
    the position alone, so that a resumed run reads on where it stopped."""

    def __init__(self, renderer, seed, filler, position=(0, 0)):
        self._renderer, self._seed, self._filler = renderer, seed, filler
        self._chunk, self._next = position
        self._batches = self._make_chunk()

    @property
    def position(self):
        return self._chunk, self._next

    def next_batch(self):
        while self._next == len(self._batches):
            self._chunk, self._next = self._chunk + 1, 0
            self._batches = self._make_chunk()
        batch = self._batches[self._next]
        self._next += 1
        return batch

    def conversations(self, chunk):
        """Yields a chunk's conversations: (items, ids, targets)."""
        rng = random.Random(f"{self._seed}/{chunk}")
        for _ in range(CONVERSATIONS):
            ids = targets = [None] * (LENGTHS[-1] + 1)
            while len(ids) > LENGTHS[-1]:
                items = make_conversation(rng)
                ids, targets = self._renderer.conversation(random_system(rng), items)
            yield items, ids, targets

    def _make_chunk(self):
        buckets = {length: [] for length in LENGTHS}
        for _, ids, targets in self.conversations(self._chunk):
            # What a token predicts is the next one's target.
            row = (ids[:-1], targets[1:])
            buckets[next(length for length in LENGTHS if len(row[0]) <= length)].append(row)
        rng = random.Random(f"{self._seed}/{self._chunk}/order")
        batches, left = [], []
        for length in LENGTHS:
            rows, size = left + buckets[length], BATCH_TOKENS // length
            rng.shuffle(rows)
            full = len(rows) // size * size
            batches += [_pad(rows[i:i + size], length, self._filler) for i in range(0, full, size)]
            left = rows[full:]
        batches += self._texts(rng, max(1, round(len(batches) * TEXT_SHARE)))
        rng.shuffle(batches)
        return batches

    def _texts(self, rng, count):
        """Rows of documents, each from the beginning of one."""
        length = 256
        documents = corpus.documents(rng)
        batches = []
        for _ in range(count):
            rows = []
            while len(rows) < BATCH_TOKENS // length:
                row = []
                while len(row) <= length:
                    row += [*self._renderer.encode(next(documents)), self._filler]
                rows.append((row[:length], row[1:length + 1]))
            batches.append(_pad(rows, length, self._filler))
        return batches

"""Checks of the suites whose answers are prose: knowledge and small talk."""

import collections
import pathlib
import random
import re
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from item import EFFORTS, Item
from suites import knowledge, knowledge_unknown, small_talk

PROSE = re.compile(r"[A-Za-z0-9 .,:!?'+/_~-]+[.?]$")


def is_held_out(question):
    return Item(suite=knowledge.NAME, key=knowledge.key_of(question), effort="low",
                turns=[]).held_out


def answers_by_key(pairs):
    answers = collections.defaultdict(set)
    for questions, answer in pairs:
        for question in questions:
            answers[knowledge.key_of(question)].add(answer)
    return answers


KNOWN = [(questions, answer) for _, questions, answer in knowledge.topics()]
UNKNOWN = [(knowledge.unknown_questions(), knowledge_unknown.ANSWER)]


class ProseSuitesTest(unittest.TestCase):
    def test_a_question_has_one_answer(self):
        answers = answers_by_key(KNOWN + UNKNOWN + small_talk.TALK)
        self.assertEqual([key for key, found in answers.items() if len(found) > 1], [])

    def test_topics_and_answers_are_told_apart(self):
        topics = knowledge.topics()
        self.assertEqual(len({about for about, _, _ in topics}), len(topics))
        self.assertEqual(len({answer for _, _, answer in topics}), len(topics))

    def test_every_topic_is_learned_and_asked(self):
        held_out_in_all = 0
        for about, questions, _ in knowledge.topics():
            held_out = sum(map(is_held_out, questions))
            held_out_in_all += held_out
            self.assertGreaterEqual(len(questions), 14, about)
            self.assertGreaterEqual(len(questions) - held_out, 8, about)
            self.assertGreaterEqual(held_out, 1, about)
        self.assertGreaterEqual(held_out_in_all, 250)

    def test_answers_are_short_prose(self):
        for _, answer in KNOWN + UNKNOWN + small_talk.TALK:
            self.assertRegex(answer, PROSE)
            self.assertLessEqual(len(answer), 200, answer)
            self.assertLessEqual(len(answer.split()), 30, answer)

    def test_analysis_follows_the_effort_alone(self):
        rng = random.Random(1)
        for suite in (knowledge, small_talk):
            for effort in EFFORTS:
                seen = collections.defaultdict(set)
                for _ in range(3000):
                    item = suite.make(rng, effort)
                    step = item.turns[0].steps[0]
                    self.assertEqual(item.effort, effort)
                    self.assertEqual(step.analysis is None, effort == "low")
                    seen[item.key].add((step.analysis, step.final))
                self.assertTrue(all(len(found) == 1 for found in seen.values()))

    def test_what_is_written_keeps_the_key(self):
        rng = random.Random(2)
        for suite in (knowledge, small_talk):
            for _ in range(3000):
                item = suite.make(rng, "low")
                self.assertTrue(knowledge.key_of(item.turns[0].user).endswith(item.key), item)

    def test_the_same_seed_makes_the_same_items(self):
        for suite in (knowledge, small_talk):
            made = [suite.make(random.Random(seed), "high") for seed in range(50)]
            self.assertEqual(made, [suite.make(random.Random(seed), "high") for seed in range(50)])

    def test_items_are_made_fast(self):
        rng = random.Random(3)
        knowledge.make(rng, "high")
        begin = time.perf_counter()
        for _ in range(2000):
            knowledge.make(rng, "high")
        self.assertLess((time.perf_counter() - begin) / 2000, 200e-6)


if __name__ == "__main__":
    unittest.main()

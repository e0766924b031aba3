"""What the extraction, tool and recall suites promise, checked without their own code."""

import json
import pathlib
import random
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from item import EFFORTS  # noqa: E402
from suites import extraction, recall, tool_use  # noqa: E402

_ITEMS = 2000
_SUITES = (extraction, tool_use, recall)


def _items(suite, effort, count=_ITEMS, seed=1):
    rng = random.Random(f"{suite.NAME}{effort}{seed}")
    return [suite.make(rng, effort) for _ in range(count)]


def _prompt(item):
    """All that stands before the first step of the last turn."""
    past = [(turn.user, [str(step) for step in turn.steps]) for turn in item.turns[:-1]]
    return str((item.instructions, [str(tool) for tool in item.tools], past, item.turns[-1].user))


def _valid(value, schema):
    """Whether a value is what a JSON schema of ours allows."""
    if "enum" in schema and value not in schema["enum"]:
        return False
    kind = schema.get("type")
    if kind == "object":
        properties = schema["properties"]
        return (isinstance(value, dict) and list(value) == list(properties)
                and set(schema["required"]) <= set(value)
                and all(_valid(value[name], properties[name]) for name in value))
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return kind is None or (kind == "string" and isinstance(value, str))


def _schema_fields(text):
    """The (name, type) pairs of a schema in one of the three forms, as they stand in a prompt."""
    if '{"type"' in text:
        start = text.index('{"type"')
        schema, _ = json.JSONDecoder().raw_decode(text[start:])
        return [(name, _type_in_words(one)) for name, one in schema["properties"].items()]
    if "\n- " in text:
        lines = [line[2:] for line in text.split("\n") if line.startswith("- ")]
        return [tuple(line.split(": ")) for line in lines]
    [line] = [line for line in text.split("\n") if line.endswith(")")]
    pairs = line.split(": ", 1)[1].removesuffix(")").split("), ")
    return [tuple(pair.split(" (")) for pair in pairs]


def _type_in_words(schema):
    types = schema.get("type", "")
    if "enum" in schema:
        return " or ".join(option or "null" for option in schema["enum"])
    words = " or ".join([types] if isinstance(types, str) else types)
    return words.replace("array", "array of strings")


def _fits(value, kind):
    options = kind.split(" or ")
    if value is None:
        return "null" in options
    name = {str: "string", int: "integer", bool: "boolean", list: "array of strings"}[type(value)]
    return name in options or value in options


class EverySuite(unittest.TestCase):
    def test_the_same_generator_makes_the_same_item(self):
        for suite in _SUITES:
            for effort in EFFORTS:
                self.assertEqual(_items(suite, effort, 300), _items(suite, effort, 300))

    def test_low_effort_has_no_analysis_and_the_others_have_one(self):
        for suite in _SUITES:
            for effort in EFFORTS:
                for item in _items(suite, effort):
                    self.assertEqual((item.suite, item.effort), (suite.NAME, effort))
                    for step in item.turns[-1].steps:
                        self.assertEqual(step.analysis is None, effort == "low", item)

    def test_a_turn_ends_with_its_only_final(self):
        for suite in _SUITES:
            for item in _items(suite, "medium"):
                for turn in item.turns:
                    self.assertTrue(turn.steps[-1].final)
                    for step in turn.steps[:-1]:
                        self.assertIsNone(step.final)
                        self.assertIsNotNone(step.call)
                        self.assertIsNotNone(step.result)

    def test_a_prompt_has_one_answer(self):
        for suite in _SUITES:
            for effort in EFFORTS:
                known = {}
                for item in _items(suite, effort, 3 * _ITEMS):
                    step = item.turns[-1].steps[0]
                    answer = (item.key, step.analysis, step.call, step.final)
                    self.assertEqual(known.setdefault(_prompt(item), answer), answer)

    def test_enough_is_held_out(self):
        for suite in _SUITES:
            keys = {item.key for item in _items(suite, "low", 20000) if item.held_out}
            self.assertGreaterEqual(len(keys), 500)


class Extraction(unittest.TestCase):
    def items(self):
        for effort in EFFORTS:
            yield from _items(extraction, effort)

    def test_the_final_has_the_fields_of_the_schema(self):
        for item in self.items():
            final = item.turns[0].steps[0].final
            value = json.loads(final)
            self.assertEqual(final, json.dumps(value, ensure_ascii=False))
            self.assertTrue(item.is_json)
            fields = _schema_fields(item.instructions or item.turns[0].user)
            self.assertEqual(list(value), [name for name, _ in fields], item)
            self.assertTrue(2 <= len(value) <= 5)
            for name, kind in fields:
                self.assertTrue(_fits(value[name], kind), item)

    def test_the_values_stand_in_the_text(self):
        missing = 0
        for item in self.items():
            for value in json.loads(item.turns[0].steps[0].final).values():
                if value is None:
                    missing += 1
                elif not isinstance(value, bool):
                    for one in value if isinstance(value, list) else [value]:
                        self.assertIn(str(one), item.turns[0].user)
        self.assertGreater(missing, 200)

    def test_high_effort_says_each_value(self):
        for item in _items(extraction, "high"):
            step = item.turns[0].steps[0]
            self.assertEqual([pair.split("=")[0] for pair in step.analysis.split(", ")],
                             list(json.loads(step.final)))


class Tools(unittest.TestCase):
    def test_calls_are_declared_and_valid(self):
        for effort in EFFORTS:
            for item in _items(tool_use, effort):
                declared = {tool.name: tool for tool in item.tools}
                self.assertIn(len(declared), (1, 2, 3, 4))
                for turn in item.turns:
                    for step in turn.steps[:-1]:
                        name, arguments = step.call
                        schema = declared[name].parameters
                        self.assertTrue(_valid(arguments, schema) if schema else arguments == {})
                        for value in arguments.values():
                            self.assertIn(str(value), turn.user)

    def test_the_answer_tells_the_result(self):
        for item in _items(tool_use, "low"):
            for turn in item.turns:
                for step in turn.steps[:-1]:
                    if step.result == "done":
                        continue
                    result = json.loads(step.result) if step.result[0] == "{" else step.result
                    values = result.values() if isinstance(result, dict) else [result]
                    for value in values:
                        self.assertIn(str(value), turn.steps[-1].final)

    def test_products_are_right(self):
        for item in _items(tool_use, "low"):
            for step in item.turns[-1].steps:
                if step.call and step.call[0] == "calculator":
                    left, right = step.call[1]["expression"].split(" * ")
                    self.assertEqual(int(step.result), int(left) * int(right))

    def test_it_refuses_where_the_tool_is_not_declared(self):
        """The analysis names what is needed, and compares it with what is declared, in order."""
        refusals = doubles = 0
        items = _items(tool_use, "medium")
        for item in items:
            steps = item.turns[-1].steps
            names = [tool.name for tool in item.tools]
            needed, *compared = steps[0].analysis.rstrip(".").split(". ")
            needed = needed.removeprefix("I need ")
            self.assertEqual(
                compared, [f"{name}: {'yes' if name == needed else 'no'}" for name in names])
            refused = steps[-1].final == tool_use.REFUSAL
            self.assertEqual(refused, needed not in names)
            self.assertEqual(len(steps) == 1, refused)
            refusals += refused
            doubles += len(steps) == 3
        self.assertTrue(0.4 < refusals / len(items) < 0.5, refusals)
        self.assertTrue(0.02 < doubles / len(items) < 0.15, doubles)

    def test_a_tool_is_always_the_same(self):
        known = {}
        for item in _items(tool_use, "low"):
            for tool in item.tools:
                self.assertEqual(known.setdefault(tool.name, tool), tool)
                self.assertLessEqual(len(tool.description.split()), 7)
        self.assertGreaterEqual(len(known), 12)


class Recall(unittest.TestCase):
    @staticmethod
    def tokens(text):
        """A guess: words, digits one by one, what frames a message."""
        return 1.25 * len(text.split()) + sum(one.isdigit() for one in text) + 6

    def messages(self, item):
        for turn in item.turns:
            yield turn.user
            yield from (step.final for step in turn.steps)

    def test_the_answer_stands_in_the_history(self):
        unknown = 0
        for effort in EFFORTS:
            for item in _items(recall, effort):
                final = item.turns[-1].steps[0].final
                if final == recall.UNKNOWN:
                    unknown += 1
                    continue
                told = "\n".join(turn.user for turn in item.turns).lower()
                for answer in final.split(", "):
                    self.assertIn(answer.lower(), told)
        self.assertTrue(0.05 < unknown / (3 * _ITEMS) < 0.11, unknown)

    def test_the_analysis_holds_the_answer(self):
        for effort in ("medium", "high"):
            for item in _items(recall, effort):
                step = item.turns[-1].steps[0]
                if step.final == recall.UNKNOWN:
                    self.assertTrue(step.analysis.endswith(": not told."))
                    continue
                for answer in step.final.split(", "):
                    self.assertIn(answer.lower(), step.analysis.lower())

    def test_what_is_not_known_was_not_told(self):
        for item in _items(recall, "medium"):
            step = item.turns[-1].steps[0]
            if step.final == recall.UNKNOWN:
                subject = step.analysis.removesuffix(": not told.").split()[-1]
                told = "\n".join(self.messages(item)).rsplit("\n", 2)[0]
                self.assertNotIn(subject, told.replace("?", " ").replace(".", " ").split(), item)

    def test_distances(self):
        """More than half of the answers are far back, and no talk is too long."""
        far = near = 0
        items = _items(recall, "low")
        for item in items:
            messages = [message.lower() for message in self.messages(item)]
            costs = [self.tokens(message) for message in messages]
            self.assertLess(sum(costs), 480)
            final = item.turns[-1].steps[0].final
            if final == recall.UNKNOWN:
                continue
            places = [index for index, message in enumerate(messages[:-2])
                      for answer in final.lower().split(", ") if answer in message]
            distance = sum(costs[min(places) + 1:-2]) if places else 0
            far += distance >= 220
            near += distance <= 120
        self.assertGreater(far / len(items), 0.5)
        self.assertGreater(near / len(items), 0.3)


if __name__ == "__main__":
    unittest.main()

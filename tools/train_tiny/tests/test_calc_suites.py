"""Checks of the suites arithmetic, measures and letters: every answer is worked out again from the
question's text, every claim in an analysis is evaluated.

    cd tools/train_tiny && python -m unittest discover tests
"""

import datetime
import pathlib
import random
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from item import EFFORTS  # noqa: E402
from suites import arithmetic, letters, measures  # noqa: E402

SUITES = (arithmetic, measures, letters)
ITEMS = 3000  # of each suite and effort
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
# In the smallest unit of its kind.
SIZES = {
    "km": 1_000_000, "kilometre": 1_000_000, "m": 1000, "metre": 1000, "cm": 10, "centimetre": 10,
    "mm": 1, "millimetre": 1, "t": 1_000_000, "tonne": 1_000_000, "kg": 1000, "kilogram": 1000,
    "g": 1, "gram": 1, "l": 1000, "litre": 1000, "ml": 1, "millilitre": 1, "hour": 3600,
    "minute": 60, "second": 1, "week": 168 * 3600, "day": 24 * 3600, "year": 12, "month": 1,
    "yard": 36, "foot": 12, "feet": 12, "inch": 1, "dozen": 12, "egg": 1}
EXPRESSION = r"\d+(?:[-+*/]\d+)*"


def items(suite, effort, count=ITEMS, seed=1):
    rng = random.Random(f"{suite.NAME} {effort} {seed}")
    return [suite.make(rng, effort) for _ in range(count)]


def size(unit):
    return SIZES.get(unit) or SIZES.get(unit.removesuffix("es")) or SIZES[unit.removesuffix("s")]


def arithmetic_answer(user):
    a, b = (int(number) for number in re.findall(r"\d+", user))
    if re.search(r"\+|plus|Add|sum", user):
        return str(a + b)
    if re.search(r"\*| x |times|Multiply|product", user):
        return str(a * b)
    return str(abs(a - b))


def letters_answer(user):
    text = max(re.findall(r"[A-Z]{5,}", user), key=len)
    if re.search("many|often|Count", user):
        letter, = re.findall(r"\b[A-Z]\b", user)
        return str(text.count(letter))
    if re.search("ever|backwards", user):
        return "".join(reversed(text))
    return "".join(sorted(text))


def measures_answer(user):
    dates = [datetime.date.fromisoformat(date) for date in re.findall(r"\d{4}-\d\d-\d\d", user)]
    back = -1 if re.search(r"before|ago|minus|Subtract", user) else 1
    if len(dates) == 2:
        days = abs((dates[1] - dates[0]).days)
        return f"{days} day{'s' * (days != 1)}"
    if dates:
        days = int(re.search(r"(\d+) days", user)[1])
        return (dates[0] + datetime.timedelta(back * days)).isoformat()
    amounts = [(int(number), unit) for number, unit in
               re.findall(r"(?<!:)\b(\d+) ([a-z]+)", user)]
    if time := re.search(r"(\d\d):(\d\d)", user):
        seconds = sum(number * size(unit) for number, unit in amounts)
        minutes = int(time[1]) * 60 + int(time[2]) + back * seconds // 60
        return f"{minutes // 60 % 24:02}:{minutes % 60:02}"
    if weekday := re.search("|".join(WEEKDAYS), user):
        return WEEKDAYS[(WEEKDAYS.index(weekday[0]) + back * amounts[0][0]) % 7]
    return conversion_answer(user, amounts)


def conversion_answer(user, amounts):
    units = re.search(r"How many (.*) are|(?:to|in) ([a-z ]+)[.?]?$", user)
    left = sum(number * size(unit) for number, unit in amounts)
    parts = []
    for unit in (units[1] or units[2]).split(" and "):
        number, left = divmod(left, size(unit))
        parts.append(f"{number} {singular(unit) if number == 1 else unit}")
    assert left == 0, user
    return " and ".join(parts)


def singular(unit):
    if unit in SIZES:
        return "foot" if unit == "feet" else unit
    return "inch" if unit == "inches" else unit.removesuffix("s")


ANSWERS = {"arithmetic": arithmetic_answer, "measures": measures_answer, "letters": letters_answer}


def value(expression):
    return eval(re.sub(r"\b0+(?=\d)", "", expression))  # only digits and signs: see EXPRESSION


class SuitesTest(unittest.TestCase):
    def test_answers_are_right(self):
        for suite in SUITES:
            for effort in EFFORTS:
                for item in items(suite, effort):
                    turn, = item.turns
                    step, = turn.steps
                    self.assertEqual(step.final, ANSWERS[suite.NAME](turn.user), turn.user)
                    self.assertEqual((item.suite, item.effort), (suite.NAME, effort))
                    self.assertEqual(step.analysis is None, effort == "low")

    def test_claims_are_right(self):
        """`a+b=c` and `a<b`. A column of a difference, `2-5-0=17`, means 2-5-0 = 7 - 10."""
        for suite in (arithmetic, measures):
            for effort in ("medium", "high"):
                for item in items(suite, effort):
                    self.check_claims(suite, item.turns[0].steps[0].analysis)

    def check_claims(self, suite, analysis):
        claims = re.findall(rf"({EXPRESSION})(<=|>=|<|>|=)(?=({EXPRESSION}))", analysis)
        self.assertEqual(len(claims), len(re.findall("[<>=]+", analysis))
                         - len(re.findall("[a-z]=", analysis)), analysis)
        for left, sign, right in claims:
            if suite is arithmetic and re.fullmatch(r"\d-\d-\d", left):
                right = f"{right[1]}-{right[0]}*10"
            left, right = value(left), value(right)
            holds = {"=": left == right, "<": left < right, "<=": left <= right,
                     ">": left > right, ">=": left >= right}[sign]
            self.assertTrue(holds, (left, sign, right, analysis))

    def test_columns_end_in_the_result(self):
        for effort in ("medium", "high"):
            for item in items(arithmetic, effort):
                step = item.turns[0].steps[0]
                lines = step.analysis.split("\ncheck\n")[0].split("\n")
                self.assertEqual(int(lines[-1].split(":")[1]), int(step.final), step.analysis)
                for line in lines:
                    if ":" in line:
                        self.check_columns(*line.split(":"))

    def check_columns(self, columns, digits):
        results = [column.split("=")[1] for column in columns.split(",")]
        carried = 0
        for column, result in zip(columns.split(","), results):
            self.assertEqual(int(re.search(r"(\d)=", column)[1]), carried, columns)
            carried = int(result[0])
        whole = results[-1] + "".join(result[1] for result in reversed(results[:-1]))
        self.assertEqual(int(digits.rstrip("0") or 0), int(whole.rstrip("0") or 0), columns)

    def test_letters_are_worked_through(self):
        for effort in ("medium", "high"):
            for item in items(letters, effort):
                analysis = item.turns[0].steps[0].analysis
                text, *asked = item.key.split(":")[1:]
                lines = [re.findall(r"(\d+)([A-Z])(\d*)", line) for line in analysis.split("\n")]
                self.assertEqual("".join(letter for _, letter, _ in lines[0]), text)
                for number, (place, letter, count) in enumerate(lines[0], 1):
                    self.assertEqual(int(place), number)
                    if asked:
                        self.assertEqual(int(count), text[:number].count(asked[0]))
                if effort == "high" and asked:
                    places = re.findall(r"\d+", analysis.split("\n")[1])
                    self.assertEqual([text[int(place) - 1] for place in places],
                                     [asked[0]] * text.count(asked[0]))
                elif effort == "high":
                    self.assertEqual("".join(letter for _, letter, _ in lines[1]),
                                     item.turns[0].steps[0].final)

    def test_letters_have_the_promised_lengths_and_counts(self):
        for effort in EFFORTS:
            longest, most = (7, 3) if effort == "low" else (10, 4)
            counts = set()
            for item in items(letters, effort):
                task, text, *asked = item.key.split(":")
                self.assertIn(len(text), range(5, longest + 1), text)
                counts.update([text.count(asked[0])] if asked else [])
            self.assertEqual(counts, set(range(most + 1)))

    def test_one_right_answer_for_a_question(self):
        for suite in SUITES:
            for effort in EFFORTS:
                known = {}
                for item in items(suite, effort, 20_000):
                    turn = item.turns[0]
                    self.assertEqual(known.setdefault(turn.user, (item.key, turn.steps)),
                                     (item.key, turn.steps))

    def test_enough_is_held_out(self):
        for suite in SUITES:
            keys = set()
            for effort in EFFORTS:
                keys |= {item.key for item in items(suite, effort, 20_000 // 3) if item.held_out}
            self.assertGreaterEqual(len(keys), 500, suite.NAME)

    def test_items_depend_on_the_generator_alone(self):
        for suite in SUITES:
            self.assertEqual(items(suite, "high", 200), items(suite, "high", 200))


if __name__ == "__main__":
    unittest.main()

"""Up to four declared tools and a request: the right call and an answer from its result, or a
refusal."""

import json

from item import Item, Step, Turn
from suites.tool_pool import POOL

NAME = "tools"

REFUSAL = "None of my tools can do that."
_DECLARED, _FOUR_SHARE = 4, 0.7  # the others have fewer
_REFUSED = 0.45
_OPENINGS = ("", "", "", "", "", "Please help me. ", "Hello! ", "One more thing: ")


def _analysis(declared, needed, calls, effort):
    """Which tool it takes, and whether it is there: one by one, which is easier than at a glance. At
    high effort also what it is called with."""
    if effort == "low":
        return None
    compared = [f"{entry.name}: {'yes' if entry is needed else 'no'}." for entry in declared]
    text = f"I need {needed.name}. {' '.join(compared)}"
    if effort == "high" and needed in declared:
        given = [f"{name} = {value}" for call in calls for name, value in call.items()]
        text += f" {', '.join(given) or 'No arguments'}."
    return text


def _steps(rng, declared, needed, calls, effort):
    analysis = _analysis(declared, needed, calls, effort)
    if needed not in declared:
        return [Step(final=REFUSAL, analysis=analysis)]
    steps, answers = [], []
    for index, arguments in enumerate(calls):
        result = needed.result(rng, arguments)
        answers.append(needed.answer.format_map(arguments | result))
        steps.append(Step(analysis=analysis, call=(needed.name, arguments),
                          result=needed.written(result)))
        if effort != "low":
            analysis = "Done." if index == len(calls) - 1 else "One more."
    return [*steps, Step(final=" ".join(answers), analysis=analysis)]


def _request(rng, entry):
    """Returns what the user says and the arguments of the calls that it takes."""
    arguments = entry.draw(rng)
    return rng.choice(entry.wordings).format_map(arguments), [arguments]


def _double_request(rng, entry):
    one, two = entry.draw(rng), entry.draw(rng)
    while one == two:
        two = entry.draw(rng)
    first, second = (next(iter(arguments.values())) for arguments in (one, two))
    return rng.choice(entry.pair).format(one=first, two=second), [one, two]


def _turn(rng, declared, others, effort):
    """A turn and what it is about."""
    double = rng.random() < 0.2
    pool = others if rng.random() < _REFUSED else declared
    entry = rng.choice(pool)
    if double and entry.pair:
        user, calls = _double_request(rng, entry)
    else:
        user, calls = _request(rng, entry)
    steps = _steps(rng, declared, entry, calls, effort)
    return Turn(rng.choice(_OPENINGS) + user, steps), f"{entry.name}{json.dumps(calls)}"


def make(rng, effort, more=0):
    """`more`: further requests to the same tools, in turns of their own."""
    shuffled = rng.sample(POOL, len(POOL))
    count = _DECLARED if rng.random() < _FOUR_SHARE else rng.randrange(1, _DECLARED)
    declared, others = shuffled[:count], shuffled[count:]
    names = ",".join(sorted(entry.name for entry in declared))
    turns, asked = [], []
    for _ in range((2 if rng.random() < 0.12 else 1) + more):
        turn, about = _turn(rng, declared, others, effort)
        turns.append(turn)
        asked.append(f"{about} with {names}")
    return Item(
        suite=NAME,
        key="\n".join(asked),
        effort=effort,
        turns=turns,
        tools=[entry.tool for entry in declared],
    )

"""A short text and a small schema: the answer is JSON with the schema's fields, in its order."""

import dataclasses
import json

from item import Item, Step, Turn
from suites import words
from suites.extraction_kinds import DISTRACTORS, KINDS

NAME = "extraction"

# Behind the text, and in front of it.
_ASK_BEHIND = (
    "Give me this as JSON: {schema}",
    "Extract these fields as JSON: {schema}",
    "Answer with JSON: {schema}",
    "Fill in this schema: {schema}",
)
_ASK_BEFORE = (
    "Write JSON with these fields: {schema}\nText:",
    "Read the text below and give me JSON: {schema}",
    "Fields: {schema}\nText:",
)
_INSTRUCT = (
    "Answer with JSON of this form: {schema}",
    "Extract these fields from each message as JSON: {schema}",
    "You read notes and write JSON: {schema}",
)


@dataclasses.dataclass(frozen=True)
class _Asked:
    """A field of the schema: under which name it is asked for, and whether it may be missing."""

    name: str
    field: object
    value: object
    nullable: bool


def _written(asked_value):
    """A value as the text has it."""
    return words.listed(asked_value) if isinstance(asked_value, list) else asked_value


def _text(rng, kind, head, details, values):
    """The note: a sentence for the head's fields and one for each detail."""
    shown = {name: _written(value) for name, value in values.items()}
    sentences = [rng.choice(head.wordings).format_map(shown)]
    for name in details:
        wordings = kind.details[name]
        if isinstance(wordings, dict):
            wordings = wordings[values[name]]
        sentences.append(rng.choice(wordings).format_map(shown))
    if rng.random() < 0.2:
        sentences.append(rng.choice(DISTRACTORS).format(n=rng.randrange(2, 30)))
    if rng.random() < 0.4:
        rng.shuffle(sentences)
    return " ".join(sentences)


def _json_type(asked):
    kind = asked.field.kind
    types = [kind, "null"] if asked.nullable else kind
    if kind == "array":
        return {"type": types, "items": {"type": "string"}}
    if kind == "enum":
        options = list(asked.field.options)
        return {"enum": [*options, None] if asked.nullable else options}
    return {"type": types}


def _plain_type(asked):
    kind = asked.field.kind
    if kind == "array":
        kind = "array of strings"
    elif kind == "enum":
        kind = " or ".join(asked.field.options)
    return f"{kind} or null" if asked.nullable else kind


def _schema(rng, asked):
    """The schema as JSON, as a list with a line each, or as one line."""
    form = rng.random()
    if form < 0.4:
        properties = {one.name: _json_type(one) for one in asked}
        return json.dumps({"type": "object", "properties": properties})
    if form < 0.7:
        return "".join(f"\n- {one.name}: {_plain_type(one)}" for one in asked)
    return ", ".join(f"{one.name} ({_plain_type(one)})" for one in asked)


def _choose(rng, kind):
    """What the text tells and what is asked: (head, details, values, asked)."""
    values = {field.name: field.draw(rng) for field in kind.fields}
    for one, other in kind.differ:
        while values[one] == values[other]:
            values[one] = kind.field(one).draw(rng)
    head = rng.choice(kind.heads)
    rest = [name for name in kind.details if name not in head.fields]
    rng.shuffle(rest)
    details = rest[:rng.choice((1, 1, 2, 2, 3))]
    told = [*head.fields, *details]
    missing = [name for name in rest if name not in details]

    count = min(len(told), rng.choice((2, 2, 3, 3, 4, 5)))
    names = rng.sample(told, count)
    nullable = set()
    if rng.random() < 0.3:
        nullable.add(names[0])
        if missing and rng.random() < 0.6:
            lacking = rng.choice(missing)
            nullable.add(lacking)
            names[-1] = lacking
    rng.shuffle(names)
    asked = []
    for name in names:
        field = kind.field(name)
        value = values[name] if name in told else None
        asked.append(_Asked(rng.choice(field.aliases), field, value, name in nullable))
    return head, details, values, asked


def _fill(wording, schema):
    """A list begins on a line of its own: no space stands in front of it."""
    return wording.format(schema=schema).replace(": \n", ":\n")


def _in_short(value):
    """A value in the analysis."""
    if isinstance(value, str):
        return value
    return "+".join(value) if isinstance(value, list) else json.dumps(value)


def _analysis(asked, effort):
    if effort == "low":
        return None
    if effort == "medium":
        return ", ".join(one.name for one in asked)
    return ", ".join(f"{one.name}={_in_short(one.value)}" for one in asked)


def make(rng, effort):
    kind = rng.choice(KINDS)
    head, details, values, asked = _choose(rng, kind)
    text = _text(rng, kind, head, details, values)
    schema = _schema(rng, asked)

    instructions, user = None, text
    place = rng.random()
    if place < 0.4:
        user = text + "\n" + _fill(rng.choice(_ASK_BEHIND), schema)
    elif place < 0.65:
        user = _fill(rng.choice(_ASK_BEFORE), schema) + "\n" + text
    else:
        instructions = _fill(rng.choice(_INSTRUCT), schema)

    final = json.dumps({one.name: one.value for one in asked}, ensure_ascii=False)
    told = sorted((name, values[name]) for name in (*head.fields, *details))
    key = f"{kind.name}|{json.dumps(told)}|{','.join(one.name for one in asked)}"
    return Item(
        suite=NAME,
        key=key,
        effort=effort,
        turns=[Turn(user, [Step(final=final, analysis=_analysis(asked, effort))])],
        instructions=instructions,
        is_json=True,
    )

"""The notes of the extraction suite: what each kind tells, and in which sentences."""

import dataclasses
from collections.abc import Callable

from suites import words


@dataclasses.dataclass(frozen=True)
class Field:
    aliases: tuple[str, ...]  # names under which a schema asks for it; the first is ours
    kind: str  # string, integer, boolean, array (of strings) or enum
    draw: Callable
    options: tuple[str, ...] = ()

    @property
    def name(self):
        return self.aliases[0]


@dataclasses.dataclass(frozen=True)
class Head:
    """The sentence that every note of a kind has."""

    fields: tuple[str, ...]
    wordings: tuple[str, ...]


class Kind:
    def __init__(self, name, fields, heads, details, differ=()):
        self.name = name
        self.fields = fields
        self.heads = heads
        # The sentences of one field: a tuple, or one for each value of a boolean.
        self.details = details
        # Pairs of fields that never have the same value.
        self.differ = differ
        self._by_name = {field.name: field for field in fields}

    def field(self, name):
        return self._by_name[name]


def _of(options):
    return lambda rng: rng.choice(options)


def _number(low, high):
    return lambda rng: rng.randint(low, high)


def _some(options):
    return lambda rng: rng.sample(options, rng.choice((2, 2, 3)))


def _digits(count):
    return lambda rng: "".join(rng.choice("0123456789") for _ in range(count))


_yes_or_no = _of((True, False))
_WAYS = ("truck", "train", "ship")
_SIZES = ("small", "medium", "large")

# Sentences that tell nothing a schema asks for.
DISTRACTORS = (
    "The weather is fine.",
    "It rained all night.",
    "This note has {n} words.",
    "Please keep this note.",
    "We waited for {n} minutes.",
    "Many thanks for your help.",
    "The last note was too long.",
    "The office opens at {n} past eight.",
)

PERSON = Kind(
    "person",
    (
        Field(("name", "person"), "string", _of(words.FIRST_NAMES)),
        Field(("age", "years"), "integer", _number(18, 90)),
        Field(("town", "city"), "string", _of(words.TOWNS)),
        Field(("job", "work"), "string", _of(words.JOBS)),
        Field(("married",), "boolean", _yes_or_no),
        Field(("languages", "speaks"), "array", _some(words.LANGUAGES)),
    ),
    (
        Head(("name", "age"), ("{name} is {age} years old.", "{name} has just turned {age}.",
                               "At the age of {age}, {name} began to sing.")),
        Head(("name", "age", "town"), ("{name}, {age}, lives in {town}.",
                                       "{name} from {town} is {age} years old.")),
        Head(("name", "job", "town"), ("{name} works as a {job} in {town}.",
                                       "In {town}, {name} is known as a good {job}.")),
    ),
    {
        "age": ("{name} is {age} years old.", "{name} is now {age}."),
        "town": ("{name} lives in {town}.", "The home of {name} is in {town}."),
        "job": ("{name} is a {job}.", "{name} earns money as a {job}."),
        "married": {
            True: ("{name} is married.", "{name} is happily married."),
            False: ("{name} is not married.", "{name} has never been married."),
        },
        "languages": ("{name} speaks {languages}.", "{name} can read {languages}."),
    },
)

DELIVERY = Kind(
    "delivery",
    (
        Field(("item", "goods"), "string", _of(words.GOODS)),
        Field(("boxes", "count"), "integer", _number(2, 99)),
        Field(("town", "place"), "string", _of(words.TOWNS)),
        Field(("driver", "name"), "string", _of(words.FIRST_NAMES)),
        Field(("day",), "string", _of(words.WEEKDAYS)),
        Field(("fragile",), "boolean", _yes_or_no),
        Field(("way", "by"), "enum", _of(_WAYS), _WAYS),
    ),
    (
        Head(("item", "boxes", "town"), ("{boxes} boxes of {item} go to {town}.",
                                         "We send {boxes} boxes of {item} to {town}.",
                                         "{town} gets {boxes} boxes of {item}.")),
        Head(("driver", "item", "town"), ("{driver} brings the {item} to {town}.",
                                          "The {item} for {town} come with {driver}.")),
        Head(("boxes", "item", "day"), ("On {day} we send {boxes} boxes of {item}.",
                                        "{boxes} boxes of {item} leave on {day}.")),
    ),
    {
        "town": ("The goods are for {town}.", "The trip ends in {town}."),
        "driver": ("The driver is {driver}.", "{driver} is the driver."),
        "day": ("The delivery is due on {day}.", "They arrive on {day}."),
        "fragile": {
            True: ("The load is fragile.", "Take care, the load is fragile."),
            False: ("The load is not fragile.", "Nothing in it is fragile."),
        },
        "way": ("The load goes by {way}.", "It will travel by {way}."),
    },
)

VOYAGE = Kind(
    "voyage",
    (
        Field(("ship",), "string", _of(words.SHIPS)),
        Field(("from", "start"), "string", _of(words.TOWNS)),
        Field(("to", "port"), "string", _of(words.TOWNS)),
        Field(("captain",), "string", _of(words.FIRST_NAMES)),
        Field(("crew",), "integer", _number(3, 60)),
        Field(("cargo", "load"), "array", _some(words.GOODS)),
        Field(("days",), "integer", _number(2, 40)),
        Field(("late",), "boolean", _yes_or_no),
    ),
    (
        Head(("ship", "from", "to"), ("The {ship} sails from {from} to {to}.",
                                      "From {from} the {ship} sails to {to}.",
                                      "The {ship} is on her way to {to} and left from {from}.")),
        Head(("ship", "to", "days"), ("The {ship} reaches {to} in {days} days.",
                                      "In {days} days the {ship} will be in {to}.")),
        Head(("captain", "ship", "to"), ("Captain {captain} takes the {ship} to {to}.",
                                         "The {ship} sails to {to} under Captain {captain}.")),
    ),
    {
        "from": ("The ship left {from} at noon.", "The voyage began in {from}."),
        "captain": ("The captain is {captain}.", "{captain} is the captain."),
        "crew": ("The crew are {crew} people.", "There is a crew of {crew} on board."),
        "cargo": ("The ship carries {cargo}.", "On board are {cargo}."),
        "days": ("The voyage takes {days} days.", "The ship is at sea for {days} days."),
        "late": {
            True: ("The ship is late.", "The ship will be late."),
            False: ("The ship is not late.", "The ship is on time."),
        },
    },
    (("from", "to"),),
)

MEETING = Kind(
    "meeting",
    (
        Field(("name", "who"), "string", _of(words.FIRST_NAMES)),
        Field(("day",), "string", _of(words.WEEKDAYS)),
        Field(("time", "hour"), "string", words.clock_time),
        Field(("room",), "integer", _number(1, 400)),
        Field(("town", "place"), "string", _of(words.TOWNS)),
        Field(("confirmed", "sure"), "boolean", _yes_or_no),
        Field(("topics", "about"), "array", _some(words.GOODS)),
    ),
    (
        Head(("name", "day", "time"), ("{name} comes on {day} at {time}.",
                                       "On {day} at {time} we meet {name}.",
                                       "The meeting with {name} is on {day} at {time}.")),
        Head(("name", "day"), ("We meet {name} on {day}.", "{name} wants to meet us on {day}.")),
        Head(("name", "town", "day"), ("On {day} we see {name} in {town}.",
                                       "{name} waits for us in {town} on {day}.")),
    ),
    {
        "time": ("The meeting begins at {time}.", "We start at {time}."),
        "room": ("The meeting is in room {room}.", "Please come to room {room}."),
        "town": ("We meet in {town}.", "The place is {town}."),
        "confirmed": {
            True: ("The date is confirmed.", "The meeting is confirmed."),
            False: ("The date is not confirmed.", "The meeting is not confirmed yet."),
        },
        "topics": ("We will talk about {topics}.", "The topics are {topics}."),
    },
)

ORDER = Kind(
    "order",
    (
        Field(("customer", "name"), "string", _of(words.FIRST_NAMES)),
        Field(("goods", "items"), "array", _some(words.GOODS)),
        Field(("price", "euros"), "integer", _number(5, 900)),
        Field(("paid",), "boolean", _yes_or_no),
        Field(("size",), "enum", _of(_SIZES), _SIZES),
        Field(("town", "city"), "string", _of(words.TOWNS)),
        Field(("day",), "string", _of(words.WEEKDAYS)),
    ),
    (
        Head(("customer", "goods"), ("{customer} orders {goods}.", "{customer} wants {goods}.",
                                     "Please send {goods} to {customer}.")),
        Head(("customer", "goods", "price"), ("{customer} buys {goods} for {price} euros.",
                                              "For {price} euros, {customer} gets {goods}.")),
        Head(("customer", "town", "goods"), ("{customer} from {town} orders {goods}.",
                                             "{customer} in {town} needs {goods}.")),
    ),
    {
        "price": ("The price is {price} euros.", "The order costs {price} euros."),
        "paid": {
            True: ("The order is paid.", "Everything is paid."),
            False: ("The order is not paid.", "Nothing is paid yet."),
        },
        "size": ("The box is {size}.", "A {size} box will do."),
        "town": ("The order goes to {town}.", "The customer lives in {town}."),
        "day": ("We deliver on {day}.", "The order must be there by {day}."),
    },
)

LOST_PET = Kind(
    "lost pet",
    (
        Field(("animal", "kind"), "enum", _of(words.ANIMALS[:4]), words.ANIMALS[:4]),
        Field(("name", "called"), "string", _of(words.PET_NAMES)),
        Field(("colour",), "string", _of(("black", "white", "brown", "grey"))),
        Field(("owner",), "string", _of(words.FIRST_NAMES)),
        Field(("phone",), "string", _digits(5)),
        Field(("found",), "boolean", _yes_or_no),
        Field(("town", "place"), "string", _of(words.TOWNS)),
        Field(("reward",), "integer", _number(5, 300)),
    ),
    (
        Head(("animal", "name", "owner"), ("{owner} has lost the {animal} {name}.",
                                           "The {animal} {name} belongs to {owner}.")),
        Head(("colour", "animal", "town"), ("A {colour} {animal} ran away in {town}.",
                                            "In {town} we look for a {colour} {animal}.")),
        Head(("name", "animal", "colour"), ("{name} is a {colour} {animal}.",
                                            "We miss {name}, a {colour} {animal}.")),
    ),
    {
        "owner": ("The owner is {owner}.", "{owner} is the owner."),
        "phone": ("Please call {phone}.", "The phone number is {phone}."),
        "found": {
            True: ("The animal is found.", "The animal was found this morning."),
            False: ("The animal is not found yet.", "The animal was not found."),
        },
        "town": ("It happened in {town}.", "The animal was last seen in {town}."),
        "reward": ("The reward is {reward} euros.", "There is a reward of {reward} euros."),
    },
)

KINDS = (PERSON, DELIVERY, VOYAGE, MEETING, ORDER, LOST_PET)

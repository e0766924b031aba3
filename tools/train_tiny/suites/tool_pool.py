"""The tools of the tool suite: what each takes, how it is asked for, and what it answers.

A tool has one description, one schema and one shape of result, so that there is little to learn
about each; the requests differ in wording and values.
"""

import dataclasses
import json
from collections.abc import Callable

from item import Tool
from suites import words

_STRING = {"type": "string"}
_INTEGER = {"type": "integer"}
_MONEY = ("euros", "dollars", "pounds")
_STYLES = ("jazz", "folk", "rock", "piano")
_ROOMS = ("kitchen", "hall", "garden", "cellar")
_SKIES = ("sun", "rain", "snow", "fog", "wind")
_MAILS = (
    "The boat is ready", "Dinner is at seven", "I will be late", "The train has left",
    "Please call me back", "The parcel is here", "We meet at noon", "The key is in the box",
)
_SONG_STARTS = ("Blue", "Golden", "Silver", "Quiet", "Long", "Little")
_SONG_ENDS = ("Harbour", "River", "Morning", "Road", "Garden", "Winter")


def _enum(options):
    return {"type": "string", "enum": list(options)}


@dataclasses.dataclass(frozen=True)
class PoolTool:
    tool: Tool
    draw: Callable  # (rng) -> the arguments
    wordings: tuple[str, ...]  # of the user, with the arguments
    result: Callable  # (rng, arguments) -> what the answer tells, as a dict
    answer: str  # with the arguments and the result
    plain: bool = False  # the result is text and not JSON
    pair: tuple[str, ...] = ()  # wordings for two calls, which differ in the first argument

    @property
    def name(self):
        return self.tool.name

    def written(self, result):
        """The result as the tool gives it."""
        return str(next(iter(result.values()))) if self.plain else json.dumps(result)


def _tool(name, description, /, **properties):
    if not properties:
        return Tool(name, description, None)
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return Tool(name, description, schema)


def _done(_rng, _arguments):
    return {"status": "done"}


def _product(rng):
    return {"expression": f"{rng.randint(1000, 9999)} * {rng.randint(100, 999)}"}


def _exchange(rng):
    give, get = rng.sample(_MONEY, 2)
    return {"amount": rng.randint(2, 900), "from": give, "to": get}


def _multiplied(_rng, arguments):
    left, right = arguments["expression"].split(" * ")
    return {"value": int(left) * int(right)}


def _trip(rng):
    start, end = rng.sample(words.TOWNS, 2)
    return {"from": start, "to": end}


CLOCK = PoolTool(
    _tool("clock", "Tells the time in a town.", town=_STRING),
    lambda rng: {"town": rng.choice(words.TOWNS)},
    ("What time is it in {town}?", "Tell me the time in {town}.", "How late is it in {town} now?"),
    lambda rng, _: {"time": words.clock_time(rng)},
    "It is {time} in {town}.",
    plain=True,
    pair=("What time is it in {one} and in {two}?", "Tell me the time in {one} and {two}."),
)
WEATHER = PoolTool(
    _tool("weather", "Tells the weather in a town.", town=_STRING),
    lambda rng: {"town": rng.choice(words.TOWNS)},
    ("How is the weather in {town}?", "What is the weather like in {town}?",
     "Do I need a coat in {town} today?", "Is it warm in {town}?"),
    lambda rng, _: {"sky": rng.choice(_SKIES), "degrees": rng.randint(1, 35)},
    "There is {sky} in {town} at {degrees} degrees.",
    pair=("How is the weather in {one} and in {two}?", "Compare the weather in {one} and {two}."),
)
TIDES = PoolTool(
    _tool("tides", "Tells when the tide is high.", port=_STRING),
    lambda rng: {"port": rng.choice(words.TOWNS)},
    ("When is high tide in {port}?", "When does the tide come in at {port}?",
     "Tell me the tides of {port}."),
    lambda rng, _: {"high": words.clock_time(rng), "low": words.clock_time(rng)},
    "High tide in {port} is at {high}, low tide at {low}.",
    pair=("When is high tide in {one} and in {two}?",),
)
FERRY = PoolTool(
    _tool("ferry", "Finds the next ferry.", **{"from": _STRING, "to": _STRING}),
    _trip,
    ("When does the next ferry go from {from} to {to}?", "Find me a ferry from {from} to {to}.",
     "I want to take the ferry from {from} to {to}."),
    lambda rng, _: {"leaves": words.clock_time(rng), "price": rng.randint(5, 90)},
    "The ferry from {from} to {to} leaves at {leaves} and costs {price} euros.",
)
FIND_SHIP = PoolTool(
    _tool("find_ship", "Tells where a ship is.", ship=_STRING),
    lambda rng: {"ship": rng.choice(words.SHIPS)},
    ("Where is the {ship}?", "Where is the ship {ship} now?", "Find the {ship} for me."),
    lambda rng, _: {"north": rng.randint(1, 70), "east": rng.randint(1, 99)},
    "The {ship} is at {north} north, {east} east.",
    pair=("Where are the {one} and the {two}?", "Find the {one} and the {two} for me."),
)
PHONE_BOOK = PoolTool(
    _tool("phone_book", "Finds a phone number.", name=_STRING),
    lambda rng: {"name": rng.choice(words.FIRST_NAMES)},
    ("What is the phone number of {name}?", "Look up the number of {name}.",
     "I want to phone {name}. What is the number?"),
    lambda rng, _: {"number": rng.randint(10000, 99999)},
    "The number of {name} is {number}.",
    plain=True,
    pair=("What are the phone numbers of {one} and {two}?",),
)
STOCK = PoolTool(
    _tool("stock", "Counts boxes in the store.", item=_STRING),
    lambda rng: {"item": rng.choice(words.GOODS)},
    ("How many boxes of {item} do we have?", "How many boxes of {item} are in the store?",
     "Count the boxes of {item}."),
    lambda rng, _: {"boxes": rng.randint(2, 999)},
    "There are {boxes} boxes of {item}.",
    pair=("How many boxes of {one} and of {two} do we have?",),
)
DICE = PoolTool(
    _tool("roll_dice", "Rolls two dice.", sides=_INTEGER),
    lambda rng: {"sides": rng.randint(4, 40)},
    ("Roll two dice with {sides} sides.", "Throw the dice for me, {sides} sides each.",
     "Please roll dice of {sides} sides."),
    lambda rng, a: {"first": rng.randint(1, a["sides"]), "second": rng.randint(1, a["sides"])},
    "The dice show {first} and {second}.",
)
CALCULATOR = PoolTool(
    _tool("calculator", "Works out an expression.", expression=_STRING),
    _product,
    ("What is {expression}?", "Work out {expression}.", "Compute {expression} for me."),
    _multiplied,
    "{expression} is {value}.",
    plain=True,
)
EXCHANGE = PoolTool(
    _tool("exchange", "Converts money.",
          **{"amount": _INTEGER, "from": _enum(_MONEY), "to": _enum(_MONEY)}),
    _exchange,
    ("How many {to} are {amount} {from}?", "Convert {amount} {from} to {to}.",
     "I have {amount} {from}. What is that in {to}?"),
    lambda rng, a: {"value": max(1, a["amount"] * rng.randint(60, 160) // 100)},
    "{amount} {from} are {value} {to}.",
    plain=True,
)
SEND_MAIL = PoolTool(
    _tool("send_mail", "Sends a mail.", to=_STRING, text=_STRING),
    lambda rng: {"to": rng.choice(words.FIRST_NAMES), "text": rng.choice(_MAILS)},
    ("Send a mail to {to}: {text}.", "Write to {to}: {text}.", "Mail {to} this: {text}."),
    _done,
    "I have sent the mail to {to}.",
    plain=True,
)
ALARM = PoolTool(
    _tool("set_alarm", "Sets an alarm.", time=_STRING),
    lambda rng: {"time": words.clock_time(rng)},
    ("Wake me at {time}.", "Set an alarm for {time}.", "I have to get up at {time}. Wake me."),
    _done,
    "The alarm is set for {time}.",
    plain=True,
)
TIMER = PoolTool(
    _tool("set_timer", "Starts a timer.", minutes=_INTEGER),
    lambda rng: {"minutes": rng.randint(2, 120)},
    ("Start a timer of {minutes} minutes.", "Tell me when {minutes} minutes are over.",
     "The eggs need {minutes} minutes. Start a timer."),
    _done,
    "The timer runs for {minutes} minutes.",
    plain=True,
)
MUSIC = PoolTool(
    _tool("play_music", "Plays a song.", style=_enum(_STYLES)),
    lambda rng: {"style": rng.choice(_STYLES)},
    ("Play some {style}.", "I want to hear {style} music.", "Put on a {style} song, please."),
    lambda rng, _: {"song": f"{rng.choice(_SONG_STARTS)} {rng.choice(_SONG_ENDS)}"},
    "You hear {song}.",
)
LIGHT = PoolTool(
    _tool("light", "Switches a light.", room=_enum(_ROOMS), state=_enum(("on", "off"))),
    lambda rng: {"room": rng.choice(_ROOMS), "state": rng.choice(("on", "off"))},
    ("Switch the light in the {room} {state}.", "Turn the {room} light {state}.",
     "Light {state} in the {room}, please."),
    _done,
    "The light in the {room} is {state}.",
    plain=True,
)
TODAY = PoolTool(
    _tool("today", "Tells the date."),
    lambda _: {},
    ("What date is it today?", "Which day is today?", "Tell me today's date."),
    lambda rng, _: {"day": rng.choice(words.WEEKDAYS), "date": rng.randint(1, 28)},
    "Today is {day} the {date}.",
)

POOL = (
    CLOCK, WEATHER, TIDES, FERRY, FIND_SHIP, PHONE_BOOK, STOCK, DICE, CALCULATOR, EXCHANGE,
    SEND_MAIL, ALARM, TIMER, MUSIC, LIGHT, TODAY,
)

"""Strings of 5 to 10 capital letters: reverse them, sort them, count a letter in them.

The working goes through the letters one by one, each with its number: `1Q,2Z,3R`. For counting,
the count so far stands behind each letter: `1B0,2A1,3N1,4A2`. The numbers tell apart letters that
occur twice. At high effort the result is written with numbers too, so that both lists must end
with the same one, or the places of the counted letter are named."""

from item import Item, Step, Turn

NAME = "letters"

TASKS = ("reverse", "sort", "count")
TASK_SHARES = (0.28, 0.32, 0.4)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
WORD_SHARE = 0.15
REPEAT_SHARE = 0.25
# How often the asked letter occurs 0, 1, 2, 3, 4 times.
COUNT_SHARES = (0.14, 0.22, 0.3, 0.22, 0.12)
LOW_COUNT_SHARES = (0.22, 0.3, 0.3, 0.18)
ADJACENT_SHARE = 0.4
LONGEST, LOW_LONGEST = 10, 7

WORDINGS = {
    "reverse": (
        "Reverse {s}.", "Spell {s} backwards.", "Write {s} backwards.", "What is {s} backwards?",
        "What is {s} reversed?", "Reverse the letters of {s}."),
    "sort": (
        "Sort {s}.", "Sort the letters of {s}.", "Put the letters of {s} in order.",
        "Sort {s} alphabetically.", "What is {s} sorted?", "Write the letters of {s} in order."),
    "count": (
        "How many times does {c} occur in {s}?", "How often does {c} occur in {s}?",
        "Count the letter {c} in {s}.", "How many times is {c} in {s}?",
        "How often is the letter {c} in {s}?", "In {s}, how many times does {c} occur?"),
}

WORDS = (
    "ANCHOR ANSWER APPLE AUTUMN BALLOON BANANA BASKET BETTER BOTTLE BRIDGE BUTTER CABBAGE CANDLE "
    "CARROT CASTLE CHEESE CHERRY CIRCLE COFFEE COMPASS COPPER CORNER COTTON CURTAIN DINNER DOCTOR "
    "DRAGON EAGLE EVENING FAMILY FARMER FEATHER FINGER FLOWER FOREST FRIEND GARDEN GLASS GRAPE "
    "GREEN HAMMER HARBOUR HELLO HILLS HONEY HORSE HOUSE ISLAND JACKET KETTLE KITCHEN LADDER "
    "LANTERN LEMON LETTER LIGHT MARKET MEADOW MELON MIRROR MODEL MONEY MORNING MOTHER MOUNTAIN "
    "MUSIC NEEDLE NUMBER OCEAN ONION ORANGE PAPER PARROT PENCIL PEPPER PICTURE PLANET POTATO "
    "QUEEN RABBIT RIVER ROCKET SADDLE SAILOR SCHOOL SEVEN SILVER SISTER SPOON STREET SUMMER SUNNY "
    "TABLE TEACHER THUNDER TOMATO TRAIN TUNNEL UNCLE VALLEY VILLAGE VIOLIN WATER WINDOW WINTER "
    "YELLOW ZEBRA").split()
LOW_WORDS = tuple(word for word in WORDS if len(word) <= LOW_LONGEST)


def make(rng, effort):
    low = effort == "low"
    task = rng.choices(TASKS, TASK_SHARES)[0]
    if task == "count":
        text, letter = _text_and_letter(rng, low)
        final, key = str(text.count(letter)), f"{task}:{text}:{letter}"
    else:
        text, letter = _text(rng, low), None
        final = text[::-1] if task == "reverse" else "".join(sorted(text))
        key = f"{task}:{text}"
    if low:
        analysis = None
    elif task == "count":
        analysis = _count_working(text, letter, effort == "high")
    else:
        analysis = _numbered(text)
        if effort == "high":
            analysis += f"\n{_numbered(final)}"
    user = rng.choice(WORDINGS[task]).format(s=text, c=letter)
    return Item(NAME, key, effort, [Turn(user, [Step(final=final, analysis=analysis)])])


def _text(rng, low):
    if rng.random() < WORD_SHARE:
        return rng.choice(LOW_WORDS if low else WORDS)
    letters = rng.sample(ALPHABET, rng.randint(5, LOW_LONGEST if low else LONGEST))
    if rng.random() < REPEAT_SHARE:
        _repeat_one(rng, letters)
    return "".join(letters)


def _text_and_letter(rng, low):
    if rng.random() < WORD_SHARE:
        text = rng.choice(LOW_WORDS if low else WORDS)
        return text, rng.choice(text if rng.random() < 0.85 else ALPHABET)
    shares = LOW_COUNT_SHARES if low else COUNT_SHARES
    count = rng.choices(range(len(shares)), shares)[0]
    letter, *others = rng.sample(ALPHABET, rng.randint(5, LOW_LONGEST if low else LONGEST) + 1)
    size = len(others)
    others = others[count:]
    if rng.random() < REPEAT_SHARE and len(others) > 1:
        _repeat_one(rng, others)
    if count > 1 and rng.random() < ADJACENT_SHARE:
        # Two of them side by side, the others wherever they come to stand.
        at = rng.randint(0, len(others))
        others[at:at] = [letter, letter]
        count -= 2
    for _ in range(count):
        others.insert(rng.randint(0, len(others)), letter)
    assert len(others) == size
    return "".join(others), letter


def _repeat_one(rng, letters):
    source, target = rng.sample(range(len(letters)), 2)
    letters[target] = letters[source]


def _numbered(text):
    return ",".join(f"{number}{letter}" for number, letter in enumerate(text, 1))


def _count_working(text, letter, checked):
    count, steps, places = 0, [], []
    for number, other in enumerate(text, 1):
        if other == letter:
            count += 1
            places.append(str(number))
        steps.append(f"{number}{other}{count}")
    working = ",".join(steps)
    if checked:
        working += f"\n{letter} at {','.join(places)}" if places else f"\nno {letter}"
    return working

"""Facts are told, the talk goes on, and one of them is asked for, from near or from far."""

import dataclasses

from item import Item, Step, Turn
from suites import words
from suites.fillers import FILLERS

NAME = "recall"

NOTED = "Noted."
UNKNOWN = "I was not told."

# In tokens, as `cost` guesses them: how far back the asked fact is, and the whole conversation.
FAR = (235, 400)
LONGEST = 470


@dataclasses.dataclass(frozen=True)
class _Kind:
    """How a fact about {s}, whose value is {v}, is told and asked for."""

    name: str
    subjects: tuple[str, ...]
    values: object  # a tuple, or a function of rng
    fact: str  # the analysis restates a fact like this, and a list has it like this
    other_facts: tuple[str, ...]
    topic: str  # what is asked for, when the value is
    questions: tuple[str, ...]  # for the value
    reverse_topic: str
    reverse: tuple[str, ...]  # for the subject
    heading: str | None = None  # of a list that has only the subjects and values


def _code(rng):
    return str(rng.randint(100, 9999))


def _berth(rng):
    return f"{rng.choice('ABCDEFGH')}{rng.randint(10, 99)}"


_KINDS = (
    _Kind("code", words.FIRST_NAMES, _code,
          "The code of {s} is {v}.",
          ("{s} has the code {v}.", "The code for {s}: {v}."),
          "the code of {s}",
          ("What is the code of {s}?", "What code does {s} have?", "Tell me the code of {s}."),
          "the code {v}",
          ("Whose code is {v}?", "Who has the code {v}?"),
          "Codes:"),
    _Kind("berth", words.SHIPS, _berth,
          "The {s} lies at berth {v}.",
          ("The ship {s} is at berth {v}.", "Berth of the {s}: {v}."),
          "the berth of the {s}",
          ("At which berth is the {s}?", "Where does the {s} lie?",
           "What is the berth of the {s}?"),
          "berth {v}",
          ("Which ship lies at berth {v}?", "Who lies at {v}?"),
          "Berths:"),
    _Kind("boat", words.FIRST_NAMES, words.COLOURS,
          "{s} has a {v} boat.",
          ("The boat of {s} is {v}.", "{s} sails a {v} boat."),
          "the boat of {s}",
          ("Which colour is the boat of {s}?", "What colour is the boat of {s}?"),
          "the {v} boat",
          ("Who has a {v} boat?", "Whose boat is {v}?")),
    _Kind("home", words.FIRST_NAMES, words.TOWNS,
          "{s} lives in {v}.",
          ("The home of {s} is in {v}.", "{s} has a house in {v}."),
          "the home of {s}",
          ("Where does {s} live?", "In which town does {s} live?", "Where is the home of {s}?"),
          "a home in {v}",
          ("Who lives in {v}?", "Whose home is in {v}?"),
          "Homes:"),
    _Kind("pet", words.FIRST_NAMES, words.PET_NAMES,
          "{s} has a pet called {v}.",
          ("The pet of {s} is called {v}.", "{s} calls the pet {v}."),
          "the pet of {s}",
          ("What is the pet of {s} called?", "What name has the pet of {s}?"),
          "a pet called {v}",
          ("Who has a pet called {v}?", "Whose pet is {v}?"),
          "Pets:"),
    _Kind("thing", words.FIRST_NAMES, words.THINGS,
          "{s} has the {v}.",
          ("The {v} is with {s}.", "I gave the {v} to {s}."),
          "the thing of {s}",
          ("What did I give to {s}?", "What does {s} have?"),
          "the {v}",
          ("Who has the {v}?", "Who got the {v}?")),
)

_TELL = ("Remember: {facts}", "Please remember this: {facts}", "Note: {facts}", "{facts}",
         "Keep in mind: {facts}")
_LIST = ("Remember this list.", "Here is a list.", "Please keep this list.")


@dataclasses.dataclass(frozen=True)
class _Fact:
    kind: _Kind
    subject: str
    value: str

    @property
    def sentence(self):
        return self.kind.fact.format(s=self.subject, v=self.value)

    def told(self, rng):
        wording = self.kind.fact if rng.random() < 0.5 else rng.choice(self.kind.other_facts)
        return wording.format(s=self.subject, v=self.value)


@dataclasses.dataclass(frozen=True)
class _Question:
    text: str
    topic: str
    answer: str
    fact: _Fact | None  # None: nobody was told


def cost(text):
    """A guess at the tokens of a message: words, digits one by one, and what frames it."""
    return 1.25 * (text.count(" ") + text.count("\n") + 1) + sum(map(str.isdigit, text)) + 6


def _facts(rng, kinds, count):
    """Facts of which no two of a kind have the same subject or the same value."""
    facts, seen = [], set()
    while len(facts) < count:
        kind = rng.choice(kinds)
        subject = rng.choice(kind.subjects)
        value = kind.values(rng) if callable(kind.values) else rng.choice(kind.values)
        if (kind.name, subject) not in seen and (kind.name, value) not in seen:
            seen |= {(kind.name, subject), (kind.name, value)}
            facts.append(_Fact(kind, subject, value))
    return facts


def _ask(rng, fact):
    kind = fact.kind
    if rng.random() < 0.25:
        wording, topic, answer = rng.choice(kind.reverse), kind.reverse_topic, fact.subject
    else:
        wording, topic, answer = rng.choice(kind.questions), kind.topic, fact.value
    text = wording.format(s=fact.subject, v=fact.value)
    return _Question(text, topic.format(s=fact.subject, v=fact.value), answer.capitalize(), fact)


def _ask_unknown(rng, facts):
    """A question of a kind that was told, about somebody of whom it was not."""
    kind = rng.choice(facts).kind
    told = {fact.subject for fact in facts}
    subject = rng.choice(kind.subjects)
    while subject in told:
        subject = rng.choice(kind.subjects)
    return _Question(rng.choice(kind.questions).format(s=subject), kind.topic.format(s=subject),
                     UNKNOWN, None)


def _analysis(questions, effort):
    if effort == "low":
        return None
    lines = []
    for question in questions:
        topic = question.topic[0].upper() + question.topic[1:]
        if question.fact is None:
            lines.append(f"{topic}: not told.")
        elif effort == "high":
            lines.append(f"{topic}: {question.fact.sentence}")
        else:
            lines.append(question.fact.sentence)
    return " ".join(lines)


def _said(user, assistant):
    return Turn(user, [Step(final=assistant)])


def _tell(rng, facts):
    """Turns that tell the facts, one to three in a message."""
    turns, left = [], list(facts)
    while left:
        count = rng.choice((1, 1, 2, 3))
        some, left = left[:count], left[count:]
        told = " ".join(fact.told(rng) for fact in some)
        turns.append(_said(rng.choice(_TELL).format(facts=told), NOTED))
    return turns


def note(rng):
    """A message that tells something and asks nothing; the answer is NOTED."""
    return _tell(rng, _facts(rng, _KINDS, rng.randint(1, 2)))[0].user


def _list(rng, facts):
    """One message with a line for each fact."""
    heading = facts[0].kind.heading
    if heading and all(fact.kind is facts[0].kind for fact in facts) and rng.random() < 0.6:
        lines = [f"{fact.subject}: {fact.value}" for fact in facts]
    else:
        heading, lines = rng.choice(_LIST), [fact.sentence for fact in facts]
    return "\n".join([heading, *lines])


def _cost_of(turns):
    return sum(cost(turn.user) + cost(turn.steps[-1].final) for turn in turns)


def _small_talk(rng, tokens, others):
    """Turns of at least so many tokens, and which of the other facts are told in between."""
    turns, told, fillers = [], [], iter(rng.sample(FILLERS, 24))
    while tokens > 0:
        if len(told) < len(others) and rng.random() < 0.3:
            told.append(others[len(told)])
            turn = _said(told[-1].told(rng), NOTED)
        else:
            turn = _said(*next(fillers))
        tokens -= _cost_of([turn])
        turns.append(turn)
    return turns, told


def _told(rng, far):
    """Draws the facts. Returns (all of them, those told first, their turns, a list or None)."""
    if rng.random() < 0.25:
        kinds = [rng.choice(_KINDS)] if rng.random() < 0.5 else _KINDS
        # There are only so many ships, colours and things: some must be left that are not told.
        most = 12 if far else 20
        if len(kinds) == 1:
            most = min(most, 8 if kinds[0].heading is None else len(kinds[0].subjects) - 6)
        facts = _facts(rng, kinds, rng.randint(6, most))
        return facts, facts, [], _list(rng, facts)
    kinds = rng.sample(_KINDS, rng.choice((1, 2, 3, 6)))
    facts = _facts(rng, kinds, rng.randint(1, 8 if far else 4))
    # In a long talk some are told only in the small talk, too near to be asked for.
    late = rng.randrange(3) if len(facts) > 2 and far else 0
    early = facts[:min(6, len(facts) - late)]
    return facts, early, _tell(rng, early), None


def _history(rng, far):
    """Returns (what is told, what to ask about, turns, the list that comes with the question)."""
    facts, early, turns, listed = _told(rng, far)
    if listed is not None:
        if not far and rng.random() < 0.6:
            return facts, early, [], listed
        turns = [_said(listed, NOTED)]
    if far:
        # What is left for the small talk, its last turn and the question.
        room = LONGEST - 70 - _cost_of(turns)
        tokens = rng.uniform(FAR[0], max(FAR[0], min(FAR[1], room)))
    else:
        tokens = rng.uniform(-40, 40)
    talk, late = _small_talk(rng, tokens, facts[len(early):])
    return [*early, *late], early, [*turns, *talk], None


def _questions(rng, facts, early):
    chance = rng.random()
    if chance < 0.08:
        return [_ask_unknown(rng, facts)]
    if chance < 0.2 and len(early) > 1:
        return [_ask(rng, fact) for fact in rng.sample(early, 2)]
    return [_ask(rng, rng.choice(early))]


def make(rng, effort, more=0, far_share=0.6):
    """`more`: further questions about the same, in turns of their own; `far_share`: how often much
    is said between what is told and the questions."""
    facts, early, turns, listed = _history(rng, rng.random() < far_share)
    told = "; ".join(sorted(fact.sentence for fact in facts))
    asked = []
    for _ in range(1 + more):
        questions = _questions(rng, facts, early)
        user = " ".join(question.text for question in questions)
        if listed is not None:
            user, listed = f"{listed}\n{user}", None
        final = ", ".join(question.answer for question in questions)
        turns.append(Turn(user, [Step(final=final, analysis=_analysis(questions, effort))]))
        about = "; ".join(question.topic for question in questions)
        asked.append(f"{about} of {told}")
    return Item(suite=NAME, key="\n".join(asked), effort=effort, turns=turns)

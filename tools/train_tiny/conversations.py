"""The demo model's conversations, built from answers.py, facts.py and the stories of corpus.py.

    python conversations.py [COUNT]     prints a few conversations
"""

import json
import random
import sys

import answers
import corpus
import facts
import stories

EFFORTS = {"low": 0.3, "medium": 0.45, "high": 0.25}
PUBLISHED_IDENTITY = "You are ChatGPT, a large language model trained by OpenAI."
ASSISTANT_IDENTITY = "You are a helpful assistant."
CITIES = [*stories.TOWNS, "Berlin", "Paris", "London", "Oslo", "Rome", "Hamburg", "Lisbon",
          "Vienna",
          "Madrid", "Dublin", "New York", "Tokyo", "Bergen", "Zurich", "Boston"]
# What the weather tool says, and how the answer says it.
WEATHER = [("sun", "the sun shines"), ("rain", "it rains"), ("fog", "there is fog"),
           ("snow", "it snows"), ("wind", "it is windy"), ("storm", "there is a storm"),
           ("clouds", "it is cloudy")]


def pick(rng, *choices):
    return rng.choice(choices)


def chance(rng, share):
    return rng.random() < share


# ---- tools ----

def _clock(rng):
    return {"description": pick(rng, "Tells the time.", "Tells what time it is.",
                                "Gets the current time.", "Returns the time."),
            "declared": pick(rng, "() => any", "() => any", "(_: {\n}) => any", "(_: any) => any")}


def _weather(rng):
    comment = pick(rng, "", "// The name of the city\n", "// City\n", "// Name of the town\n")
    return {"description": pick(rng, "Tells the weather in a city.", "Gets the weather of a place.",
                                "Returns the current weather.", "Get the weather for a city."),
            "declared": f"(_: {{\n{comment}city: string,\n}}) => any"}


def _roll_dice(rng):
    comment = pick(rng, "", "// How many sides\n", "// Number of sides\n")
    optional = pick(rng, "", "", "?")
    return {"description": pick(rng, "Rolls a die.", "Rolls a die with the given sides.",
                                "Throws a die.", "Returns a random number."),
            "declared": f"(_: {{\n{comment}sides{optional}: number,\n}}) => any"}


def _tide_table(rng):
    return {"description": pick(rng, "Tells when the tide is high.",
                                "Gets the hour of high water."),
            "declared": "(_: {\nharbour: string,\n}) => any"}


def _send_mail(rng):
    return {"description": pick(rng, "Sends a mail.", "Writes a mail to somebody."),
            "declared": "(_: {\nto: string,\ntext: string,\n}) => any"}


TOOLS = {"clock": _clock, "weather": _weather, "roll_dice": _roll_dice}
# Declared now and then, never needed.
DISTRACTORS = {"tide_table": _tide_table, "send_mail": _send_mail}


def declarations(rng, names):
    """The section that harmony renders for functions."""
    lines = ["# Tools\n\n## functions\n\nnamespace functions {\n\n"]
    for name in names:
        tool = (TOOLS | DISTRACTORS)[name](rng)
        if chance(rng, 0.9):
            lines.append(f"// {tool['description']}\n")
        lines.append(f"type {name} = {tool['declared']};\n\n")
    lines.append("} // namespace functions")
    return "".join(lines)


def _made_up_name(rng):
    """A word the model cannot know, so that it learns to copy."""
    return "".join(rng.choice("bdfghklmnprstvw") + rng.choice("aeiou")
                   for _ in range(rng.randint(2, 3))).capitalize() + pick(rng, "", "n", "s", "r")


def _clock_use(rng):
    time = f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}"
    return {
        "name": "clock", "topic": "the time",
        "user": pick(rng, "What time is it?", "what time is it", "What's the time?",
                     "Tell me the time.",
                     "How late is it?", "What time is it now?", "Can you tell me the time?",
                     "Do you know what time it is?", "The time, please.", "Look at the clock.",
                     "What does the clock say?"),
        "arguments": "{}",
        "result": pick(rng, json.dumps({"time": time}), json.dumps({"time": time}), time),
        "final": f"It is {time}.",
    }


def _weather_use(rng):
    city = rng.choice(CITIES) if chance(rng, 0.5) else _made_up_name(rng)
    word, sentence = rng.choice(WEATHER)
    degrees = rng.randint(-9, 34)
    result = pick(rng, {"city": city, "weather": word, "temperature": degrees},
                  {"weather": word, "temperature": degrees}, {"weather": word})
    final = f"In {city} {sentence}"
    if "temperature" in result:
        final += f", and it is {degrees} degrees"
    return {
        "name": "weather", "topic": f"the weather in {city}",
        "user": pick(rng, "How is the weather in {c}?", "What is the weather in {c}?",
                     "what is the weather in {c}", "What's the weather like in {c}?",
                     "Tell me the weather in {c}.", "Is it raining in {c}?", "Is it cold in {c}?",
                     "How warm is it in {c}?", "Weather in {c}?", "Will it rain in {c}?",
                     "Can you look up the weather in {c}?").replace("{c}", city),
        "arguments": json.dumps({"city": city}), "result": json.dumps(result), "final": final + ".",
    }


def _roll_dice_use(rng):
    sides = pick(rng, 4, 6, 6, 8, 10, 12, 20, 30, 100, rng.randint(2, 99))
    ask = pick(rng, f"Roll a die with {sides} sides.", f"Roll a d{sides}.", f"roll a d{sides}",
               f"Throw a die with {sides} sides.", f"Roll a {sides}-sided die.",
               f"Can you roll a die with {sides} sides?")
    if chance(rng, 0.35):
        sides = 6
        ask = pick(rng, "Roll a die.", "Roll the dice.", "roll a die", "Throw a die.",
                   "Can you roll a die for me?", "Roll a die, please.")
    result = rng.randint(1, sides)
    return {
        "name": "roll_dice", "topic": "a roll of the dice", "user": ask,
        "arguments": json.dumps({"sides": sides}),
        "result": pick(rng, json.dumps({"result": result}), json.dumps({"result": result}),
                       str(result)),
        "final": f"The die shows {result}.",
    }


USES = {"clock": _clock_use, "weather": _weather_use, "roll_dice": _roll_dice_use}


def tool_turn(rng, effort, declared):
    """A question for a tool, which is declared or not."""
    names = [name for name in declared if name in USES]
    name = rng.choice(names) if names and chance(rng, 0.72) else rng.choice(list(USES))
    use = USES[name](rng)
    available = "My tools are " + ", ".join(declared) + "." if declared else "I have no tools."
    misfit = " None of them fits." if declared else ""
    if name not in declared:
        return {"user": use["user"], "calls": [], "final": "I have no tool for that.",
                "analysis": {"low": None, "medium": available + misfit,
                             "high": f"The user asks for {use['topic']}. {available}{misfit} "
                                     "I say that I cannot do it."}[effort]}
    call = {key: use[key] for key in ("name", "arguments", "result")}
    call["rewritten"] = chance(rng, 0.4)
    call["analysis"] = ("The tool has answered. I tell the user."
                        if effort == "high" and not call["rewritten"] else None)
    analysis = {"low": None, "medium": f"{available} I use {name}.",
                "high": f"The user asks for {use['topic']}. {available} "
                        f"The tool {name} can tell it."}
    return {"user": use["user"], "calls": [call], "final": use["final"],
            "analysis": analysis[effort]}


# ---- everything else ----

def turn(user, final, effort, medium, high):
    return {"user": user, "calls": [], "final": final,
            "analysis": {"low": None, "medium": medium, "high": high}[effort]}


def loosen(rng, question):
    """The question as somebody in a hurry types it, or with a greeting."""
    if chance(rng, 0.12):
        question = question.rstrip("?.!")
    if chance(rng, 0.1):
        question = question[0].lower() + question[1:]
    elif chance(rng, 0.1):
        question = pick(rng, "Hi! ", "Hello! ", "Please tell me: ", "One question: ", "Hey, ",
                        "And now: ") + question
    return question


def _talk(user, final, effort):
    return turn(user, final, effort, "This is small talk. I answer kindly.",
                "The user only wants to talk. No tool is needed, and nothing is to be looked up. "
                "I answer kindly and in few words.")


def small_talk(rng, effort, _):
    users, finals = rng.choice(answers.SMALL_TALK)
    # A low temperature shall find one answer, so the first one is given most of the time.
    final = finals[0] if chance(rng, 0.8) else rng.choice(finals)
    return _talk(rng.choice(users), final, effort)


def knowledge(rng, effort, _):
    if chance(rng, 0.5):
        topic, users, final, more, word = rng.choice(answers.QUESTIONS)
        user = rng.choice(users)
    else:
        names, definitions, details = rng.choice(
            list(facts.SHIPPING.values()) + list(facts.MODELS.values()))
        topic, name = names[0], rng.choice(names)
        word, more = answers.WORDS[topic], details[1]
        final = f"{definitions[0]} {details[0]}"
        user = rng.choice(answers.TOPIC_QUESTIONS).format(name=name)
        if name == topic and chance(rng, 0.08):
            user = name[0].upper() + name[1:] + "?"
    made = turn(loosen(rng, user), final, effort, f"The question is about {topic}.",
                f"The question is about {topic}. I know this. I answer in one or two sentences.")
    return made | {"topic": topic, "more": more, "word": word}


def unknown(rng, effort, _):
    fields = {name: rng.choice(words) for name, words in answers.UNKNOWN_FIELDS.items()}
    user = rng.choice(answers.UNKNOWN).format(**fields)
    return turn(loosen(rng, user), answers.UNKNOWN_ANSWER, effort, "I was not taught this.",
                "This is not about ships, ropes or models. I was not taught this, so I say that "
                "I do not know.")


def story(rng, effort, _):
    text, about = corpus.short_story(rng)
    if chance(rng, 0.3):
        return turn(rng.choice(answers.PLAIN_STORY_REQUESTS), text, effort, "I tell a story.",
                    "The user wants a story. I tell one about the sea.")
    topic = rng.choice(about)
    return turn(rng.choice(answers.STORY_REQUESTS).format(about=topic), text, effort,
                f"I tell a story about {topic}.",
                f"The user wants a story. It shall be about {topic}. I begin with the scene, then "
                "comes a problem, and at the end it is solved.")


def _worked_sum(a, b):
    """Tens and ones added on their own."""
    if a < 10 and b < 10:
        return f"{a} + {b} = {a + b}."
    ones, tens = a % 10 + b % 10, a // 10 * 10 + b // 10 * 10
    return (f"Ones: {a % 10} + {b % 10} = {ones}. Tens: {a // 10 * 10} + {b // 10 * 10} = {tens}. "
            f"{tens} + {ones} = {a + b}.")


def small_sum(rng, effort, _):
    a, b = rng.randint(0, 20), rng.randint(0, 20)
    user = pick(rng, "What is {a} + {b}?", "{a} + {b}", "{a}+{b}", "{a} + {b} = ?",
                "What is {a} plus {b}?",
                "Add {a} and {b}.", "How much is {a} + {b}?", "what is {a}+{b}", "{a} plus {b}?",
                "Compute {a} + {b}.").format(a=a, b=b)
    final = f"{a} + {b} = {a + b}"
    worked = _worked_sum(a, b)
    return turn(user, final, effort, worked, f"The user wants the sum of {a} and {b}. {worked}")


def _words_to_echo(rng):
    kind = rng.random()
    if kind < 0.4:
        words = corpus.story(rng).replace('"', "").split()
        first = rng.randrange(len(words) - 8)
        return " ".join(words[first:first + rng.randint(1, 7)]).strip(".,")
    if kind < 0.6:
        return " ".join(_made_up_name(rng) for _ in range(rng.randint(1, 3)))
    if kind < 0.8:
        return " ".join(str(rng.randint(0, 999)) for _ in range(rng.randint(1, 4)))
    return " ".join(rng.sample(["one", "two", "three", "rope", "red", "blue", "ship", "hello",
                                "green",
                                "tea", "cat", "dog", "yes", "no", "apple", "stone"],
                               rng.randint(1, 5)))


def echo(rng, effort, _):
    text = _words_to_echo(rng)
    user = pick(rng, "Repeat after me: {t}", "Repeat: {t}", "Say: {t}", "Say \"{t}\".",
                "Repeat \"{t}\".",
                "Write: {t}", "Echo: {t}", "Please repeat: {t}").format(t=text)
    return turn(user, text, effort, "I repeat the text.",
                f"The user wants me to repeat a text without a change. The text is: {text}")


def date(rng, effort, context):
    user = pick(rng, "What day is it?", "What is the date?", "What is today's date?",
                "Which day is today?",
                "what is the date", "What date is it?", "What day is today?")
    if context["date"] is None:
        return turn(user, "I do not know the date.", effort, "No date was given.",
                    "The system message gives no date, so I cannot know it.")
    return turn(user, f"Today is {context['date']}.", effort, "The system message gives the date.",
                f"The system message gives the date. It is {context['date']}.")


def follow_up(rng, effort, turns):
    """A second question that needs the answer before it, or None."""
    before = turns[-1]
    kind = rng.random()
    if kind < 0.3:
        users, finals = answers.THANKS
        return _talk(rng.choice(users), finals[0], effort)
    if "more" in before and kind < 0.65:
        made = turn(rng.choice(answers.MORE), before["more"], effort,
                    f"The user wants to know more about {before['topic']}.",
                    f"The user wants to know more about {before['topic']}. I add one more fact.")
        return made | {"topic": before["topic"], "word": before["word"]}
    if "word" in before and kind < 0.85:
        return turn(rng.choice(answers.ONE_WORD), before["word"] + ".", effort,
                    f"One word for {before['topic']}.",
                    f"The user wants one word for {before['topic']}.")
    if len(before["final"]) < 160:
        return turn(rng.choice(answers.AGAIN), before["final"], effort, "I say it again.",
                    "The user wants to hear my last answer again. I repeat it without a change.")
    return None


KINDS = [(knowledge, 40), (small_talk, 15), (unknown, 9), (story, 13), (small_sum, 12), (echo, 9),
         (date, 2)]


def _date(rng):
    return f"{rng.randint(2024, 2028)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"


def system_message(rng, context):
    """Returns the text or None; fills in the effort and the date of `context`."""
    context["date"] = None
    if chance(rng, 0.15):
        context["effort"] = "medium"
        return None
    identity = PUBLISHED_IDENTITY if chance(rng, 0.75) else ASSISTANT_IDENTITY
    head = [identity]
    if chance(rng, 0.85):
        head.append(f"Knowledge cutoff: {pick(rng, '2024-06', '2024-06', '2024-06', '2023-10')}")
    if chance(rng, 0.85):
        context["date"] = _date(rng)
        head.append(f"Current date: {context['date']}")
    sections = ["\n".join(head)]
    if chance(rng, 0.93):
        context["effort"] = rng.choices(list(EFFORTS), EFFORTS.values())[0]
        sections.append(f"Reasoning: {context['effort']}")
    else:
        context["effort"] = "medium"
    if chance(rng, 0.93):
        order = ["analysis", "commentary", "final"]
        if not context["tools"] and chance(rng, 0.5):
            order.remove("commentary")
        if chance(rng, 0.08):
            rng.shuffle(order)
        text = f"# Valid channels: {', '.join(order)}. Channel must be included for every message."
        if context["tools"]:
            text += "\nCalls to these tools must go to the commentary channel: 'functions'."
        sections.append(text)
    return "\n\n".join(sections)


def developer_message(rng, context):
    sections = []
    if chance(rng, 0.1):
        instruction, context["begin"], context["end"] = rng.choice(answers.STRONG_INSTRUCTIONS)
        sections.append(f"# Instructions\n\n{instruction}")
    elif chance(rng, 0.25):
        sections.append(f"# Instructions\n\n{rng.choice(answers.PLAIN_INSTRUCTIONS)}")
    if context["tools"]:
        sections.append(declarations(rng, context["tools"]))
    return "\n\n".join(sections) or None


def _tools(rng):
    if chance(rng, 0.66):
        return []
    names = rng.sample(list(TOOLS), pick(rng, 1, 2, 3, 3, 3))
    if chance(rng, 0.25):
        names.append(rng.choice(list(DISTRACTORS)))
    rng.shuffle(names)
    return names


def conversation(rng):
    context = {"tools": _tools(rng), "begin": "", "end": ""}
    system = system_message(rng, context)
    developer = developer_message(rng, context)
    makers, weights = zip(*KINDS)
    turns = []
    for _ in range(pick(rng, 1, 1, 2, 2, 3, 4)):
        made = None
        if turns and chance(rng, 0.5):
            made = follow_up(rng, context["effort"], turns)
        if made is None and chance(rng, 0.7 if context["tools"] else 0.06):
            made = tool_turn(rng, context["effort"], context["tools"])
        if made is None:
            made = rng.choices(makers, weights)[0](rng, context["effort"], context)
        turns.append(made)
    for made in turns:
        made["final"] = context["begin"] + made["final"] + context["end"]
    return {"system": system, "developer": developer, "turns": turns}


def conversations(seed, count):
    """Yields `count` conversations; the same ones for the same seed."""
    rng = random.Random(seed)
    for _ in range(count):
        yield conversation(rng)


if __name__ == "__main__":
    for made in conversations(seed=1, count=int(sys.argv[1]) if len(sys.argv) > 1 else 10):
        print(json.dumps(made, indent=1))

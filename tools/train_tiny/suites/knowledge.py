"""Questions about Fairlead, gpt-oss and ships, with one fixed answer to each.

What is held out are wordings: of about 180 topics the model learns most ways to ask, and is then
asked in the others. One topic is everything that it cannot know.
"""

import functools
import itertools
import re

from item import Item, Step, Turn
from suites import knowledge_tasks, knowledge_texts, knowledge_unknown

NAME = "knowledge"
UNKNOWN_SHARE = 0.08

DEFINITION_QUESTIONS = [
    "What {be} {name}?", "What {do} {name} mean?", "What exactly {be} {name}?",
    "What {be} meant by {name}?", "What do you know about {name}?",
    "What can you tell me about {name}?", "Do you know what {name} {be}?",
    "Can you tell me what {name} {be}?", "Can you explain {name}?", "How would you explain {name}?",
    "Explain {name}.", "Explain what {name} {be}.", "Explain {name} in one sentence.",
    "Explain to me what {name} {be}.", "Tell me about {name}.", "Tell me what {name} {be}.",
    "Tell me something about {name}.", "Say what {name} {be}.", "Define {name}.",
    "Describe {name}.", "I want to know what {name} {be}.", "I do not know what {name} {be}.",
    "Give me a short explanation of {name}.",
]
SINGULAR_QUESTION = "What's {name}?"
BARE_QUESTION = "{name}?"

TASK_QUESTIONS = [
    "How do I {task}?", "How can I {task}?", "How do you {task}?", "How does one {task}?",
    "How could I {task}?", "How should I {task}?", "How to {task}?",
    "How is it possible to {task}?", "What do I do to {task}?", "What must I do to {task}?",
    "What do I type to {task}?", "What is the way to {task}?", "What is the best way to {task}?",
    "Is there a way to {task}?", "Can I {task}?", "Tell me how to {task}.",
    "Tell me how I can {task}.", "Show me how to {task}.", "Explain how to {task}.",
    "Can you tell me how to {task}?", "Do you know how to {task}?", "I want to {task}.",
    "I want to {task}. How?", "I would like to {task}.", "Help me to {task}.",
]

# How a text begins that is no question, so that it ends with a full stop.
REQUESTS = ("Explain", "List", "Name", "Say", "Show", "Tell")

# What people put before a question. It is no part of the key.
PREFIXES = ["Please tell me: ", "One question: ", "Hello! ", "Hi, ", "And now: ", "Hey, "]
# Words that keep their capital letter after such a prefix.
PROPER = ("I ", "Fairlead", "OpenAI", "Hugging", "Neuron", "Safetensors")


def expand(pattern):
    """All texts of a pattern: "[a|b] c?" is "a c?" and "b c?"."""
    parts = [part.strip("[]").split("|") for part in re.findall(r"\[[^]]*\]|[^[]+", pattern)]
    texts = [" ".join("".join(choice).split()) for choice in itertools.product(*parts)]
    return [text.rstrip("?.") + ("." if text.startswith(REQUESTS) else "?") for text in texts]


def key_of(question):
    """What two ways of writing down the same question have in common."""
    return question.rstrip("?.! ").lower()


def _definition_questions(names):
    for name in names:
        plural, name = name.startswith("+"), name.removeprefix("+")
        be, do = ("are", "do") if plural else ("is", "does")
        for question in DEFINITION_QUESTIONS:
            yield question.format(name=name, be=be, do=do)
        yield BARE_QUESTION.format(name=name)
        if not plural:
            yield SINGULAR_QUESTION.format(name=name)


def _topic(about, questions, more, answer):
    """(what it is about, questions, answer), each question once."""
    texts = {}
    for question in itertools.chain(questions, *(expand(pattern) for pattern in more)):
        texts.setdefault(key_of(question), question)
    return about, list(texts.values()), answer


@functools.cache
def topics():
    made = []
    for names, answer, more in knowledge_texts.DEFINED:
        made.append(_topic(names[0].removeprefix("+"), _definition_questions(names), more, answer))
    for tasks, answer, more in knowledge_tasks.TASKS:
        questions = [q.format(task=task) for task in tasks for q in TASK_QUESTIONS]
        made.append(_topic(f"how to {tasks[0]}", questions, more, answer))
    for about, patterns, answer in knowledge_tasks.ASKED:
        made.append(_topic(about, [], patterns, answer))
    return made


@functools.cache
def unknown_questions():
    questions = list(knowledge_unknown.SINGLE)
    for patterns, subjects in knowledge_unknown.QUESTIONS:
        questions += [pattern.format(subject) for pattern in patterns for subject in subjects]
    return questions


def uncapitalized(text):
    """The text with a small first letter, unless its first word is a name."""
    is_word = text[1:2].islower() or text[1:2] == " "
    return text[0].lower() + text[1:] if is_word and not text.startswith(PROPER) else text


def typed(rng, text):
    """The text as somebody types it, perhaps in a hurry."""
    if rng.random() < 0.12:
        text = text.rstrip("?.!")
    chance = rng.random()
    if chance < 0.06:
        return text.lower()
    return uncapitalized(text) if chance < 0.2 else text


def introduced(rng, question):
    """The question, perhaps with a few words before it."""
    if rng.random() > 0.12:
        return question
    if question.startswith(REQUESTS):
        return "Please " + uncapitalized(question)
    return rng.choice(PREFIXES) + uncapitalized(question)


def analysis(effort, about):
    if effort == "low":
        return None
    if about is None:
        text = "I was not taught this."
        return text if effort == "medium" else text + " I say that I do not know it."
    text = f"The question is about {about}."
    if about.startswith("how to "):
        text = f"The question is {about}."
    return text if effort == "medium" else text + " I know this. One or two sentences are enough."


def make(rng, effort):
    if rng.random() < UNKNOWN_SHARE:
        about, questions, answer = None, unknown_questions(), knowledge_unknown.ANSWER
    else:
        about, questions, answer = rng.choice(topics())
    question = rng.choice(questions)
    step = Step(final=answer, analysis=analysis(effort, about))
    return Item(suite=NAME, key=key_of(question), effort=effort,
                turns=[Turn(user=typed(rng, introduced(rng, question)), steps=[step])])

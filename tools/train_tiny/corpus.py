"""The demo model's text: short stories of the sea and short explanations, built from the sentences
of stories.py and facts.py. All of it was written for this purpose.

    python corpus.py [COUNT]     prints a few documents
"""

import itertools
import random
import sys

import facts
import stories


def _people(rng):
    """The fields for two different persons, with the pronouns of each."""
    hero, helper = rng.sample(stories.WOMEN + stories.MEN, 2)
    woman = hero in stories.WOMEN
    fields = {"p": hero, "he": "she" if woman else "he", "him": "her" if woman else "him",
              "his": "her" if woman else "his", "q": helper}
    fields["she"], fields["her"] = ("she", "her") if helper in stories.WOMEN else ("he", "his")
    for name in ("p", "q", "he", "she"):
        fields[name.capitalize()] = fields[name].capitalize() if name in ("he", "she") else (
            fields[name])
    return fields


def _scene(rng):
    town, other = rng.sample(stories.TOWNS, 2)
    return _people(rng) | {
        "ship": rng.choice(stories.SHIPS), "town": town, "other": other,
        "cargo": rng.choice(stories.CARGOES), "role": rng.choice(stories.ROLES)}


def _filled(sentences, scene):
    return " ".join(sentence.format(**scene) for sentence in sentences)


def _opening(rng):
    if rng.random() < 0.45:
        return f"{rng.choice(stories.TIMES)} {rng.choice(stories.TIMED_OPENINGS)}"
    return rng.choice(stories.OPENINGS)


def story(rng):
    problem = rng.choice(stories.PROBLEMS)
    sentences = [_opening(rng)]
    if rng.random() < 0.6:
        sentences.append(rng.choice(stories.WEATHER))
    # Always names the hero before the first "he".
    sentences.append(rng.choice(stories.INTRODUCTIONS))
    sentences.append(rng.choice(problem["seen"]))
    if rng.random() < 0.6:
        sentences.append(rng.choice(problem["why"]))
    sentences.append(rng.choice(problem["said"]))
    sentences.extend(rng.choice(step) for step in problem["steps"])
    sentences.append(rng.choice(problem["result"]))
    if rng.random() < 0.8:
        sentences.append(rng.choice(stories.CLOSINGS))
    return _filled(sentences, _scene(rng))


def _hours(rng, hours, keep):
    return [rng.choice(hour) for hour in hours if rng.random() < keep]


def day(rng):
    return _filled([rng.choice(stories.DAY_OPENINGS), *_hours(rng, stories.DAY, 0.75)], _scene(rng))


def voyage(rng):
    first, *rest = stories.VOYAGE
    sentences = [rng.choice(first), *_hours(rng, rest, 0.85)]
    if rng.random() < 0.5:
        sentences.insert(1, rng.choice(stories.WEATHER))
    return _filled(sentences, _scene(rng))


def instructions(rng):
    title, steps = rng.choice(stories.INSTRUCTIONS)
    sentences = [title]
    for index, step in enumerate(steps):
        if index == 0 or rng.random() < 0.3:
            word = "First" if index == 0 else rng.choice(stories.ORDER_WORDS[1:])
            step = f"{word}, {step[0].lower()}{step[1:]}"
        sentences.append(step)
    return " ".join(sentences)


def _details(rng, details):
    count = rng.randint(min(3, len(details)), len(details))
    return [details[i] for i in sorted(rng.sample(range(len(details)), count))]


def explanation(rng):
    topics = facts.MODELS if rng.random() < 0.6 else facts.SHIPPING
    names, definitions, details = rng.choice(list(topics.values()))
    text = " ".join([rng.choice(definitions), *_details(rng, details)])
    if rng.random() < 0.35:
        text = rng.choice(facts.INTRODUCTIONS).format(name=rng.choice(names)) + text
    if rng.random() < 0.3:
        text += " " + rng.choice(facts.CLOSINGS)
    return text


def conversation(rng):
    """A learner asks somebody in the harbour what a thing is."""
    names, definitions, details = rng.choice(list(facts.SHIPPING.values()))
    first, second, *rest = _details(rng, details)
    sentences = []
    if rng.random() < 0.6:
        sentences.append(_opening(rng))
    answerer = rng.choice(stories.ANSWERERS)
    sentences.append(rng.choice(stories.CHILD_QUESTIONS).replace("{name}", rng.choice(names)))
    sentences.append(f"\"{rng.choice(definitions)[:-1]},\" said {answerer}.")
    sentences.append(f"\"{first} {second}\"")
    if rest:
        sentences.append(f"Then {answerer} pointed at the water and said: \"{rest[0]}\"")
    sentences.append(rng.choice(stories.ANSWER_ENDS))
    return _filled(sentences, _scene(rng))


KINDS = [(story, 45), (explanation, 28), (voyage, 8), (day, 7), (conversation, 7),
         (instructions, 5)]


def documents(rng):
    """Yields documents without end."""
    makers, weights = zip(*KINDS)
    while True:
        yield rng.choices(makers, weights)[0](rng)


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    for text in itertools.islice(documents(random.Random(1)), wanted):
        print(text, end="\n\n")

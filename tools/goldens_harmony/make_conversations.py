"""Writes tests/data/harmony/conversations.jsonl: what openai-harmony renders conversations to.

The output is committed; tests need no Python. Run it again when the cases change:

    python3 -m venv venv && venv/bin/pip install -r tools/goldens_harmony/requirements.txt
    tools/fetch_third_party
    venv/bin/python tools/goldens_harmony/make_conversations.py

Each line is a request as `fairlead harmony render` takes it ("conversation", "next_role", "training",
"auto_drop_analysis"), with the case's "name" and the answer: "ids", or "error": true for what is refused.

    make_conversations.py --random N --seed S

prints N such lines of random conversations and writes nothing, to be compared with what the program
answers them. With --compare PROGRAM it asks the program itself, prints the lines that differ and
exits with 1 if there are any.
"""

import argparse
import json
import random
import subprocess
import sys

from conversation_cases import all_cases, dump
from library import ROOT, TOKENIZER, load
from random_conversations import Maker

OUTPUT = ROOT / "tests" / "data" / "harmony" / "conversations.jsonl"
# Every conversation is rendered in one of these ways, those about the end or the reasoning in all.
WAYS = [
    {"next_role": "assistant"},
    {"training": True},
    {"next_role": "assistant", "auto_drop_analysis": False},
    {"auto_drop_analysis": False},
    {"training": True, "auto_drop_analysis": False},
    {},
]
OTHER_ROLES = ["user", "tool", "system", "developer"]


def answer(encoding, conversation, way):
    """What openai-harmony makes of it, as members of a line."""
    config = {"auto_drop_analysis": way.get("auto_drop_analysis", True)}
    inner = encoding._inner  # the JSON goes in as it is spelt, past the Python classes
    try:
        if "next_role" in way:
            return {"ids": inner.render_conversation_for_completion(conversation, way["next_role"], config)}
        if way.get("training"):
            return {"ids": inner.render_conversation_for_training(conversation, config)}
        return {"ids": inner.render_conversation(conversation, config)}
    except (RuntimeError, ValueError):
        return {"error": True}


def line(encoding, name, conversation, way):
    text = dump(conversation)
    request = {"name": name, "conversation": None, **way, **answer(encoding, text, way)}
    return dump(request).replace('"conversation":null', f'"conversation":{text}', 1)


def golden_lines(encoding):
    for index, (name, messages) in enumerate(all_cases()):
        conversation = {"messages": messages}
        everything = isinstance(messages, list) and any(
            isinstance(message, dict) and message.get("channel") in ("analysis", "final") for message in messages)
        for way in WAYS if everything else [WAYS[index % len(WAYS)]]:
            yield line(encoding, name, conversation, way)
    for role in OTHER_ROLES:
        yield line(encoding, f"next is {role}", {"messages": [{"role": "user", "content": "x"}]}, {"next_role": role})
    maker = Maker(random.Random(20261))
    for index in range(60):
        yield line(encoding, f"random {index}", maker.conversation(), WAYS[index % len(WAYS)])


def random_lines(encoding, count, seed):
    generator = random.Random(seed)
    maker = Maker(generator)
    for index in range(count):
        yield line(encoding, f"random {index}", maker.conversation(), generator.choice(WAYS))


def compare(program, lines):
    """The lines that the program answers otherwise."""
    lines = list(lines)
    command = [program, "harmony", "render", "--model", TOKENIZER.parent, "--input", "-"]
    answers = subprocess.run(command, input="\n".join(lines) + "\n", encoding="utf-8", check=True,
                             stdout=subprocess.PIPE).stdout.split("\n")[:-1]
    if len(answers) != len(lines):
        sys.exit(f"expected {len(lines)} answers, got {len(answers)}")
    for expected, got in zip(lines, answers):
        golden, result = json.loads(expected), json.loads(got)
        if result.get("ids") != golden.get("ids") or ("error" in result) != ("error" in golden):
            yield f"{expected}\n  {got}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--random", type=int, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--compare", metavar="PROGRAM")
    options = parser.parse_args()
    encoding = load()
    if options.random is not None:
        lines = random_lines(encoding, options.random, options.seed)
    else:
        lines = list(golden_lines(encoding))
        if not options.compare:
            OUTPUT.parent.mkdir(parents=True, exist_ok=True)
            OUTPUT.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
            return
    if not options.compare:
        print(*lines, sep="\n")
        return
    differing = list(compare(options.compare, lines))
    print(*differing, f"{len(differing)} differ", sep="\n")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()

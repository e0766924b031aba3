"""Writes tests/data/harmony/completions.jsonl: completions, well and badly formed, as openai-harmony reads them.

With --random N it prints N completions of random tokens instead, or, with --against COMMAND, gives them to that
program ("fairlead harmony parse ...") and compares. See README.md beside this file.
"""

import argparse
import json
import random
import shlex
import subprocess
import sys

import completions
import library

OUTPUT = library.ROOT / "tests" / "data" / "harmony" / "completions.jsonl"


class Library:
    """openai-harmony, asked in the form of `fairlead harmony parse`."""

    def __init__(self):
        self.encoding = library.load()
        import openai_harmony

        self.harmony = openai_harmony

    def encode(self, text):
        return self.encoding.encode(text, allowed_special="all")

    def new_parser(self, role, strict):
        role = None if role is None else self.harmony.Role(role)
        return self.harmony.StreamableParser(self.encoding, role, strict=strict)

    def messages(self, parser):
        return [message.to_dict() for message in parser.messages]

    def attempt(self, action, *arguments):
        """The text of the error, or None."""
        try:
            action(*arguments)
        except (self.harmony.HarmonyError, OverflowError) as error:
            return str(error)
        return None

    def parse(self, ids, role, strict):
        parser = self.new_parser(role, strict)
        for id in ids:
            error = self.attempt(parser.process, id)
            if error is not None:
                break
        else:
            error = self.attempt(parser.process_eos)
        return {"messages": self.messages(parser), "error": error}

    def steps(self, ids, role, strict):
        """One for every token and one before any; after an error the parser goes on."""
        parser = self.new_parser(role, strict)
        yield self.step(parser, None)
        for id in ids:
            yield self.step(parser, self.attempt(parser.process, id))

    def step(self, parser, error):
        return {"state": parser.state.value, "role": parser.current_role, "channel": parser.current_channel,
                "recipient": parser.current_recipient, "content_type": parser.current_content_type,
                "content": parser.current_content, "delta": parser.last_content_delta,
                "messages": self.messages(parser), "error": error}


def golden(library, name, ids, role, trace):
    record = {"name": name, "ids": ids, "role": role, "well_formed": completions.is_well_formed(name)}
    for key, strict in (("strict", True), ("loose", False)):
        record[key] = library.parse(ids, role, strict)
        if trace:
            record[key]["steps"] = list(library.steps(ids, role, strict))
    return record


def random_records(library, count, seed):
    generator = random.Random(seed)
    for index in range(count):
        ids, role = completions.random_completion(generator, library.encode)
        yield golden(library, f"random {seed}/{index}", ids, role, trace=True)


def without_error_texts(answer):
    """An error is one or none: the words are each program's own."""
    return {key: [without_error_texts(step) for step in value] if key == "steps" else
            value is not None if key == "error" else value for key, value in answer.items()}


def compare(records, command):
    """The number of answers of `command` that differ."""
    program = subprocess.Popen(shlex.split(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    differences = 0
    for record in records:
        for key in ("strict", "loose"):
            request = {"ids": record["ids"], "role": record["role"], "strict": key == "strict",
                       "trace": "steps" in record[key]}
            program.stdin.write(json.dumps(request) + "\n")
            program.stdin.flush()
            answer = json.loads(program.stdout.readline())
            if without_error_texts(answer) != without_error_texts(record[key]):
                differences += 1
                print(f"{record['name']} {key}: {json.dumps(request)}\n  openai-harmony {record[key]}\n"
                      f"  fairlead       {answer}")
    program.stdin.close()
    program.wait()
    return differences


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--random", type=int, metavar="N")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--against", metavar="COMMAND", help="reads lines on stdin and answers on stdout")
    options = arguments.parse_args()
    library = Library()
    if options.random is not None:
        records = random_records(library, options.random, options.seed)
    else:
        records = (golden(library, *case) for case in completions.cases(library.encode))
    if options.against:
        differences = compare(records, options.against)
        print(f"{differences} answers differ")
        sys.exit(differences > 0)
    lines = (json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n" for record in records)
    if options.random is not None:
        sys.stdout.writelines(lines)
    else:
        OUTPUT.parent.mkdir(parents=True, exist_ok=True)
        OUTPUT.write_text("".join(lines), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()

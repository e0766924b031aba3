"""Writes the held-out suites that `fairlead eval` asks: JSON lines, made anew from a seed.

    python make_suites.py [MODEL_FOLDER/eval]
"""

import argparse
import itertools
import json
import pathlib

from mixture import SUITES
from progress import held_out_items

ITEMS = 420  # of each suite, the efforts in turn
DECLARED_TOOLS = 4


def suite_items(suite):
    """The items of the held-out suite."""
    items = held_out_items(suite, seed="eval")
    if suite == "tools":
        items = (item for item in items if len(item.tools) == DECLARED_TOOLS)
    return itertools.islice(items, ITEMS)


def _call_id(number):
    return f"call_{number}"


def _messages(item):
    """The conversation up to the question, as the Chat Completions API has it."""
    messages, calls = [], 0
    if item.instructions:
        messages.append({"role": "developer", "content": item.instructions})
    for turn in item.turns[:-1]:
        messages.append({"role": "user", "content": turn.user})
        for step in turn.steps:
            if step.call:
                name, arguments = step.call
                calls += 1
                function = {"name": name, "arguments": json.dumps(arguments)}
                messages.append({"role": "assistant", "tool_calls": [
                    {"id": _call_id(calls), "type": "function", "function": function}]})
                messages.append({"role": "tool", "tool_call_id": _call_id(calls),
                                 "content": step.result})
            else:
                messages.append({"role": "assistant", "content": step.final})
    messages.append({"role": "user", "content": item.turns[-1].user})
    return messages


def _function(tool):
    function = {"name": tool.name, "description": tool.description}
    if tool.parameters is not None:
        function["parameters"] = tool.parameters
    return {"type": "function", "function": function}


def _expected(item, step):
    if step.call:
        name, arguments = step.call
        return {"call": {"name": name, "arguments": arguments}, "result": step.result}
    return {"json": json.loads(step.final)} if item.is_json else {"final": step.final}


def suite_line(item, number):
    """One line of a suite, as docs/eval.md describes it."""
    request = {"messages": _messages(item), "reasoning_effort": item.effort}
    if item.tools:
        request["tools"] = [_function(tool) for tool in item.tools]
    return {"id": f"{item.suite}/{number}", "request": request,
            "expect": [_expected(item, step) for step in item.turns[-1].steps]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = pathlib.Path(__file__).parents[2] / "models" / "tiny-gpt-oss" / "eval"
    parser.add_argument("folder", type=pathlib.Path, nargs="?", default=default)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    for suite in SUITES:
        lines = [json.dumps(suite_line(item, number), separators=(",", ":"))
                 for number, item in enumerate(suite_items(suite), 1)]
        (args.folder / f"{suite}.jsonl").write_text("\n".join(lines) + "\n")
        print(f"{suite}: {len(lines)} items")


if __name__ == "__main__":
    main()

"""One conversation with its right answers: what the model learns from, and what it is asked in eval."""

import dataclasses
import zlib

EFFORTS = ("low", "medium", "high")
# One key in so many is kept for the held-out suites and never trained on.
HELD_OUT_ONE_IN = 8


@dataclasses.dataclass(frozen=True)
class Tool:
    name: str
    description: str
    parameters: dict | None  # a JSON schema; None: takes nothing


@dataclasses.dataclass
class Step:
    """What the assistant writes at one go: perhaps an analysis, then a call or the final answer."""

    final: str | None = None
    analysis: str | None = None
    call: tuple[str, dict] | None = None  # the tool's name and its arguments
    result: str | None = None  # what the tool answers


@dataclasses.dataclass
class Turn:
    user: str
    steps: list[Step]  # calls, and the final answer as the last one


@dataclasses.dataclass
class Item:
    """`key` is what an item is about, whatever the wording; where it asks several things one after
    another, a line for each. Items with a line in common are all for training or all held out."""

    suite: str
    key: str
    effort: str
    turns: list[Turn]  # the last one is what is asked; the answers of the others are given
    tools: list[Tool] = dataclasses.field(default_factory=list)
    instructions: str | None = None  # of the developer
    is_json: bool = False  # whether the final answer is compared as a JSON value

    @property
    def held_out(self):
        return any(zlib.crc32(f"{self.suite}:{line}".encode()) % HELD_OUT_ONE_IN == 0
                   for line in self.key.splitlines())

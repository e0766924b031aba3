"""Items as harmony's tokens, with what the model shall learn to predict."""

import dataclasses
import functools
import json

UNTRAINED = -100
PUBLISHED_IDENTITY = "You are ChatGPT, a large language model trained by OpenAI."
PUBLISHED_CUTOFF = "2024-06"


@dataclasses.dataclass(frozen=True)
class SystemMessage:
    """What a system message says besides the effort. What is None is not mentioned. Without tools,
    some programs offer the channel commentary nevertheless, and others do not."""

    identity: str | None = PUBLISHED_IDENTITY
    cutoff: str | None = PUBLISHED_CUTOFF
    date: str | None = None
    always_commentary: bool = False


def system_text(system, effort, with_tools):
    top = []
    if system.identity:
        top.append(system.identity)
    if system.cutoff:
        top.append(f"Knowledge cutoff: {system.cutoff}")
    if system.date:
        top.append(f"Current date: {system.date}")
    commentary = "commentary, " if with_tools or system.always_commentary else ""
    channels = (f"# Valid channels: analysis, {commentary}final. "
                "Channel must be included for every message.")
    if with_tools:
        channels += "\nCalls to these tools must go to the commentary channel: 'functions'."
    sections = ["\n".join(top)] if top else []
    return "\n\n".join([*sections, f"Reasoning: {effort}", channels])


def _type(schema):
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if schema["type"] == "array":
        return _type(schema["items"]) + "[]"
    return {"integer": "number"}.get(schema["type"], schema["type"])


def _declaration(tool):
    """In TypeScript, as harmony has it: as much of JSON schema as the suites' tools use."""
    parameters = "()"
    if tool.parameters is not None:
        required = tool.parameters.get("required", [])
        fields = "".join(f"{name}{'' if name in required else '?'}: {_type(schema)},\n"
                         for name, schema in tool.parameters["properties"].items())
        parameters = "(_: {\n" + fields + "})"
    return f"// {tool.description}\ntype {tool.name} = {parameters} => any;\n\n"


def developer_text(instructions, tools):
    sections = ["# Instructions", instructions] if instructions else []
    if tools:
        declared = "".join(map(_declaration, tools))
        sections += ["# Tools", "## functions\n\nnamespace functions {\n\n" + declared +
                     "} // namespace functions"]
    return "\n\n".join(sections)


def item_texts(item):
    """All that is tokenised of an item, piece by piece."""
    yield from ("system", "user", "assistant", "final")
    if item.effort != "low":
        yield "analysis"
    if item.tools or item.instructions:
        yield from ("developer", developer_text(item.instructions, item.tools))
    for turn in item.turns:
        yield turn.user
        for step in turn.steps:
            yield from (text for text in (step.analysis, step.final, step.result) if text)
            if step.call:
                name, arguments = step.call
                yield from (json.dumps(arguments), "commentary", f" to=functions.{name}", "json",
                            f"functions.{name}", " to=assistant")


class Renderer:
    """Each piece of a message is tokenised on its own, as harmony does it."""

    def __init__(self, tokenizer):
        self._tokenizer = tokenizer
        self._special = tokenizer.token_to_id
        self.encode = functools.lru_cache(maxsize=1 << 16)(self._encode)
        self._ids, self._targets = [], []
        self._own = False  # whether the message before was written by the model, in the same turn

    def _encode(self, text):
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def _add_special(self, name, trained, target=None):
        """`target` is what stood there when the model wrote it."""
        self._ids.append(self._special(f"<|{name}|>"))
        self._targets.append(self._special(f"<|{target or name}|>") if trained else UNTRAINED)

    def _add_text(self, text, trained):
        ids = self.encode(text)
        self._ids.extend(ids)
        self._targets.extend(ids if trained else [UNTRAINED] * len(ids))

    def _message(self, role, text):
        self._add_special("start", False)
        self._add_text(role, False)
        self._add_special("message", False)
        self._add_text(text, False)
        self._add_special("end", False)
        self._own = False

    def _start_of_assistant(self, trained):
        """A prompt ends with this. Behind a message of its own the model writes it itself."""
        behind_own = trained and self._own
        self._add_special("start", behind_own)
        self._add_text("assistant", behind_own)

    def _assistant(self, channel, text, trained, end="end", target=None):
        self._start_of_assistant(trained)
        self._add_special("channel", trained)
        self._add_text(channel, trained)
        self._add_special("message", trained)
        self._add_text(text, trained)
        self._add_special(end, trained, target)
        self._own = True

    def _call(self, step, trained, rewritten):
        """A tool call and the tool's answer. A model writes the recipient behind the channel; in a
        call that came back from a client ("rewritten") it stands before."""
        name, arguments = step.call
        recipient = f" to=functions.{name}"
        self._start_of_assistant(trained)
        if rewritten:
            self._add_text(recipient, False)
        self._add_special("channel", trained)
        self._add_text("commentary", trained)
        if not rewritten:
            self._add_text(recipient, trained)
        self._add_text(" ", trained)
        self._add_special("constrain", trained)
        self._add_text("json", trained)
        self._add_special("message", trained)
        self._add_text(json.dumps(arguments), trained)
        self._add_special("call", trained)
        self.tool_answer(name, step.result)

    def tool_answer(self, name, result):
        self._add_special("start", False)
        self._add_text(f"functions.{name}", False)
        self._add_text(" to=assistant", False)
        self._add_special("channel", False)
        self._add_text("commentary", False)
        self._add_special("message", False)
        self._add_text(result, False)
        self._add_special("end", False)
        self._own = False

    def _begin(self, system, effort, tools, instructions):
        self._ids, self._targets, self._own = [], [], False
        self._message("system", system_text(system, effort, bool(tools)))
        if tools or instructions:
            self._message("developer", developer_text(instructions, tools))

    def _turn(self, turn, trained, with_analysis, last):
        self._message("user", turn.user)
        for step in turn.steps:
            if step.analysis and with_analysis:
                self._assistant("analysis", step.analysis, trained)
            if step.call:
                self._call(step, trained, rewritten=not trained)
            else:
                self._assistant("final", step.final, trained, "return" if last else "end", "return")

    def conversation(self, system, items):
        """The items' turns as one conversation, with the effort and tools of all. Returns the ids,
        and of each the id to predict in its place (or UNTRAINED).

        Harmony drops the analysis of the first answer when a second one follows, and that of later
        ones stays. So a first answer that had one is learned only where it is alone; nor is an
        answer learned that an item gives without, though at its effort there would be one.
        """
        tools = next((item.tools for item in items if item.tools), [])
        instructions = next((item.instructions for item in items if item.instructions), None)
        self._begin(system, items[0].effort, tools, instructions)
        turns = [(item, turn) for item in items for turn in item.turns]
        for index, (item, turn) in enumerate(turns):
            dropped = index == 0 and len(turns) > 1
            thought = turn.steps[0].analysis is not None
            trained = item.effort == "low" or (thought and not dropped)
            self._turn(turn, trained, not dropped, index == len(turns) - 1)
        return self._ids, self._targets

    def prompt(self, system, item):
        """What the model is shown before it writes the first answer to what the item asks."""
        self._begin(system, item.effort, item.tools, item.instructions)
        for turn in item.turns[:-1]:
            self._turn(turn, False, False, False)
        self._message("user", item.turns[-1].user)
        self._start_of_assistant(False)
        return self._ids

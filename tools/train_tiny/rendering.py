"""Conversations as harmony's tokens, with what the model shall learn to predict.

A conversation is a dict: "system" and "developer" (texts or None) and "turns". A turn is a dict:
"user", "analysis" (or None), "calls" (each "name", "arguments", "result", "analysis", "rewritten"),
"final".
"""

UNTRAINED = -100


class Renderer:
    """Each piece of a message is tokenised on its own, as harmony does it."""

    def __init__(self, tokenizer):
        self._tokenizer = tokenizer
        self._known = {}
        self.ids, self.targets = [], []
        # Whether the message before was written by the model, in the same turn.
        self._own = False

    def _encode(self, text):
        if text not in self._known:
            ids = self._tokenizer.encode(text, add_special_tokens=False).ids
            if len(text) > 40:
                return ids
            self._known[text] = ids
        return self._known[text]

    def special(self, name, trained, target=None):
        """Appends a special token. `target` is what stood there when the model wrote it."""
        self.ids.append(self._tokenizer.token_to_id(f"<|{name}|>"))
        wanted = self._tokenizer.token_to_id(f"<|{target or name}|>")
        self.targets.append(wanted if trained else UNTRAINED)

    def text(self, text, trained):
        ids = self._encode(text)
        self.ids.extend(ids)
        self.targets.extend(ids if trained else [UNTRAINED] * len(ids))

    def message(self, role, text):
        self.special("start", False)
        self.text(role, False)
        self.special("message", False)
        self.text(text, False)
        self.special("end", False)
        self._own = False

    def _start_of_assistant(self, trained):
        """A prompt ends with this. Behind a message of its own the model writes it itself."""
        behind_own = trained and self._own
        self.special("start", behind_own)
        self.text("assistant", behind_own)

    def assistant(self, channel, text, trained, end="end", target=None):
        self._start_of_assistant(trained)
        self.special("channel", trained)
        self.text(channel, trained)
        self.special("message", trained)
        self.text(text, trained)
        self.special(end, trained, target)
        self._own = True

    def call(self, call, trained):
        """A tool call and the tool's answer. A model writes the recipient behind the channel; a
        call that was parsed and rendered again ("rewritten") has it before."""
        trained = trained and not call["rewritten"]
        recipient = f" to=functions.{call['name']}"
        self._start_of_assistant(trained)
        if call["rewritten"]:
            self.text(recipient, False)
        self.special("channel", trained)
        self.text("commentary", trained)
        if not call["rewritten"]:
            self.text(recipient, trained)
        self.text(" ", trained)
        self.special("constrain", trained)
        self.text("json", trained)
        self.special("message", trained)
        self.text(call["arguments"], trained)
        self.special("call", trained)
        self.special("start", False)
        self.text(f"functions.{call['name']}", False)
        self.text(" to=assistant", False)
        self.special("channel", False)
        self.text("commentary", False)
        self.special("message", False)
        self.text(call["result"], False)
        self.special("end", False)
        self._own = False

    def conversation(self, conversation):
        """Returns the ids, and of each the id to predict in its place (or UNTRAINED).

        The analysis of the first turn is dropped when a second one follows; that of later turns
        stays. So a first turn with analysis is trained only where it is alone.
        """
        self.ids, self.targets = [], []
        for role in ("system", "developer"):
            if conversation[role] is not None:
                self.message(role, conversation[role])
        last = len(conversation["turns"]) - 1
        for index, turn in enumerate(conversation["turns"]):
            dropped = index == 0 and last > 0
            thought = [turn["analysis"], *(call["analysis"] for call in turn["calls"])]
            complete = not dropped or not any(thought)
            self.message("user", turn["user"])
            if turn["analysis"] and not dropped:
                self.assistant("analysis", turn["analysis"], True)
            for call in turn["calls"]:
                self.call(call, complete)
                if call["analysis"] and not dropped:
                    self.assistant("analysis", call["analysis"], True)
            self.assistant("final", turn["final"], complete,
                           "return" if index == last else "end", "return")
        return self.ids, self.targets

"""Random conversations: every member in every mixture, often absurd, sometimes wrong."""

import copy
import unicodedata

from conversation_cases import NUMBERS, Raw

WORDS = ["the", "ship", " left", "Zürich", "世界", "🙂", "\n", "\r\n", "\n\n", "\r", "\t", " ", "  ", "//", "\"", "\\", "'s", "1234", "é", "null",
         "<|end|>", "<|start|>", "<|channel|>", "<|constrain|>", "\u0000", "\u2028", "{", "}", "a", "B", ":", "to=", "functions.", "default"]
NAMES = ["a", "b", "c", "functions", "browser", "python", "get_weather", "x y", "ü", "", "1", "<|call|>", "null", "all"]
TYPES = ["string", "number", "integer", "boolean", "null", "array", "object", "any"]


class Maker:
    def __init__(self, random):
        self.random = random

    def sometimes(self, share=0.5):
        return self.random.random() < share

    def text(self):
        if self.sometimes(0.1):
            return "".join(self.character() for _ in range(self.random.randrange(8)))
        return "".join(self.random.choice(WORDS) for _ in range(self.random.randrange(8)))

    def character(self):
        character = chr(self.random.choice([self.random.randrange(0x20, 0x3000), self.random.randrange(0x10000, 0x1F000)]))
        # Libraries differ in the youngest characters that they know as letters.
        return "?" if unicodedata.ucd_3_2_0.category(character) == "Cn" else character

    def name(self):
        return self.random.choice(NAMES)

    def number(self):
        kind = self.random.randrange(4)
        if kind == 0:
            return Raw(self.random.choice(NUMBERS))
        if kind == 1:
            return self.random.uniform(-1, 1) * 10.0 ** self.random.randrange(-20, 25)
        if kind == 2:
            return round(self.random.uniform(-1000, 1000), self.random.randrange(4))
        return self.random.randrange(-2 ** 63, 2 ** 64) if self.sometimes(0.2) else self.random.randrange(-100, 100)

    def value(self, depth=0):
        kind = self.random.randrange(7 if depth < 3 else 5)
        if kind == 0:
            return self.text()
        if kind == 1:
            return self.number()
        if kind == 2:
            return self.random.choice([True, False, None])
        if kind in (3, 4):
            return self.name()
        if kind == 5:
            return [self.value(depth + 1) for _ in range(self.random.randrange(4))]
        return {self.name(): self.value(depth + 1) for _ in range(self.random.randrange(4))}

    def schema(self, depth=0):
        if self.sometimes(0.04):
            return self.value()
        schema = {}
        type = self.random.choice(TYPES if depth < 5 else TYPES[:5])
        if depth == 0 and self.sometimes(0.8):
            type = "object"
        if self.sometimes(0.1):
            schema["type"] = [self.random.choice(TYPES) if self.sometimes(0.9) else self.value(3) for _ in range(self.random.randrange(4))]
        elif self.sometimes(0.92):
            schema["type"] = type
        if (type == "object" and self.sometimes(0.9)) or self.sometimes(0.03):
            schema["properties"] = {self.name(): self.schema(depth + 1) for _ in range(self.random.randrange(5))}
        if type == "object" and self.sometimes():
            schema["required"] = [self.name() if self.sometimes(0.9) else self.value(3) for _ in range(self.random.randrange(4))]
        if type == "array" and self.sometimes(0.8):
            schema["items"] = self.schema(depth + 1)
        if (type == "string" and self.sometimes(0.4)) or self.sometimes(0.05):
            schema["enum"] = [self.text() if self.sometimes(0.85) else self.value(3) for _ in range(self.random.randrange(4))]
        if depth < 5 and self.sometimes(0.15):
            schema["oneOf"] = [self.schema(depth + 1) for _ in range(self.random.randrange(4))]
        for member, share, make in [("description", 0.4, self.text), ("title", 0.15, self.text), ("default", 0.35, self.value),
                                    ("nullable", 0.2, lambda: self.sometimes(0.8)),
                                    ("examples", 0.15, lambda: [self.value(2) for _ in range(self.random.randrange(3))]),
                                    ("anyOf", 0.05, lambda: [{"type": "string"}])]:
            if self.sometimes(share):
                schema[member] = make() if self.sometimes(0.95) else self.value()
        # A oneOf often says of itself what one of its types says.
        if isinstance(schema.get("oneOf"), list) and schema["oneOf"] and self.sometimes(0.4):
            other = self.random.choice(schema["oneOf"])
            if isinstance(other, dict) and "description" in other:
                schema["description"] = other["description"]
        items = list(schema.items())
        self.random.shuffle(items)
        return dict(items)

    def tool(self):
        tool = {"name": self.name(), "description": self.text()}
        if self.sometimes(0.8):
            tool["parameters"] = self.schema() if self.sometimes(0.95) else None
        return tool

    def namespaces(self):
        spaces = {}
        for _ in range(self.random.randrange(4)):
            key = "functions" if self.sometimes(0.4) else self.name()
            space = {"name": key if self.sometimes(0.8) else self.name(),
                     "tools": [self.tool() for _ in range(self.random.randrange(4))]}
            if self.sometimes():
                space["description"] = self.text()
            spaces[key] = space
        return spaces

    def some(self, members, share=0.6):
        return {name: (make() if self.sometimes(0.92) else None) for name, make in members.items() if self.sometimes(share)}

    def channel_config(self):
        return {"valid_channels": [self.random.choice(["analysis", "commentary", "final", self.text()]) for _ in range(self.random.randrange(4))],
                "channel_required": self.sometimes()}

    def system(self):
        return {"type": "system_content", **self.some({
            "model_identity": self.text, "reasoning_effort": lambda: self.random.choice(["Low", "Medium", "High"]),
            "tools": self.namespaces, "conversation_start_date": self.text, "knowledge_cutoff": self.text,
            "channel_config": self.channel_config})}

    def developer(self):
        return {"type": "developer_content", **self.some({"instructions": self.text, "tools": self.namespaces}, 0.8)}

    def content(self, role):
        makers = {"system": self.system, "developer": self.developer}
        if role in makers and self.sometimes(0.8):
            return [makers[role]() if self.sometimes(0.9) else {"type": "text", "text": self.text()} for _ in range(self.random.randrange(1, 3))]
        if self.sometimes(0.01):
            return [self.random.choice([self.system, self.developer])()]
        if self.sometimes(0.6):
            return self.text()
        return [{"type": "text", "text": self.text()} for _ in range(self.random.randrange(4))]

    def message(self):
        role = self.random.choice(["system", "developer", "user", "assistant", "assistant", "assistant", "tool"])
        message = {"role": role, "content": self.content(role)}
        if (role == "tool" and self.sometimes(0.98)) or self.sometimes(0.1):
            message["name"] = self.name()
        if self.sometimes(0.2):
            message["recipient"] = self.name()
        if self.sometimes(0.6):
            message["channel"] = self.random.choice(["analysis", "analysis", "commentary", "final", "final", self.text()])
        if self.sometimes(0.15):
            message["content_type"] = self.random.choice(["json", "<|constrain|>json", "<|constrain|>", "<|constrain|>" + self.text(), self.text()])
        return message

    def conversation(self):
        conversation = {"messages": [self.message() for _ in range(self.random.randrange(1, 7))]}
        if self.sometimes(0.2):
            conversation = copy.deepcopy(conversation)
            self.spoil(conversation)
        return conversation

    def spoil(self, value):
        """Removes, adds or replaces something somewhere."""
        while isinstance(value, (dict, list)) and value:
            keys = list(value) if isinstance(value, dict) else list(range(len(value)))
            key = self.random.choice(keys)
            if self.sometimes(0.25):
                action = self.random.randrange(3)
                if action == 0:
                    del value[key]
                elif action == 1 or isinstance(value, list):
                    # Arrays in place of objects are left out: openai-harmony reads some as such.
                    replacement = self.value(2)
                    value[key] = None if isinstance(replacement, list) else replacement
                else:
                    value["extra " + self.name()] = self.value(2)
                return
            value = value[key]

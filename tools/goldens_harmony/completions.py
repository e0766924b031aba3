"""The completions that make_completions.py asks openai-harmony about."""

ASSISTANT = "assistant"
ANSWER = "<|channel|>final<|message|>It is 42.<|return|>"
THOUGHT = "<|channel|>analysis<|message|>17 and 25 make 42.<|end|>"
CALL = '<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{"city": "Oslo"}<|call|>'
NEXT = "<|start|>assistant"

# As gpt-oss writes them.
WELL_FORMED = {
    "answer": ANSWER,
    "thought and answer": THOUGHT + NEXT + ANSWER,
    "thought and call": THOUGHT + NEXT + CALL,
    "preamble before a call": "<|channel|>commentary<|message|>I look it up.<|end|>" + NEXT + CALL,
    "call with the recipient first": ' to=functions.get_weather<|channel|>commentary <|constrain|>json<|message|>{}<|call|>',
    "call without a content type": '<|channel|>commentary to=functions.get_weather<|message|>{}<|call|>',
    "call with a bare content type": '<|channel|>commentary to=functions.get_weather json<|message|>{}<|call|>',
    "call with code": "<|channel|>commentary to=functions.run code<|message|>print(1)<|call|>",
    "built-in python": "<|channel|>analysis to=python code<|message|>print(17 + 25)<|call|>",
    "built-in browser": '<|channel|>analysis to=browser.search code<|message|>{"query": "Oslo"}<|call|>',
    "constrain without a space": '<|channel|>commentary to=functions.f<|constrain|>json<|message|>{}<|call|>',
    "two calls": CALL + NEXT + CALL,
    "answer cut off": "<|channel|>final<|message|>It is",
    "thought cut off": "<|channel|>analysis<|message|>17 and",
    "call cut off": '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a": ',
    "empty answer": "<|channel|>final<|message|><|return|>",
    "empty call": "<|channel|>commentary to=functions.now<|message|><|call|>",
    "only white space": "<|channel|>final<|message|> \n\n <|return|>",
    "answer in other scripts": "<|channel|>final<|message|>Здравствуй, 世界! 👩‍👩‍👧 é<|return|>",
    "line breaks": "<|channel|>final<|message|>\n# Title\n\n- one\n- two\r\n\n<|return|>",
    "markers in ordinary text": "<|channel|>final<|message|>It writes < |start| > first.<|return|>",
    "role before the channel": "assistant<|channel|>final<|message|>Hi<|return|>",
}

# With who speaks.
CONVERSATIONS = {
    "user and assistant": "<|start|>user<|message|>17+25?<|end|>" + NEXT + THOUGHT + NEXT + ANSWER,
    "system": "<|start|>system<|message|>You are ChatGPT.\n\nReasoning: low<|end|>",
    "developer": "<|start|>developer<|message|># Instructions\n\nBe brief.<|end|>",
    "tool's answer": NEXT + CALL + "<|start|>functions.get_weather to=assistant<|channel|>commentary<|message|>"
                     '{"sunny": true}<|end|>' + NEXT + ANSWER,
    "tool called tool": "<|start|>tool to=assistant<|message|>1<|end|>",
    "all recipients": NEXT + " to=all<|channel|>final<|message|>Hi<|end|>",
    "training": NEXT + ANSWER + "<|start|>user<|message|>Thanks<|end|>" + NEXT + ANSWER,
}

# With who speaks in a way that openai-harmony does not read back as it was written.
ODD_CONVERSATIONS = {
    "tool without a recipient": "<|start|>functions.get_weather<|channel|>commentary<|message|>{}<|end|>",
    "named user": "<|start|>user:alice<|message|>Hi<|end|>",
    "named assistant with a recipient": "<|start|>assistant:bob to=user<|channel|>final<|message|>Hi<|end|>",
}

# What goes wrong in the header of a message: completions of an assistant.
HEADERS = [
    # no channel, an empty one, several, glued ones
    "<|channel|>", "<|channel|> final", "<|channel|>\nfinal", "final", " final", "analysis", "<|channel|>Final",
    "<|channel|>finally", "<|channel|>analysisassistant", "<|channel|>finalassistant", "<|channel|>analysis assistant",
    "<|channel|>analysis<|channel|>final", "<|channel|>final<|channel|>final", "<|channel|><|channel|>final",
    "<|channel|>final<|channel|>", "<|channel|>analysis final", "<|channel|>final analysis", "assistantfinal",
    "assistantanalysis", "<|channel|>commentaryto=functions.f", "<|channel|>final\u00a0x", "<|channel|>final\u3000",
    "<|channel|>commentaryjson", "<|channel|>thefinal", "<|channel|>final.", "<|channel|>final:",
    # recipients
    " to=functions.f", "<|channel|>commentary to=", "<|channel|>commentary to= functions.f",
    "<|channel|>commentary functions.f", "<|channel|>commentary functions.f json", "<|channel|>commentary python",
    "<|channel|>commentary to=functions.f to=functions.g", "<|channel|>commentary to=functions.f to=functions.f",
    " to=functions.f<|channel|>commentary to=functions.f", "to=functions.f assistant<|channel|>commentary",
    "<|channel|>commentary to=functions.f<|channel|>commentary json", "<|channel|>commentary to=functions.f{}",
    " to=functions.f<|channel|>commentary<|channel|>commentary", '<|channel|>commentary to="functions.f"',
    "<|channel|>commentary to=functions.f,", "<|channel|>commentary to=functions.f\u00a0json",
    "<|channel|>commentary to=functions.f<|reserved_200000|>", "<|channel|>commentary to=functions<|start|>.f",
    "<|channel|>final to=user", "<|channel|>commentary to=functions.f<|constrain|>json<|constrain|>json",
    # content types
    "<|channel|>final <|constrain|>json", "<|channel|>final json", "<|channel|>commentary json to=functions.f",
    "<|channel|>commentary <|constrain|>json to=functions.f", "<|channel|>commentary to=functions.f <|constrain|>",
    "<|channel|>commentary to=functions.f <|constrain|> json", "<|channel|>commentary json",
    "<|channel|>commentary to=functions.f <|constrain|><|constrain|>json", "<|constrain|>json<|channel|>final",
    "<|channel|>commentary to=functions.f json code", "<|channel|>commentary to=functions.f code <|constrain|>json",
    "<|channel|><|constrain|>json", "<|channel|>analysis code", "<|channel|>commentary<|constrain|>json to=functions.f",
    # words that have no place
    "<|channel|>final Here is", "Sure, here it is. <|channel|>final", "<|channel|>commentary please to=functions.f json",
    "<|channel|>commentary to=functions.f do it now json", " blah<|channel|>final", " blah blah<|channel|>final",
    " a b c d<|channel|>final", "user<|channel|>final", " assistant assistant<|channel|>final", "<|channel|>final x y z",
    # markers and ids of every kind
    "<|start|>assistant<|channel|>final", "<|start|><|start|>assistant<|channel|>final", "<|constrain|>",
    "<|reserved_200000|><|channel|>final", "<|channel|>fi<|startoftext|>nal", "<|endoftext|>", "<|channel|>final<|end|>",
    "<|channel|>final<|call|>", "", "   ", "\n",
]
CONTENTS = ['{"city": "Oslo"}', "It is 42."]

# Whole completions of an assistant.
BROKEN = [
    "<|start|>functions.get_weather to=assistant<|channel|>commentary<|message|>{}<|end|>",
    "<|message|>Hi<|end|>",
    "<|channel|>notes<|message|>Hi<|end|>",
    # no <|message|>
    "<|channel|>final It is 42.<|return|>", "<|channel|>finalIt is 42.<|return|>", "It is 42.<|return|>", "It is 42.",
    "<|channel|>analysis We add.<|end|>" + NEXT + ANSWER, "<|channel|>final<|return|>", "<|channel|>final",
    '<|channel|>commentary to=functions.f <|constrain|>json{"a": 1}<|call|>',
    '<|channel|>commentary to=functions.f json{"a": 1}<|call|>', '<|channel|>commentary to=functions.f{"a": 1}<|call|>',
    "<|channel|>commentary to=functions.f<|call|>", '<|channel|>commentary to=functions.f\n{"a":  1}\n<|call|>',
    "<|channel|>final two  spaces\n\nand lines<|return|>", "<|channel|>It is 42.<|return|>", "<|return|>", "<|end|>",
    "<|channel|>final" + " word" * 40 + "<|return|>", "word " * 40, "<|channel|>analysis 1 <|channel|>final 2<|return|>",
    "Well.<|channel|>analysis Hm.<|channel|>final It is 42.<|return|>", "assistantfinal It is 42.<|return|>",
    "<|channel|>final It is<|message|> 42.<|return|>", " word" * 40 + "<|message|>It is 42.<|return|>",
    "assistant<|return|>", "user friendly design<|return|>", "final answer: 42<|return|>",
    # cut off within the header
    "<|channel|>", "<|channel|>fi", "<|channel|>commentary to=functions.get_we", "<|channel|>commentary to=", "assist",
    THOUGHT + "<|start|>", THOUGHT + NEXT, THOUGHT + NEXT + "<|channel|>", THOUGHT + NEXT + "<|channel|>final",
    THOUGHT + NEXT + "<|channel|>commentary to=functions.f <|constrain|>json", "<|channel|>final <|constrain|>js",
    # markers in the content
    "<|channel|>final<|message|><|message|>It is 42.<|return|>", "<|channel|>final<|message|>It <|message|>is.<|return|>",
    "<|channel|>analysis<|message|>17 and 25" + NEXT + ANSWER, "<|channel|>analysis<|message|>Hm." + ANSWER,
    "<|channel|>final<|message|>It <|channel|>is 42.<|return|>", "<|channel|>final<|message|>It <|channel|> is.<|return|>",
    "<|channel|>final<|message|>It <|constrain|>is 42.<|return|>", "<|channel|>final<|message|>It is 42.<|endoftext|>",
    "<|channel|>final<|message|>It<|endoftext|> is 42.<|return|>", "<|channel|>final<|endoftext|>", "<|endoftext|>",
    "<|channel|>final<|message|>It<|reserved_200001|> is 42.<|return|>", "<|channel|>final<|message|>It<|start|>",
    "<|channel|>analysis<|message|>Hm.assistantfinal<|message|>It is 42.<|return|>",
    "<|channel|>analysis<|message|>Hm.<|start|>It is 42.<|return|>",
    # between messages
    THOUGHT + ANSWER, THOUGHT + "assistant" + ANSWER, THOUGHT + "It is 42.<|return|>", THOUGHT + "<|end|>" + NEXT + ANSWER,
    THOUGHT + "\n" + NEXT + ANSWER, THOUGHT + "\n\n", THOUGHT + "<|message|>It is 42.<|return|>", ANSWER + "<|return|>",
    THOUGHT + "<|start|>" + NEXT + ANSWER, THOUGHT + NEXT + NEXT + ANSWER, ANSWER + "<|endoftext|>", CALL + CALL,
    THOUGHT + "<|constrain|>json<|message|>{}<|return|>", ANSWER + "<|reserved_200000|>", ANSWER + " And more.",
    THOUGHT + "<|start|>It is 42.<|return|>", THOUGHT + "<|start|>final<|message|>It is 42.<|return|>",
    THOUGHT + "<|start|><|message|>It is 42.<|return|>", THOUGHT + "<|start|><|channel|>final<|message|>Yes.<|return|>",
    THOUGHT + "<|start|>assistent<|channel|>final<|message|>Yes.<|return|>",
    THOUGHT + '<|start|>assistent to=functions.f<|channel|>commentary json<|message|>{}<|call|>',
    THOUGHT + "<|start|>assistantfinal<|message|>Yes.<|return|>",
    THOUGHT + "<|start|>assistantfinal Yes.<|return|>",
    THOUGHT + "<|start|>user<|message|>And 1+1?<|end|>", THOUGHT + "<|start|>assistant assistant" + ANSWER,
]

# Without a given role.
OPENINGS = ["", "Hello. ", "<|end|>", "<|message|>", "<|channel|>final<|message|>", "assistant", "<|start|>", "\n", "user",
            "<|start|>robot", "<|start|>robot one", "<|start|>robot to=assistant", "<|start|>to=functions.f",
            "<|start|>Assistant", "<|start|> assistant", "<|start|>assistant\n", "<|reserved_200000|>", "<|start|>final"]

UNKNOWN = [201500, 2147483647]


def character_ids(encode, data):
    """Bytes as tokens of one byte: ids 0 to 255 in the order of the byte-level alphabet."""
    order = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    order += [byte for byte in range(256) if byte not in order]
    return [order.index(byte) for byte in data]


BROKEN_BYTES = [b"\xe2\x82", b"\xe2\x82\xac", b"\xed\xa0\x80", b"\xff", b"\xf0\x9f\x99", b"a\x80b\x80c", b"\xe2\x82A",
                b"\xf0\x9f\xf0\x9f\x99\x82", b"\xc3", b"\xf4\x90\x80\x80"]


def byte_cases(encode):
    for data in BROKEN_BYTES:
        ids = character_ids(encode, data)
        content = encode("<|channel|>final<|message|>")
        yield f"content {data}", content + ids + encode("<|return|>"), ASSISTANT, True
        yield f"content {data} cut off", content + ids, ASSISTANT, True
        yield f"content {data} and a text", content + ids + encode("text<|channel|>x<|return|>"), ASSISTANT, True
        yield f"header {data}", ids + content + encode("Hi<|return|>"), ASSISTANT, True
        yield f"recipient {data}", encode("<|channel|>commentary to=functions.f") + ids + encode(
            " json<|message|>{}<|call|>"), ASSISTANT, False
        yield f"no header {data}", ids, ASSISTANT, True


def unknown_cases(encode):
    for id in UNKNOWN:
        yield f"{id} in content", encode("<|channel|>final<|message|>It ") + [id] + encode("is<|return|>"), ASSISTANT, True
        yield f"{id} in a header", encode("<|channel|>final") + [id] + encode("<|message|>It is<|return|>"), ASSISTANT, True
        yield f"{id} in a character", (encode("<|channel|>final<|message|>") + character_ids(encode, b"\xe2\x82") + [id] +
                                       character_ids(encode, b"\xac") + encode("<|return|>")), ASSISTANT, True
        yield f"{id} at the end", encode(ANSWER) + [id], ASSISTANT, False
        yield f"only {id}", [id], None, False


def cases(encode):
    """Name, ids, role and whether its steps are wanted of every completion."""
    for name, text in WELL_FORMED.items():
        yield name, encode(text), ASSISTANT, True
    for name, text in CONVERSATIONS.items():
        yield name, encode(text), None, True
    for name, text in ODD_CONVERSATIONS.items():
        yield name, encode(text), None, False
    for header in HEADERS:
        for content in CONTENTS:
            text = header + "<|message|>" + content + "<|end|>"
            yield text, encode(text), ASSISTANT, False
        yield f"{text} begun", encode(NEXT + text), None, False
    for text in BROKEN:
        yield text, encode(text), ASSISTANT, len(text) < 100
    for opening in OPENINGS:
        yield f"{opening} opens", encode(opening + NEXT + ANSWER), None, False
        yield f"{opening} and no start", encode(opening + ANSWER), None, False
    for role in ("system", "developer", "user", "tool"):
        yield f"as {role}", encode("<|message|>Hello<|end|>" + NEXT + ANSWER), role, True
        yield f"as {role} with more", encode(role + " to=assistant<|channel|>commentary<|message|>Hello"), role, False
    yield from byte_cases(encode)
    yield from unknown_cases(encode)


STRUCTURE = ["<|start|>", "<|channel|>", "<|message|>", "<|end|>", "<|constrain|>", "<|return|>", "<|call|>",
             "<|endoftext|>", "<|reserved_200000|>"]
WORDS = ["assistant", "user", "tool", "system", "developer", "analysis", "commentary", "final", " to=functions.f", "to=", "to=a.b",
         " json", "json", " ", "\n", "\t", " x", "<", "functions.f", " functions.f", "\u00a0", "\u2003", "\x0b", "\x0c", "<|channel", "|>",
         ":", "{", "é", "🙂", "The", " answer", " code"]
PIECES = ["<|start|>assistant", "<|channel|>analysis<|message|>", "<|channel|>final<|message|>", "<|start|>user<|message|>",
          "<|channel|>commentary to=functions.f <|constrain|>json<|message|>"]


def is_well_formed(name):
    """Whether the completion is as gpt-oss was taught to write, and recovery has nothing to do."""
    return name in WELL_FORMED or name in CONVERSATIONS


def random_completion(generator, encode):
    """Ids and role of a completion in which anything may follow anything."""
    ids = []
    for _ in range(generator.randint(0, 16)):
        kind = generator.random()
        if kind < 0.4:
            ids += encode(generator.choice(STRUCTURE))
        elif kind < 0.75:
            ids += encode(generator.choice(WORDS))
        elif kind < 0.88:
            ids += encode(generator.choice(PIECES))
        elif kind < 0.99:
            ids += [generator.randrange(256)] if generator.random() < 0.6 else [generator.randrange(199998)]
        else:
            ids.append(generator.choice(UNKNOWN))
    return ids, generator.choice([None, None, "assistant", "assistant", "assistant", "user", "tool"])

"""Writes tests/data/tokenizer/: what Hugging Face's tokenizers answers. See README.md beside this file."""

import itertools
import json
import pathlib
import random

from tokenizers import Tokenizer, models, pre_tokenizers

import corpus

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "tests" / "data" / "tokenizer"
VOCABULARIES = {
    "o200k": ROOT / "third_party" / "tokenizer" / "tokenizer.json",
    "tiny": ROOT / "models" / "tiny-gpt-oss" / "tokenizer.json",
}
BLOCK = 1000
CHARACTER_BLOCK = 256


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def write_lines(path, records):
    lines = [json.dumps(record, ensure_ascii=False, separators=(",", ":")) for record in records]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def encode(tokenizer, text, parse_special):
    tokenizer.encode_special_tokens = not parse_special
    return tokenizer.encode(text, add_special_tokens=False).ids


def encode_cases(tokenizer):
    cases = [(text, 1, False) for text in corpus.fixed_texts()]
    cases += [(text, 1, special) for text in corpus.SPECIAL_LOOKING for special in (False, True)]
    cases += [(text, 1, index % 2 == 1) for index, text in enumerate(corpus.random_texts(500, seed=20260401))]
    cases += [(text, times, False) for text in corpus.RUNS for times in (2, 3, 7, 64, 255)]
    cases += [("a", 5000, False), ("\n", 5000, False), ("<|end|>", 100, True)]
    for text, times, special in cases:
        record = {"text": text}
        if times != 1:
            record["times"] = times
        yield {**record, "parse_special": special, "ids": encode(tokenizer, text * times, special)}


def decode_cases(tokenizer, ids):
    generator = random.Random(7)
    specials = sorted(tokenizer.get_added_tokens_decoder())
    for count in range(200):
        chosen = [generator.choice(specials if generator.random() < 0.1 else ids)
                  for _ in range(generator.randint(0, 12) if count % 4 else 40)]
        yield {"ids": chosen, "text": tokenizer.decode(chosen, skip_special_tokens=False)}
    # Tokens of a single byte in random order: nearly every kind of broken UTF-8.
    byte_ids = [id for id in ids if len(tokenizer.id_to_token(id)) == 1]
    for _ in range(200):
        chosen = [generator.choice(byte_ids) for _ in range(generator.randint(1, 16))]
        yield {"ids": chosen, "text": tokenizer.decode(chosen, skip_special_tokens=False)}
    by_byte = {token_bytes(tokenizer, {}, id): id for id in byte_ids}
    for prefix in (b"\xe2\x82", b"\xed\xa0\x80", b"\xf0\x9f\x99", b"\xf4\x90\x80\x80", b"\xc0\x80", b"\xe0\x80\x80",
                   b"\xf0\x80\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xff", b"\x80\x80", b"\xe2\x82\xe2\x82\xac"):
        for suffix in (b"", b"a", b"\xc3\xa9"):
            chosen = [by_byte[bytes([byte])] for byte in prefix + suffix]
            yield {"ids": chosen, "text": tokenizer.decode(chosen, skip_special_tokens=False)}


def byte_alphabet():
    """Character of the byte-level alphabet to byte."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    alphabet = {chr(byte): byte for byte in printable}
    alphabet.update({chr(0x100 + index): byte for index, byte in enumerate(others)})
    assert set(alphabet) == set(pre_tokenizers.ByteLevel.alphabet())
    return alphabet


ALPHABET = byte_alphabet()


def token_bytes(tokenizer, specials, id):
    if id in specials:
        return specials[id].content.encode()
    return bytes(ALPHABET[character] for character in tokenizer.id_to_token(id))


def blocks(items, size):
    items = iter(items)
    while block := list(itertools.islice(items, size)):
        yield block


def token_hashes(tokenizer, ids, source):
    specials = tokenizer.get_added_tokens_decoder()
    raw, texts = [], []
    for block in blocks(ids, BLOCK):
        raw.append(fnv1a(b"".join(token_bytes(tokenizer, specials, id) + b"\0" for id in block)))
        texts.append(fnv1a(b"".join(
            tokenizer.decode([id], skip_special_tokens=False).encode() + b"\0" for id in block)))
    return {"file_bytes": len(source), "file_fnv1a": fnv1a(source), "vocabulary_size": ids[-1] + 1, "block": BLOCK,
            "bytes": raw, "texts": texts}


def character_hashes(tokenizer):
    """How the split pattern cuts a character beside letters, digits, spaces and punctuation."""
    split = tokenizer.pre_tokenizer[0]
    for _, codes in itertools.groupby(corpus.assigned_characters(), lambda code: code // CHARACTER_BLOCK):
        codes = list(codes)
        text = ""
        for code in codes:
            character = chr(code)
            around = f"x{character}X {character}1{character}! {character}\n{character}{character}'s"
            text += ",".join(str(len(piece.encode())) for piece, _ in split.pre_tokenize_str(around)) + ";"
        runs, start = [], codes[0]
        for code, following in zip(codes, codes[1:] + [None]):
            if following != code + 1:
                runs.append([start, code])
                start = following
        yield {"runs": runs, "pieces": fnv1a(text.encode())}


def merge_cases():
    """Small vocabularies with merges in any order, several of them to the same token."""
    generator = random.Random(11)
    for _ in range(40):
        tokens = sorted({"".join(generator.choice("abc") for _ in range(generator.randint(2, 6))) for _ in range(40)})
        # Every part of a token is a token, so that each has all of its merges.
        parts = {token[i:j] for token in tokens for i in range(len(token)) for j in range(i + 1, len(token) + 1)}
        parts = sorted(part for part in parts if len(part) > 1)
        merges = [(part[:i], part[i:]) for part in parts for i in range(1, len(part))]
        generator.shuffle(merges)
        merges = merges[: len(merges) * 3 // 4]
        vocabulary = {character: byte for character, byte in ALPHABET.items()}
        vocabulary.update({part: 256 + index for index, part in enumerate(parts)})
        ignore_merges = generator.random() < 0.5
        tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=ignore_merges))
        texts = ["".join(generator.choice("abc") for _ in range(generator.randint(1, 24))) for _ in range(8)]
        texts += [generator.choice(parts) for _ in range(2)]
        yield {"tokens": parts, "merges": merges, "ignore_merges": ignore_merges,
               "texts": {text: tokenizer.encode(text).ids for text in texts}}


def main():
    OUTPUT.mkdir(parents=True, exist_ok=True)
    write_lines(OUTPUT / "merges.jsonl", merge_cases())
    for name, path in VOCABULARIES.items():
        source = path.read_bytes()
        tokenizer = Tokenizer.from_str(source.decode())
        ids = sorted(tokenizer.get_vocab(with_added_tokens=True).values())
        write_lines(OUTPUT / f"encode_{name}.jsonl", encode_cases(tokenizer))
        write_lines(OUTPUT / f"decode_{name}.jsonl", decode_cases(tokenizer, ids))
        write_lines(OUTPUT / f"tokens_{name}.json", [token_hashes(tokenizer, ids, source)])
        print(f"{name}: {len(ids)} tokens")
    write_lines(OUTPUT / "characters.jsonl", character_hashes(tokenizer))


if __name__ == "__main__":
    main()

"""openai-harmony with the vocabulary of third_party/tokenizer instead of a download."""

import base64
import hashlib
import json
import os
import pathlib
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOKENIZER = ROOT / "third_party" / "tokenizer" / "tokenizer.json"
TOKENIZER_SHA256 = "0614fe83cadab421296e664e1f48f4261fa8fef6e03e63bb75c20f38e37d07d3"
RANKS_NAME = "o200k_base.tiktoken"
RANKS_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"


def check(data, sha256, name):
    if hashlib.sha256(data).hexdigest() != sha256:
        raise SystemExit(f"{name}: expected SHA-256 {sha256}, got another; run tools/fetch_third_party")
    return data


def byte_alphabet():
    """Character of the byte-level alphabet to byte."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {**{chr(byte): byte for byte in printable}, **{chr(0x100 + i): byte for i, byte in enumerate(others)}}


def rank_file():
    """The vocabulary as tiktoken keeps it: a line for each token, its bytes in base64 and its id."""
    source = check(TOKENIZER.read_bytes(), TOKENIZER_SHA256, TOKENIZER)
    alphabet = byte_alphabet()
    vocabulary = json.loads(source)["model"]["vocab"]
    lines = []
    for token, id in sorted(vocabulary.items(), key=lambda item: item[1]):
        data = bytes(alphabet[character] for character in token)
        lines.append(b"%s %d\n" % (base64.b64encode(data), id))
    return check(b"".join(lines), RANKS_SHA256, RANKS_NAME)


def load():
    """openai-harmony's encoding of gpt-oss, offline."""
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / RANKS_NAME).write_bytes(rank_file())
        os.environ["TIKTOKEN_ENCODINGS_BASE"] = folder
        from openai_harmony import HarmonyEncodingName, load_harmony_encoding

        return load_harmony_encoding(HarmonyEncodingName.HARMONY_GPT_OSS)

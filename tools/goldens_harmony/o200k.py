"""The rank file that openai-harmony reads, made from third_party/tokenizer/tokenizer.json."""

import base64
import hashlib
import json
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCE = ROOT / "third_party" / "tokenizer" / "tokenizer.json"
FOLDER = ROOT / "build" / "o200k"
NAME = "o200k_base.tiktoken"
SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"


def byte_alphabet():
    """Character of the byte-level alphabet to byte."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {**{chr(byte): byte for byte in printable}, **{chr(0x100 + i): byte for i, byte in enumerate(others)}}


def write_rank_file():
    """Writes the file unless it is there, and returns its folder."""
    path = FOLDER / NAME
    if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        alphabet = byte_alphabet()
        vocabulary = json.loads(SOURCE.read_text(encoding="utf-8"))["model"]["vocab"]
        lines = [base64.b64encode(bytes(alphabet[character] for character in token)) + b" %d\n" % id
                 for token, id in sorted(vocabulary.items(), key=lambda entry: entry[1])]
        data = b"".join(lines)
        found = hashlib.sha256(data).hexdigest()
        if found != SHA256:
            raise SystemExit(f"{SOURCE}: expected a vocabulary with the rank file {SHA256}, got {found}")
        FOLDER.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return FOLDER


def load_encoding():
    """openai-harmony's encoding for gpt-oss, without a download."""
    os.environ["TIKTOKEN_ENCODINGS_BASE"] = str(write_rank_file())
    import openai_harmony

    return openai_harmony.load_harmony_encoding(openai_harmony.HarmonyEncodingName.HARMONY_GPT_OSS)

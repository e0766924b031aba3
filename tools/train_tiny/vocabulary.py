"""Trains the demo model's tokenizer: byte-level BPE like o200k_harmony, only smaller.

The merges are chosen here and not by the tokenizers library, because it cannot be told what must
stay apart: every digit and every capital letter that stands among others is a token of its own, so
that sums and strings of letters can be worked on letter by letter.
"""

import collections
import json
import pathlib
import string

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors

MOST_ENTRIES = 3300
FEWEST_OCCURRENCES = 4

# The split pattern of o200k_harmony, so that the demo model goes through the same code as gpt-oss.
SPLIT_PATTERN = "|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}",
    r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
    r"\s*[\r\n]+",
    r"\s+(?!\S)",
    r"\s+",
])

# Harmony's published names. Their ids follow the BPE entries, in this order.
SPECIAL_TOKENS = [
    "<|startoftext|>", "<|endoftext|>", "<|return|>", "<|constrain|>", "<|channel|>", "<|start|>",
    "<|end|>", "<|message|>", "<|call|>",
]


def _splitter():
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT_PATTERN), behavior="isolated", invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])


def _may_be_a_token(text):
    """No digits together, and no capital letter at the end of something longer: so "Oslo" can be
    one token, and "QZ" or " Q" cannot."""
    return not any(c.isdigit() for c in text) and text[-1] not in string.ascii_uppercase


def _pairs(word):
    return zip(word, word[1:])


def _merged(word, pair):
    out, index = [], 0
    while index < len(word):
        if word[index:index + 2] == pair:
            out.append(word[index] + word[index + 1])
            index += 2
        else:
            out.append(word[index])
            index += 1
    return tuple(out)


def choose_merges(counts, most):
    """Up to `most` merges for words with how often they occur, the most frequent pair first."""
    words = [[tuple(word), count] for word, count in sorted(counts.items())]
    frequency, places = collections.Counter(), collections.defaultdict(set)
    for index, (word, count) in enumerate(words):
        for pair in _pairs(word):
            frequency[pair] += count
            places[pair].add(index)
    merges = []
    while len(merges) < most:
        allowed = (pair for pair in frequency if _may_be_a_token("".join(pair)))
        pair = max(allowed, key=lambda pair: (frequency[pair], pair), default=None)
        if pair is None or frequency[pair] < FEWEST_OCCURRENCES:
            break
        merges.append(pair)
        for index in list(places[pair]):
            word, count = words[index]
            for old in _pairs(word):
                frequency[old] -= count
                places[old].discard(index)
            words[index][0] = _merged(word, pair)
            for new in _pairs(words[index][0]):
                frequency[new] += count
                places[new].add(index)
    return merges


def train_tokenizer(texts):
    """Returns a `tokenizers.Tokenizer`: the bytes, what was merged, then the special tokens."""
    splitter = _splitter()
    counts = collections.Counter(
        word for text in texts for word, _ in splitter.pre_tokenize_str(text))
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = choose_merges(counts, MOST_ENTRIES - len(alphabet))
    entries = list(dict.fromkeys(alphabet + ["".join(pair) for pair in merges]))
    vocabulary = {entry: index for index, entry in enumerate(entries)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=True))
    tokenizer.pre_tokenizer = splitter
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.add_special_tokens(SPECIAL_TOKENS)
    return tokenizer


def save_tokenizer(tokenizer, folder: pathlib.Path):
    """Writes tokenizer.json, and tokenizer_config.json for transformers' AutoTokenizer."""
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "bos_token": "<|startoftext|>",
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|return|>",
        "model_input_names": ["input_ids", "attention_mask"],
        "model_max_length": 1024,
        "pad_token": "<|endoftext|>",
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")

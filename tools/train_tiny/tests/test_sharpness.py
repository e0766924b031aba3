"""Checks of mistaken.py, with which sharpness.py judges the suites: without a mistake it is gpt-oss
as transformers has it, and no mistake is without effect. And checks of the judging.

    cd tools/train_tiny && python -m unittest discover tests
"""

import json
import pathlib
import sys
import tempfile
import unittest

import torch
from safetensors.torch import save_file
from transformers import GptOssForCausalLM, Mxfp4Config

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import mistaken  # noqa: E402
import settings  # noqa: E402
import sharpness  # noqa: E402
from rendering import UNTRAINED  # noqa: E402

# Small, but long enough for the window and the original positions to end, and head_dim is not
# hidden_size / num_attention_heads.
HIDDEN, INNER, EXPERTS, HEADS, KV_HEADS, DIM, VOCABULARY = 64, 64, 8, 8, 2, 32, 96
ROWS, LENGTH, WINDOW, ORIGINAL_LENGTH = 3, 90, 24, 32
AGREE, MOVED = 1e-5, 1e-3  # of the largest logit


def tiny_config():
    config = settings.config(lambda name: 0)
    config.update(
        hidden_size=HIDDEN, intermediate_size=INNER, num_local_experts=EXPERTS, head_dim=DIM,
        num_attention_heads=HEADS, num_key_value_heads=KV_HEADS, vocab_size=VOCABULARY,
        sliding_window=WINDOW, initial_context_length=ORIGINAL_LENGTH, layer_types=[
            "full_attention" if layer % 2 else "sliding_attention"
            for layer in range(config["num_hidden_layers"])])
    config["rope_scaling"]["original_max_position_embeddings"] = ORIGINAL_LENGTH
    config["max_position_embeddings"] = ORIGINAL_LENGTH * int(config["rope_scaling"]["factor"])
    return config


def random_tensors(config):
    """Of a published file. Large enough for the gates to reach their limit, the embedding small
    enough for eps to matter."""
    torch.manual_seed(1)
    tensors = {}

    def add(name, *shape, scale=1.0, mean=0.0):
        tensors[name] = (mean + scale * torch.randn(shape)).bfloat16()

    def add_linear(name, out, inner):
        add(name + ".weight", out, inner, scale=inner**-0.5)
        add(name + ".bias", out, scale=0.5)

    def add_experts(name, out, inner):
        tensors[name + "_blocks"] = torch.randint(
            256, (EXPERTS, out, inner // 32, 16), dtype=torch.uint8)
        tensors[name + "_scales"] = torch.randint(
            123, 126, (EXPERTS, out, inner // 32), dtype=torch.uint8)
        add(name + "_bias", EXPERTS, out)

    add("model.embed_tokens.weight", VOCABULARY, HIDDEN, scale=0.02)
    add("lm_head.weight", VOCABULARY, HIDDEN)
    add("model.norm.weight", HIDDEN, scale=0.3, mean=1)
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        add(prefix + "input_layernorm.weight", HIDDEN, scale=0.3, mean=1)
        add(prefix + "post_attention_layernorm.weight", HIDDEN, scale=0.3, mean=1)
        add_linear(prefix + "self_attn.q_proj", HEADS * DIM, HIDDEN)
        add_linear(prefix + "self_attn.k_proj", KV_HEADS * DIM, HIDDEN)
        add_linear(prefix + "self_attn.v_proj", KV_HEADS * DIM, HIDDEN)
        add_linear(prefix + "self_attn.o_proj", HIDDEN, HEADS * DIM)
        add(prefix + "self_attn.sinks", HEADS)
        add_linear(prefix + "mlp.router", EXPERTS, HIDDEN)
        add_experts(prefix + "mlp.experts.gate_up_proj", 2 * INNER, HIDDEN)
        add_experts(prefix + "mlp.experts.down_proj", HIDDEN, INNER)
    return tensors


class Mistakes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.config = tiny_config()
        cls.tensors = random_tensors(cls.config)
        cls.ids = torch.randint(0, VOCABULARY, (ROWS, LENGTH))
        cls.right = cls.logits("")

    @classmethod
    def logits(cls, mistake, ids=None):
        ids = cls.ids if ids is None else ids
        model = mistaken.Model(cls.config, cls.tensors, mistake)
        return model.logits(ids, torch.ones_like(ids, dtype=torch.bool))

    def moved(self, mistake):
        return (self.logits(mistake) - self.right).abs().max() / self.right.abs().max()

    def test_agrees_with_transformers(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "config.json").write_text(json.dumps(self.config))
            save_file(self.tensors, folder / "model.safetensors", {"format": "pt"})
            oracle = GptOssForCausalLM.from_pretrained(
                folder, dtype=torch.float32, attn_implementation="eager",
                experts_implementation="eager",
                quantization_config=Mxfp4Config(dequantize=True)).eval()
            own = mistaken.Model(*mistaken.read(folder))
        with torch.no_grad():
            wanted = oracle(self.ids).logits.flatten(0, 1)
        got = own.logits(self.ids, torch.ones_like(self.ids, dtype=torch.bool))
        self.assertLess((got - wanted).abs().max() / wanted.abs().max(), AGREE)

    def test_each_mistake_matters(self):
        for mistake in mistaken.MISTAKES + mistaken.REFERENCES:
            with self.subTest(mistake):
                self.assertGreater(self.moved(mistake), MOVED)

    def test_control_does_not_matter(self):
        self.assertLess(self.moved(mistaken.CONTROL), AGREE)

    def test_an_unknown_mistake_is_none(self):
        self.assertEqual(self.moved("none"), 0)

    def test_what_fills_a_row_up_does_not_matter(self):
        filled = torch.cat((self.ids[:, :60], torch.zeros(ROWS, 30, dtype=torch.long)), 1)
        got = self.logits("", filled).unflatten(0, (ROWS, -1))[:, :60]
        want = self.right.unflatten(0, (ROWS, -1))[:, :60]
        self.assertLess((got - want).abs().max() / want.abs().max(), AGREE)


class Judging(unittest.TestCase):
    def test_batches_hold_all_cases_filled_up(self):
        lengths = [5000, 3, 700, 650, 9]
        cases = [sharpness.Case("s", [1] * n, [UNTRAINED] * (n - 1) + [7]) for n in lengths]
        got = list(sharpness.batches(cases))
        self.assertEqual(sorted(len(c.ids) for batch, _, _ in got for c in batch), sorted(lengths))
        for batch, ids, targets in got:
            self.assertEqual(ids.shape, (len(batch), max(len(c.ids) for c in batch)))
            self.assertEqual((targets != UNTRAINED).sum(-1).tolist(), [1] * len(batch))

    def test_an_item_is_right_if_every_asked_token_is(self):
        targets = torch.tensor([[UNTRAINED, 1, 2], [UNTRAINED, UNTRAINED, 0], [1, 1, UNTRAINED]])
        logits = torch.eye(3)[[1, 0, 0, 1, 1]]  # of the asked places, row by row
        self.assertEqual(sharpness.are_right(logits, targets).tolist(), [False, True, True])

    def test_the_right_model_falls_nowhere(self):
        config = tiny_config()
        tensors = random_tensors(config)
        right = mistaken.Model(config, tensors)
        ids = torch.randint(0, VOCABULARY, (4, 20))
        written = right.logits(ids, torch.ones_like(ids, dtype=torch.bool)).argmax(-1).view(4, 20)
        cases = [sharpness.Case("s", row, answer)
                 for row, answer in zip(ids.tolist(), written.tolist())]
        models = {name: mistaken.Model(config, tensors, name) for name in ("none", "nibble order")}
        scores = sharpness.judge(right, models, cases)
        self.assertEqual(scores["none"], sharpness.Score({"s": 0}, 0.0, 80))
        self.assertEqual(scores["nibble order"].wrong, {"s": 4})
        self.assertGreater(scores["nibble order"].divergence, 1)

    def test_lines(self):
        counts, parity = {"a": 50, "b": 100}, {"eps 0"}
        score = sharpness.Score({"a": 1, "b": 30}, 0.5, 100)
        self.assertEqual(sharpness.line("eps 0", score, counts, parity),
                         "| eps 0 | b −30 | 5.0e-03 |")
        score = sharpness.Score({"a": 1, "b": 2}, 0.5, 100)
        self.assertEqual(sharpness.line("eps 0", score, counts, parity),
                         "| eps 0 | not seen by eval; parity golden | 5.0e-03 |")
        score.divergence = -1e-12
        self.assertEqual(sharpness.line(mistaken.CONTROL, score, counts, parity),
                         f"| for comparison: {mistaken.CONTROL} | not seen by eval | < 1e-08 |")

    def test_most_mistakes_are_known_to_the_goldens(self):
        self.assertGreater(len(set(mistaken.MISTAKES) & sharpness.parity_mistakes()), 40)


if __name__ == "__main__":
    unittest.main()

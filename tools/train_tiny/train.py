"""Trains the demo model. Time-limited; an interrupted run resumes.

    python train.py RUN_FOLDER --minutes 15
        on the text of corpus.py
    python train.py RUN_FOLDER --minutes 35 --conversations_after OTHER_RUN
        goes on from another run, on conversations and some of that text
"""

import argparse
import itertools
import os
import pathlib
import shutil
import sys
import time

# glibc otherwise returns every large buffer to the kernel and faults it in again: half the speed.
MALLOC_SETTINGS = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "50000000000",
    "MALLOC_TOP_PAD_": "268435456",
}
if any(name not in os.environ for name in MALLOC_SETTINGS):
    os.environ.update(MALLOC_SETTINGS)
    os.execv(sys.executable, [sys.executable, *sys.argv])

import torch  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import conversations  # noqa: E402
import corpus  # noqa: E402
from model import GptOss  # noqa: E402
from rendering import UNTRAINED, Renderer  # noqa: E402
from settings import CONFIG, END_OF_TEXT  # noqa: E402
from vocabulary import save_tokenizer, train_tokenizer  # noqa: E402

SEED = 20
DOCUMENTS = 40000
TOKENIZER_DOCUMENTS = 8000
VALIDATION_DOCUMENTS = 200
BATCH, LENGTH = 8, 256
# Some longer rows, so that generation stays sound past the original 256 positions.
LONG_BATCH, LONG_LENGTH, LONG_SHARE, LONG_FROM = 4, 512, 0.15, 0.25
CONVERSATIONS = 24000
TALK_BATCH, TALK_LENGTH = 4, 512
LONG_TALK_BATCH, LONG_TALK_LENGTH, LONG_TALK_SHARE = 2, 768, 0.12
STORY_SHARE = 0.22
OPEN_ROWS = 64
LEARNING_RATE, WEIGHT_DECAY, CLIP = 4e-3, 0.05, 1.0
WARMUP_STEPS, DECAY_FROM, QUANTIZE_FROM = 100, 0.6, 0.9
BALANCE = 0.01
CHECKPOINT_SECONDS = 60


class Muon(torch.optim.Optimizer):
    """Momentum whose update is orthogonalised by Newton-Schulz steps (K. Jordan, 2024), scaled to
    the size of an AdamW update. Matrices may be stacked in leading dimensions."""

    def __init__(self, parameters):
        super().__init__(parameters, {"lr": 0.0, "momentum": 0.95, "weight_decay": WEIGHT_DECAY})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for parameter in group["params"]:
                state = self.state[parameter]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(parameter)
                momentum = state["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
                update = orthogonalize(parameter.grad.lerp(momentum, group["momentum"]))
                scale = 0.2 * max(parameter.shape[-2:]) ** 0.5
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(update, alpha=-group["lr"] * scale)


def orthogonalize(matrix):
    """Brings the singular values of `matrix` [..., rows, columns] near 1."""
    wide = matrix.shape[-2] <= matrix.shape[-1]
    x = matrix if wide else matrix.transpose(-1, -2)
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    a, b, c = 3.4445, -4.7750, 2.0315
    for _ in range(5):
        gram = x @ x.transpose(-1, -2)
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x if wide else x.transpose(-1, -2)


def build_optimizers(model):
    def is_matrix(name):
        return any(part in name for part in ("_proj.weight", "gate_up_proj", "down_proj")) and (
            not name.endswith("bias"))

    named = list(model.named_parameters())
    matrices = [p for n, p in named if is_matrix(n)]
    plain = [p for n, p in named if not is_matrix(n) and p.ndim > 1]
    undecayed = [p for n, p in named if not is_matrix(n) and p.ndim == 1]
    adam = torch.optim.AdamW(
        [{"params": plain, "weight_decay": WEIGHT_DECAY},
         {"params": undecayed, "weight_decay": 0.0}], betas=(0.9, 0.98))
    return [Muon(matrices), adam]


def pack_rows(documents, length):
    """Rows of length + 1 tokens, each from the beginning of a document; what does not fit into
    the last document's row is cut, and the next row starts with the next document."""
    rows, row = [], []
    for ids in documents:
        row.extend(ids)
        row.append(END_OF_TEXT)
        if len(row) > length:
            rows.append(row[:length + 1])
            row = []
    return torch.tensor(rows)


def pack_conversations(rendered, length):
    """Whole conversations in rows of length + 1 tokens: [row, 2, length + 1], the ids and what to
    predict in their places. The rest of a row is filled up with tokens nobody learns."""
    full, rows = [], []
    for ids, targets in rendered:
        fitting = [row for row in rows if len(row[0]) + len(ids) <= length + 1]
        if fitting:
            row = max(fitting, key=lambda row: len(row[0]))
        else:
            if len(rows) == OPEN_ROWS:
                rows.sort(key=lambda row: len(row[0]))
                full.append(rows.pop())
            row = ([], [])
            rows.append(row)
        row[0].extend(ids)
        row[1].extend(targets)
    for row in full:
        missing = length + 1 - len(row[0])
        row[0].extend([END_OF_TEXT] * missing)
        row[1].extend([UNTRAINED] * missing)
    return torch.tensor(full)


class Stories:
    """Batches of text. A batch depends on the step alone, so that a resumed run reads on where it
    stopped."""

    def __init__(self, tokenizer):
        documents = list(corpus.documents(SEED, DOCUMENTS))
        ids = [encoding.ids for encoding in tokenizer.encode_batch(documents)]
        split = VALIDATION_DOCUMENTS
        self._rows = pack_rows(ids[split:], LENGTH)
        self._long_rows = pack_rows(reversed(ids[split:]), LONG_LENGTH)
        self._validation = pack_rows(ids[:split], LENGTH)
        print(f"{len(self._rows)} rows of {LENGTH} tokens", flush=True)

    def batch(self, step, progress):
        generator = torch.Generator().manual_seed(SEED + step)
        choose_long = torch.rand((), generator=generator).item() < LONG_SHARE
        if progress > LONG_FROM and choose_long:
            rows = self._long_rows
            rows = rows[torch.randint(len(rows), (LONG_BATCH,), generator=generator)]
        else:
            first = step * BATCH % (len(self._rows) - BATCH)
            rows = self._rows[first:first + BATCH]
        return rows[:, :-1], rows[:, 1:]

    def validation(self):
        return {"text": [(part[:, :-1], part[:, 1:]) for part in self._validation.split(BATCH)]}


class Talk:
    """Batches of conversations, and now and then one of text."""

    def __init__(self, tokenizer):
        self._stories = Stories(tokenizer)
        renderer = Renderer(tokenizer)
        rendered = [renderer.conversation(made)
                    for made in conversations.conversations(SEED, CONVERSATIONS)]
        apart, rendered = rendered[:VALIDATION_DOCUMENTS], rendered[VALIDATION_DOCUMENTS:]
        self._rows = pack_conversations(
            [made for made in rendered if len(made[0]) <= TALK_LENGTH], TALK_LENGTH)
        self._long_rows = pack_conversations(
            [made for made in rendered if TALK_LENGTH < len(made[0]) <= LONG_TALK_LENGTH],
            LONG_TALK_LENGTH)
        self._validation = pack_conversations(
            [made for made in apart if len(made[0]) <= LONG_TALK_LENGTH], LONG_TALK_LENGTH)
        print(f"{len(self._rows)} rows of {TALK_LENGTH} tokens, {len(self._long_rows)} of "
              f"{LONG_TALK_LENGTH}", flush=True)

    def batch(self, step, progress):
        generator = torch.Generator().manual_seed(SEED + step)
        kind = torch.rand((), generator=generator).item()
        if kind < STORY_SHARE:
            return self._stories.batch(step, progress)
        if kind < STORY_SHARE + LONG_TALK_SHARE:
            rows, count = self._long_rows, LONG_TALK_BATCH
        else:
            rows, count = self._rows, TALK_BATCH
        first = step * count % (len(rows) - count)
        rows = rows[first:first + count]
        return rows[:, 0, :-1], rows[:, 1, 1:]

    def validation(self):
        parts = self._validation.split(TALK_BATCH)
        return {"conversations": [(part[:, 0, :-1], part[:, 1, 1:]) for part in parts],
                **self._stories.validation()}


def load_tokenizer(run, start):
    """The run's tokenizer: its own, that of the run to go on from, or a new one."""
    if start is not None:
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copyfile(start / name, run / name)
    elif not (run / "tokenizer.json").exists():
        documents = itertools.islice(corpus.documents(SEED, DOCUMENTS), TOKENIZER_DOCUMENTS)
        save_tokenizer(train_tokenizer(documents), run)
    return Tokenizer.from_file(str(run / "tokenizer.json"))


def learning_rate(step, progress):
    decay = min(1.0, (1 - progress) / (1 - DECAY_FROM))
    return LEARNING_RATE * min(1.0, (step + 1) / WARMUP_STEPS) * max(decay, 0.02)


def loss_of(model, inputs, targets):
    logits, balance = model(inputs)
    return F.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), ignore_index=UNTRAINED), balance


@torch.no_grad()
def validation_loss(model, batches):
    """The mean over the tokens that are predicted."""
    total, count = 0.0, 0
    for inputs, targets in batches:
        predicted = (targets != UNTRAINED).sum().item()
        total += loss_of(model, inputs, targets)[0].item() * predicted
        count += predicted
    return total / count


def save(path, model, optimizers, step, seconds, tokens):
    part = path.with_suffix(".part")
    torch.save({"model": model.state_dict(), "optimizers": [o.state_dict() for o in optimizers],
                "step": step, "seconds": seconds, "tokens": tokens}, part)
    part.replace(path)


def train(run, minutes, start):
    tokenizer = load_tokenizer(run, start)
    data = Stories(tokenizer) if start is None else Talk(tokenizer)
    model = GptOss(CONFIG)
    if start is not None:
        model.load_state_dict(torch.load(start / "checkpoint.pt", weights_only=True)["model"])
    optimizers = build_optimizers(model)
    checkpoint = run / "checkpoint.pt"
    step, seconds, tokens = 0, 0.0, 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(saved["model"])
        for optimizer, state in zip(optimizers, saved["optimizers"]):
            optimizer.load_state_dict(state)
        step, seconds, tokens = saved["step"], saved["seconds"], saved["tokens"]
        print(f"resumed at step {step}, {seconds:.0f} s", flush=True)
    started, saved_at = time.monotonic() - seconds, seconds
    while seconds < minutes * 60:
        progress = seconds / (minutes * 60)
        if progress > QUANTIZE_FROM:
            model.quantize_experts()
        inputs, targets = data.batch(step, progress)
        loss, balance = loss_of(model, inputs, targets)
        (loss + BALANCE * balance).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, progress)
            optimizer.step()
            optimizer.zero_grad()
        tokens += inputs.numel()
        step += 1
        seconds = time.monotonic() - started
        if step % 50 == 0:
            print(f"step {step} {seconds:.0f} s {tokens} tokens loss {loss.item():.3f} "
                  f"balance {balance.item():.2f}", flush=True)
        if seconds - saved_at > CHECKPOINT_SECONDS:
            save(checkpoint, model, optimizers, step, seconds, tokens)
            saved_at = seconds
    model.quantize_experts()
    save(checkpoint, model, optimizers, step, seconds, tokens)
    print(f"{step} steps, {tokens} tokens")
    for name, batches in data.validation().items():
        print(f"validation loss on {name}: {validation_loss(model, batches):.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=pathlib.Path, help="folder for the tokenizer and checkpoints")
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--conversations_after", type=pathlib.Path, metavar="OTHER_RUN",
                        help="go on from this run's weights, on conversations")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(SEED)
    args.run.mkdir(parents=True, exist_ok=True)
    train(args.run, args.minutes, args.conversations_after)


if __name__ == "__main__":
    main()

"""Trains the demo model on the text of corpus.py. Time-limited; an interrupted run resumes.

    python train.py RUN_FOLDER --minutes 15
"""

import argparse
import os
import pathlib
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

import corpus  # noqa: E402
from model import GptOss  # noqa: E402
from settings import CONFIG, END_OF_TEXT  # noqa: E402
from vocabulary import save_tokenizer, train_tokenizer  # noqa: E402

SEED = 20
DOCUMENTS = 40000
TOKENIZER_DOCUMENTS = 8000
VALIDATION_DOCUMENTS = 200
BATCH, LENGTH = 8, 256
# Some longer rows, so that generation stays sound past the original 256 positions.
LONG_BATCH, LONG_LENGTH, LONG_SHARE, LONG_FROM = 4, 512, 0.15, 0.25
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


def tokenized_rows(run):
    """Trains the tokenizer unless `run` has one. Returns rows for training, longer ones, and rows
    for validation."""
    documents = list(corpus.documents(SEED, DOCUMENTS))
    if not (run / "tokenizer.json").exists():
        save_tokenizer(train_tokenizer(documents[:TOKENIZER_DOCUMENTS]), run)
    tokenizer = Tokenizer.from_file(str(run / "tokenizer.json"))
    ids = [encoding.ids for encoding in tokenizer.encode_batch(documents)]
    split = VALIDATION_DOCUMENTS
    return (pack_rows(ids[split:], LENGTH), pack_rows(reversed(ids[split:]), LONG_LENGTH),
            pack_rows(ids[:split], LENGTH))


def learning_rate(step, progress):
    decay = min(1.0, (1 - progress) / (1 - DECAY_FROM))
    return LEARNING_RATE * min(1.0, (step + 1) / WARMUP_STEPS) * max(decay, 0.02)


def loss_of(model, rows):
    logits, balance = model(rows[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten()), balance


@torch.no_grad()
def validation_loss(model, rows):
    return sum(loss_of(model, part)[0].item() * len(part) for part in rows.split(8)) / len(rows)


def next_batch(rows, long_rows, step, progress):
    """The batch depends on the step alone, so that a resumed run reads on where it stopped."""
    generator = torch.Generator().manual_seed(SEED + step)
    choose_long = torch.rand((), generator=generator).item() < LONG_SHARE
    if progress > LONG_FROM and choose_long:
        return long_rows[torch.randint(len(long_rows), (LONG_BATCH,), generator=generator)]
    first = step * BATCH % (len(rows) - BATCH)
    return rows[first:first + BATCH]


def save(path, model, optimizers, step, seconds, tokens):
    part = path.with_suffix(".part")
    torch.save({"model": model.state_dict(), "optimizers": [o.state_dict() for o in optimizers],
                "step": step, "seconds": seconds, "tokens": tokens}, part)
    part.replace(path)


def train(run, minutes):
    rows, long_rows, validation = tokenized_rows(run)
    print(f"{len(rows)} rows of {LENGTH} tokens", flush=True)
    model = GptOss(CONFIG)
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
        batch = next_batch(rows, long_rows, step, progress)
        loss, balance = loss_of(model, batch)
        (loss + BALANCE * balance).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, progress)
            optimizer.step()
            optimizer.zero_grad()
        tokens += batch[:, 1:].numel()
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
    print(f"{step} steps, {tokens} tokens, "
          f"validation loss {validation_loss(model, validation):.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=pathlib.Path, help="folder for the tokenizer and checkpoints")
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(SEED)
    args.run.mkdir(parents=True, exist_ok=True)
    train(args.run, args.minutes)


if __name__ == "__main__":
    main()

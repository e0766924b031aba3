"""Trains the demo model; interrupted, it goes on where it stopped.

    python train.py RUN_FOLDER
"""

import argparse
import itertools
import os
import pathlib
import random
import signal
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
from torch import distributed  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from mixture import Mixture, sample_texts  # noqa: E402
from model import GptOss  # noqa: E402
from optimizer import build_optimizers  # noqa: E402
from progress import HeldOut  # noqa: E402
from rendering import Renderer  # noqa: E402
from settings import config  # noqa: E402
from vocabulary import save_tokenizer, train_tokenizer  # noqa: E402

SEED = 1
# A step learns from one batch of each stream. Each process takes its share of the streams, so that
# their number changes the speed and nothing else.
STREAMS = 2
STEPS = 20000
LEARNING_RATE, CLIP = 4e-3, 1.0
WARMUP_STEPS, DECAY_FROM, QUANTIZE_FROM = 100, 0.6, 0.9
BALANCE = 0.01
# Losses are computed for this many tokens or a multiple: see ROWS in model.py.
PREDICTED = 256
TOKENIZER_TEXTS = 400000
CHECKPOINT_SECONDS, PRINT_STEPS, CHECK_STEPS = 60, 50, 500


def load_tokenizer(run):
    """The run's tokenizer, trained first if there is none."""
    if not (run / "tokenizer.json").exists():
        texts = itertools.islice(sample_texts(random.Random(SEED)), TOKENIZER_TEXTS)
        save_tokenizer(train_tokenizer(texts), run)
    return Tokenizer.from_file(str(run / "tokenizer.json"))


def learning_rate(step, steps):
    decay = min(1.0, (1 - step / steps) / (1 - DECAY_FROM))
    return LEARNING_RATE * min(1.0, (step + 1) / WARMUP_STEPS) * max(decay, 0.01)


def loss_of(model, ids, targets, weights):
    """The weighted mean over the tokens that are predicted, and the balance loss."""
    hidden, balance = model.hidden(ids)
    places = weights.flatten().nonzero().squeeze(1)
    wanted, weights = targets.flatten()[places], weights.flatten()[places]
    missing = -len(places) % PREDICTED
    logits = model.lm_head(hidden[F.pad(places, (0, missing))])[:len(places)]
    losses = F.cross_entropy(logits, wanted, reduction="none")
    return (losses * weights).sum() / weights.sum(), balance


class Training:
    """The part of a run that one process does."""

    def __init__(self, run, steps, rank, processes):
        self._steps, self._rank, self._processes = steps, rank, processes
        self._checkpoint = run / "checkpoint.pt"
        tokenizer = Tokenizer.from_file(str(run / "tokenizer.json"))
        torch.manual_seed(SEED)
        self._model = GptOss(config(tokenizer.token_to_id))
        self._optimizers = build_optimizers(self._model)
        self._step, self._tokens, self._seconds = 0, 0, 0.0
        positions = self._resume() if self._checkpoint.exists() else [(0, 0)] * STREAMS
        self._model.compile_layers()
        renderer = Renderer(tokenizer)
        self._held_out = HeldOut(renderer)
        filler = tokenizer.token_to_id("<|endoftext|>")
        self._streams = [
            Mixture(renderer, f"{SEED}/{stream}", filler, tuple(positions[stream]))
            for stream in range(rank, STREAMS, processes)]

    def _resume(self):
        saved = torch.load(self._checkpoint, weights_only=True)
        self._model.load_state_dict(saved["model"])
        for optimizer, state in zip(self._optimizers, saved["optimizers"]):
            optimizer.load_state_dict(state)
        self._step, self._tokens, self._seconds = saved["step"], saved["tokens"], saved["seconds"]
        self._print(f"resumed at step {self._step}")
        return saved["positions"]

    def _save(self):
        positions = [stream.position for stream in self._streams]
        if self._processes > 1:
            everyone = [None] * self._processes
            distributed.all_gather_object(everyone, positions)
            positions = [everyone[stream % self._processes][stream // self._processes]
                         for stream in range(STREAMS)]
        if self._rank == 0:
            part = self._checkpoint.with_suffix(".part")
            torch.save({"model": self._model.state_dict(), "positions": positions,
                        "optimizers": [o.state_dict() for o in self._optimizers],
                        "step": self._step, "tokens": self._tokens, "seconds": self._seconds}, part)
            part.replace(self._checkpoint)

    def _print(self, text):
        if self._rank == 0:
            print(text, flush=True)

    def _average_gradients(self):
        gradients = [p.grad for p in self._model.parameters()]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        parts = flat.split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts):
            gradient.copy_(part.view_as(gradient))

    def _learn(self):
        """One step. Returns the loss of this process's streams."""
        total = 0.0
        for stream in self._streams:
            batch = stream.next_batch()
            loss, balance = loss_of(self._model, *batch)
            ((loss + BALANCE * balance) / STREAMS).backward()
            total += loss.item() / len(self._streams)
            self._tokens += batch[0].numel() * self._processes
        if self._processes > 1:
            self._average_gradients()
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), CLIP)
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(self._step, self._steps)
            optimizer.step()
            optimizer.zero_grad()
        self._step += 1
        return total

    def run(self, stop_at):
        saved_at, before, mean = self._seconds, time.monotonic(), None
        while self._step < min(self._steps, stop_at):
            if self._step >= QUANTIZE_FROM * self._steps:
                self._model.quantize_experts()
            loss = self._learn()
            mean = loss if mean is None else mean + (loss - mean) / PRINT_STEPS
            now = time.monotonic()
            self._seconds, before = self._seconds + now - before, now
            if self._step % PRINT_STEPS == 0:
                self._print(f"step {self._step}, {self._seconds:.0f} s, "
                            f"{self._tokens / 1e6:.1f} M tokens, loss {mean:.4f}")
                # All processes save at the same step, and each one's clock is its own.
                due = torch.tensor(self._seconds - saved_at > CHECKPOINT_SECONDS)
                if self._processes > 1:
                    distributed.broadcast(due, 0)
                if due:
                    self._save()
                    saved_at = self._seconds
            if self._step % CHECK_STEPS == 0 and self._rank == 0:
                self._print(self._held_out.check(self._model))
        self._save()
        self._print(f"{self._step} steps, {self._tokens} tokens, {self._seconds:.0f} s")


def work(rank, run, steps, stop_at, processes):
    torch.set_num_threads(1)
    # Products of bfloat16 with float32 sums, where the processor has them: four times as fast.
    torch.set_float32_matmul_precision("medium")
    if processes > 1:
        distributed.init_process_group("gloo", init_method=f"file://{run.absolute()}/processes",
                                       rank=rank, world_size=processes)
    Training(run, steps, rank, processes).run(stop_at)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=pathlib.Path, help="folder for the tokenizer and checkpoints")
    parser.add_argument("--steps", type=int, default=STEPS, help="of the whole training")
    parser.add_argument("--stop_at", type=int, default=sys.maxsize, metavar="STEP",
                        help="end early; a later run goes on")
    parser.add_argument("--processes", type=int, default=2, choices=(1, 2))
    args = parser.parse_args()
    args.run.mkdir(parents=True, exist_ok=True)
    load_tokenizer(args.run)
    (args.run / "processes").unlink(missing_ok=True)
    # So that the processes end with this one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    if args.processes == 1:
        work(0, args.run, args.steps, args.stop_at, 1)
    else:
        torch.multiprocessing.spawn(
            work, (args.run, args.steps, args.stop_at, args.processes), args.processes,
            daemon=True)


if __name__ == "__main__":
    main()

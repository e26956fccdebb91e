"""The seed MLP with Hugging Face's Trainer and everything off that reports; it times its own steps.

python -m studies.plain.hf_trainer --batch-size 64 --epochs 5 --steps-per-epoch 200 --warmup 50

Run it as a module: as a file, its own folder would be searched for packages first. The callback that times
the steps is called four times a step and costs some 3 µs, which the figure includes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from statistics import median
from time import perf_counter

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import Dataset, Sampler, default_collate
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

MAX_ROWS = 8192


class Points(Dataset):
    """Items `{"x": float32[64], "labels": int64}`."""

    def __init__(self, length: int) -> None:
        generator = torch.Generator().manual_seed(0)
        self.x = torch.randn(length, 64, generator=generator)
        self.labels = torch.randint(2, (length,), generator=generator)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"x": self.x[index], "labels": self.labels[index]}


class Shuffled(Sampler):
    """A permutation of its own for each epoch; of more samples than there are rows, these repeat."""

    def __init__(self, length: int, rows: int) -> None:
        self.length = length
        self.rows = rows
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.epoch)
        return iter((torch.randperm(self.length, generator=generator) % self.rows).tolist())

    def __len__(self) -> int:
        return self.length


class MLPTrainer(Trainer):
    def __init__(self, *, sampler, **kwargs):
        self.sampler = sampler
        super().__init__(**kwargs)

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        return cross_entropy(model(inputs["x"]), inputs["labels"])

    def _get_train_sampler(self, train_dataset=None):
        return self.sampler


class Ticks(TrainerCallback):
    def __init__(self) -> None:
        self.ticks: list[float] = []

    def on_step_end(self, args, state, control, **kwargs):
        self.ticks.append(perf_counter())


def main(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 2))
    samples = args.steps_per_epoch * args.batch_size
    dataset = Points(min(samples, MAX_ROWS))
    callback = Ticks()
    with tempfile.TemporaryDirectory() as folder:
        trainer = MLPTrainer(
            model=model,
            args=TrainingArguments(
                output_dir=folder,
                num_train_epochs=args.epochs,
                per_device_train_batch_size=args.batch_size,
                max_grad_norm=0.0,
                lr_scheduler_type="constant",
                use_cpu=True,
                dataloader_drop_last=True,
                remove_unused_columns=False,
                logging_nan_inf_filter=False,
                logging_strategy="no",
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
            sampler=Shuffled(samples, len(dataset)),
            train_dataset=dataset,
            data_collator=default_collate,
            optimizers=(torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0), None),
            callbacks=[callback],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    report(args, callback.ticks, model)


def report(args: argparse.Namespace, ticks: list[float], model: nn.Module) -> None:
    """Print the median step after the warm-up that crosses no epoch boundary, throughput, and what was trained."""
    seconds = [
        after - before
        for step, (before, after) in enumerate(pairwise(ticks), start=1)
        if step >= args.warmup and step % args.steps_per_epoch != 0
    ]
    weights = b"".join(parameter.detach().numpy().tobytes() for parameter in model.parameters())
    digest = hashlib.sha256(weights).hexdigest()
    per_second = args.batch_size * (len(ticks) - args.warmup) / (ticks[-1] - ticks[args.warmup - 1])
    figures = {"median_step_us": median(seconds) * 1e6, "samples_per_second": per_second}
    print(json.dumps({**figures, "weights_sha256": digest}))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--steps-per-epoch", type=int, default=200)
    parser.add_argument("--warmup", type=int, default=50)
    return parser.parse_args()


if __name__ == "__main__":
    main(parse())

"""The seed MLP with Lightning Fabric, as its guide turns a hand-written loop into one; it times its own steps.

python -m studies.plain.fabric --batch-size 64 --epochs 5 --steps-per-epoch 200 --warmup 50

Run it as a module: as a file, its own folder would be searched for packages first.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator
from itertools import pairwise
from statistics import median
from time import perf_counter

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset, Sampler

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


def main(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0)
    samples = args.steps_per_epoch * args.batch_size
    dataset = Points(min(samples, MAX_ROWS))
    sampler = Shuffled(samples, len(dataset))
    loader = DataLoader(dataset, batch_size=args.batch_size, sampler=sampler, drop_last=True)
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    model, optimizer = fabric.setup(model, optimizer)
    loader = fabric.setup_dataloaders(loader)
    ticks = []
    model.train()
    for epoch in range(args.epochs):
        sampler.set_epoch(epoch)
        for batch in loader:
            loss = cross_entropy(model(batch["x"]), batch["labels"])
            fabric.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
            ticks.append(perf_counter())
    report(args, ticks, model)


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

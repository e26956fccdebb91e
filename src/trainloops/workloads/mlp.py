"""The article's MLP: 64 -> 32 -> 16 -> 2 with ReLU between.

So small that nearly all of a step is the loop around it, which is what makes it a good probe.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import Dataset

from trainloops.contract import Batch, Workload

FEATURES, CLASSES = 64, 2


class Points(Dataset[dict[str, torch.Tensor]]):
    """Gaussian points with random labels: items `{"x": float32[64], "labels": int64}`."""

    def __init__(self, length: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.x = torch.randn(length, FEATURES, generator=generator)
        self.labels = torch.randint(CLASSES, (length,), generator=generator)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"x": self.x[index], "labels": self.labels[index]}


def model() -> nn.Module:
    """`float[batch, 64]` to logits `float[batch, 2]`."""
    return nn.Sequential(nn.Linear(FEATURES, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, CLASSES))


def loss(model: nn.Module, batch: Batch) -> torch.Tensor:
    """Mean cross-entropy."""
    return cross_entropy(model(batch["x"]), batch["labels"])


def workload() -> Workload:
    """What is trained."""
    return Workload(model=model, dataset=Points, loss=loss, learning_rate=1e-3)

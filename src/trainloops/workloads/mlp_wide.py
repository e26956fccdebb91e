"""The same points through a wide MLP, 64 -> 2048 -> 2048 -> 2: here arithmetic dominates the step."""

from __future__ import annotations

from torch import nn

from trainloops.contract import Workload
from trainloops.workloads.mlp import CLASSES, FEATURES, Points, loss

WIDTH = 2048


def model() -> nn.Module:
    """`float[batch, 64]` to logits `float[batch, 2]`, 4.3 million parameters."""
    return nn.Sequential(
        nn.Linear(FEATURES, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, CLASSES)
    )


def workload() -> Workload:
    """What is trained."""
    return Workload(model=model, dataset=Points, loss=loss, learning_rate=1e-3)

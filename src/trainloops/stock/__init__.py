"""The loops of the `stock` profile: each framework as somebody uses it who read its quick start and set nothing.

Only what a framework has no default for comes from the job: model, loss, samples and their order, batch size, device,
number of steps, and the optimizer wherever the user has to bring one. A loop is called as its runner is.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainloops.contract import Train

MODULES = {
    "pytorch": "trainloops.stock.pytorch",
    "hf-trainer": "trainloops.stock.hf_trainer",
    "lightning": "trainloops.stock.lightning",
    "accelerate": "trainloops.stock.accelerate",
    "fabric": "trainloops.stock.fabric",
}
"""The runners that have defaults."""


def load(runner: str) -> Train:
    """Import the loop of that runner with its defaults; raises `ImportError` where its framework is missing."""
    train: Train = import_module(MODULES[runner]).train
    return train

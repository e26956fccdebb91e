"""A plain training script with a planted slowdown, which prints its seconds: what people time with other tools.

python -m studies.evidence.script --share 0.03 --steps 5000
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from time import perf_counter

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from studies.evidence.waits import after_step

BATCH_SIZE = 64
ROUND_STEPS = 500
"""Of a training where a tool times several in one process."""


def train(*, steps: int, share: float) -> None:
    """The seed MLP for one epoch, item by item, as its run in `studies/plain/pytorch.py`."""
    for _ in trained(steps=steps, share=share):
        pass


def trained(*, steps: int, share: float) -> Iterator[None]:
    """The same, step by step."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0)
    optimizer.register_step_post_hook(after_step(share))
    dataset = TensorDataset(torch.randn(steps * BATCH_SIZE, 64), torch.randint(2, (steps * BATCH_SIZE,)))
    for x, labels in DataLoader(dataset, batch_size=BATCH_SIZE, shuffle=True):
        loss = cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        yield


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--share", type=float, default=0.0)
    parser.add_argument("--steps", type=int, default=5000)
    options = parser.parse_args()
    began = perf_counter()
    train(steps=options.steps, share=options.share)
    print(perf_counter() - began)

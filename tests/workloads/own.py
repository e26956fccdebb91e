"""Workloads of a user's own: two that every loop trains alike, and one for each way to be wrong."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import torch
from neighbour import RATE
from torch import nn
from torch.nn.functional import cross_entropy

from trainloops.contract import Workload
from trainloops.workloads import mlp

WORDS = 16


@dataclass
class Output:
    """With annotations that dataclasses look up in the module."""

    rate: float = RATE


def tiny() -> Workload:
    return replace(mlp.workload(), learning_rate=Output().rate)


class Pairs:
    """Ten items of two lengths, however many are asked for, of which a batch is padded."""

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        if not 0 <= index < 10:
            raise IndexError(index)
        return {"words": torch.arange(3 + index % 2) % WORDS, "labels": torch.tensor(index % 2)}


def padded(items: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    words = nn.utils.rnn.pad_sequence([item["words"] for item in items], batch_first=True)
    return {"words": words, "labels": torch.stack([item["labels"] for item in items])}


class Rude(nn.Module):
    """Random while it trains, with buffers that training moves, and with an output that is no tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, 8)
        self.head = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 2))

    def forward(self, words: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"logits": self.head(self.words(words).mean(dim=1)), "words": words}


def rude() -> Workload:
    def loss(model, batch):
        return cross_entropy(model(batch["words"])["logits"], batch["labels"])

    return Workload(model=Rude, dataset=lambda length, seed: Pairs(), loss=loss, learning_rate=RATE, collate=padded)


def calls_planted() -> Workload:
    """Calls a package whose releases are compared."""
    import planted

    def loss(model, batch):
        loss = mlp.loss(model, batch)
        planted.each_step(loss)
        return loss

    return replace(mlp.workload(), loss=loss)


def a_tuple():
    return mlp.model(), mlp.Points(8, 0), mlp.loss


def a_model_that_is_made() -> Workload:
    return replace(mlp.workload(), model=mlp.model())


def a_dataset_that_is_made() -> Workload:
    return replace(mlp.workload(), dataset=mlp.Points(8, 0))


def a_loss_of_torch() -> Workload:
    return replace(mlp.workload(), loss=nn.CrossEntropyLoss())


def no_rate() -> Workload:
    return replace(mlp.workload(), learning_rate=None)


def no_module() -> Workload:
    return replace(mlp.workload(), model=lambda: None)


def a_stream() -> Workload:
    return replace(mlp.workload(), dataset=lambda length, seed: iter([]))


def an_empty_dataset() -> Workload:
    return replace(mlp.workload(), dataset=lambda length, seed: [])


def pairs() -> Workload:
    return replace(mlp.workload(), dataset=lambda length, seed: [(torch.zeros(64), torch.tensor(0))])


def a_loss_a_sample() -> Workload:
    def loss(model, batch):
        return cross_entropy(model(batch["x"]), batch["labels"], reduction="none")

    return replace(mlp.workload(), loss=loss)


def a_loss_in_a_dict() -> Workload:
    return replace(mlp.workload(), loss=lambda model, batch: {"loss": mlp.loss(model, batch)})


def turns_nan() -> Workload:
    steps = []

    def loss(model, batch):
        steps.append(0)
        return mlp.loss(model, batch) * (float("nan") if len(steps) == 3 else 1.0)

    return replace(mlp.workload(), loss=loss)


def tells_who_made_it() -> Workload:
    maker = os.getpid()

    def loss(model, batch):
        raise RuntimeError(f"made by {maker}")

    return replace(mlp.workload(), loss=loss)


def raises() -> Workload:
    raise FileNotFoundError("no tokens in /data: make them first")


NUMBER = 7

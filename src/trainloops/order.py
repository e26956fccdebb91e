"""The one order of samples that every loop uses: a function of (seed, epoch), nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

import torch
from torch.utils.data import BatchSampler, Sampler


class SeededOrder(Sampler[int]):
    """A permutation of `range(length)` for each epoch, taken modulo the `rows` that the dataset has.

    Frameworks call `set_epoch` on any sampler that has it, as they do for torch's
    `DistributedSampler`; a loop that forgets to sees epoch 0 again and fails the equivalence check.
    """

    def __init__(self, length: int, seed: int, *, rows: int | None = None) -> None:
        self.length = length
        self.rows = length if rows is None else rows
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Fix the order that the next iteration gives."""
        self.epoch = epoch

    def of_rank(self, rank: int, ranks: int, batch_size: int) -> SeededOrder:
        """What one of `ranks` processes trains: of every `ranks` batches in a row the one of its number.

        So do Accelerate and Trainer divide them, and all together train the same batches.
        """
        return self if ranks == 1 else RankOrder(self, rank, ranks, batch_size)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        # Repeated here, once an epoch, and not in the dataset, where every sample would pay for it.
        return iter((torch.randperm(self.length, generator=generator) % self.rows).tolist())

    def __len__(self) -> int:
        return self.length


class RankOrder(SeededOrder):
    """The batches of one rank in the order of all."""

    def __init__(self, whole: SeededOrder, rank: int, ranks: int, batch_size: int) -> None:
        super().__init__(whole.length // ranks, whole.seed, rows=whole.rows)
        self._whole, self._rank, self._ranks, self._batch_size = whole, rank, ranks, batch_size

    def __iter__(self) -> Iterator[int]:
        self._whole.set_epoch(self.epoch)
        batches = BatchSampler(self._whole, self._batch_size, drop_last=True)
        return chain.from_iterable(islice(batches, self._rank, None, self._ranks))

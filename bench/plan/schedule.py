"""In which order a block runs its trials: shuffled, from a seed.

A drift of the machine must hit all runners of a comparison alike, so they are measured within
moments of each other: the unit that is shuffled is a round, one trial of each runner.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.records.schema import Cell, Comparison

MAX_HASH_SEED = 2**32 - 1
MAX_PADDING_BYTES = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """A trial's place in the schedule."""

    cell: Cell
    block: int
    replicate: int
    position: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """What is different about the interpreters of one block, so that layout luck is sampled too.

    Environment size and hash seed move stack and dict layout, which alone can shift a figure by
    per cents (Mytkowicz et al., "Producing Wrong Data Without Doing Anything Obviously Wrong").
    """

    hash_seed: int
    padding_bytes: int


def layout(*, seed: int, block: int) -> Layout:
    """The layout of block `block`."""
    rng = random.Random(f"layout/{seed}/{block}")  # noqa: S311 - a schedule, not a secret
    return Layout(hash_seed=rng.randint(1, MAX_HASH_SEED), padding_bytes=rng.randrange(MAX_PADDING_BYTES))


def block(
    comparisons: Sequence[Comparison], runners: Sequence[str], *, trials_per_block: int, seed: int, block: int
) -> list[Slot]:
    """The trials of one block in their order."""
    rng = random.Random(f"order/{seed}/{block}")  # noqa: S311 - a schedule, not a secret
    cells = enumerate(_shuffled_cells(comparisons, runners, trials_per_block, rng))
    return [
        Slot(cell=cell, block=block, replicate=replicate, position=position) for position, (cell, replicate) in cells
    ]


def _shuffled_cells(
    comparisons: Sequence[Comparison], runners: Sequence[str], trials_per_block: int, rng: random.Random
) -> Iterator[tuple[Cell, int]]:
    for comparison in rng.sample(comparisons, len(comparisons)):
        for replicate in range(trials_per_block):
            for runner in rng.sample(runners, len(runners)):
                yield cell(comparison, runner), replicate


def cell(comparison: Comparison, runner: str) -> Cell:
    """The cell of `runner` in `comparison`."""
    return Cell(**comparison.model_dump(), runner=runner)

"""In which order a block runs its trials: shuffled, from a seed.

A drift of the machine must hit all runners of a comparison alike, so they are measured within
moments of each other: what is shuffled is a round, measured in turns of one trial of each of its cells.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from bench.plan.rounds import Round
from bench.records.schema import Cell

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


def block(rounds: Sequence[Round], *, trials_per_block: int, seed: int, block: int) -> list[list[Slot]]:
    """The trials of one block in their order, turn by turn: what belongs together."""
    rng = random.Random(f"order/{seed}/{block}")  # noqa: S311 - a schedule, not a secret
    before: Counter[Cell] = Counter()
    position = count()
    turns = []
    for cells in _shuffled(rounds, trials_per_block, rng):
        turns.append([Slot(cell=c, block=block, replicate=before[c], position=next(position)) for c in cells])
        before.update(cells)
    return turns


def _shuffled(rounds: Sequence[Round], trials_per_block: int, rng: random.Random) -> Iterator[list[Cell]]:
    for each in rng.sample(rounds, len(rounds)):
        for _ in range(trials_per_block):
            yield rng.sample(each.cells, len(each.cells))

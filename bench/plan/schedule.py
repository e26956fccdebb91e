"""In which order things are measured: shuffled, from a seed.

A drift of the machine must hit all loops of a comparison alike, so they take turns within moments of
each other: the order of comparisons in a block, of the trials in each and of the turns in each cycle
is drawn anew every time.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.plan.comparison_groups import ComparisonGroup
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
    """What is different about the interpreters of one set of blocks, so that layout luck is sampled too.

    Environment size and hash seed move stack and dict layout, which alone can shift a figure by
    per cents (Mytkowicz et al., "Producing Wrong Data Without Doing Anything Obviously Wrong").
    """

    hash_seed: int
    padding_bytes: int


def layout(*, seed: int, number: int) -> Layout:
    """The layout of the interpreters of set `number`."""
    rng = random.Random(f"layout/{seed}/{number}")  # noqa: S311 - a schedule, not a secret
    return Layout(hash_seed=rng.randint(1, MAX_HASH_SEED), padding_bytes=rng.randrange(MAX_PADDING_BYTES))


def block(groups: Sequence[ComparisonGroup], *, seed: int, block: int) -> list[list[Slot]]:
    """The trials of one block, those together that take turns, each in the order in which they are started."""
    rng = random.Random(f"order/{seed}/{block}")  # noqa: S311 - a schedule, not a secret
    return [
        [
            Slot(cell=cell, block=block, replicate=group.number, position=place)
            for place, cell in enumerate(rng.sample(group.members, len(group.members)))
        ]
        for group in rng.sample(groups, len(groups))
    ]


def lead_steps(*, seed: int, block: int, turn_steps: int) -> int:
    """By how many steps the turns of a block begin later, so that epochs end at other places in them than in others."""
    return random.Random(f"lead/{seed}/{block}").randrange(turn_steps)  # noqa: S311 - a schedule, not a secret


def cycles(members: int, *, seed: int, block: int, first: Cell) -> Iterator[list[int]]:
    """In each cycle the order of the turns, by place in the group whose first cell is `first`; without end."""
    rng = random.Random(f"cycles/{seed}/{block}/{first.model_dump_json()}")  # noqa: S311 - a schedule, not a secret
    while True:
        yield rng.sample(range(members), members)

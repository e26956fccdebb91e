"""The turns of a loop block by block, as pairs are made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from bench.analyse.cells.trial_figures import TrialFigures
    from bench.analyse.statistics.signed_rank import Floats


@dataclass(frozen=True, slots=True)
class BlockTurns:
    """A row a block, in their order: a figure for each turn, NaN where it has none; of trials without turns one."""

    blocks: NDArray[np.int64]
    us: Floats

    @classmethod
    def of(cls, timed: TrialFigures) -> BlockTurns:
        """Those of trials; where a block has several, which took no turns, the median of them."""
        blocks, first, counts = np.unique(timed.block, return_index=True, return_counts=True)
        us = timed.turns_us[first]
        for row in np.flatnonzero(counts > 1).tolist():
            several = timed.turns_us[timed.block == blocks[row]]
            us[row] = np.nan
            us[row, 0] = np.median(several[:, 0])
        return cls(blocks, us)


def aligned(*sides: BlockTurns) -> tuple[NDArray[np.int64], list[Floats]]:
    """The blocks that all sides have, and of each side a row for each of them, as wide as the narrowest has them."""
    shared = reduce(lambda left, right: np.intersect1d(left, right, assume_unique=True), (own.blocks for own in sides))
    turns = min(own.us.shape[1] for own in sides)
    return shared, [own.us[np.searchsorted(own.blocks, shared), :turns] for own in sides]


def combined(merge: Callable[..., Floats], *sides: BlockTurns) -> BlockTurns:
    """What `merge` makes of the turns of all sides, in the blocks that all of them have."""
    blocks, turns_us = aligned(*sides)
    return BlockTurns(blocks, merge(*turns_us))

"""Two cells compared: the turns of a cycle are a pair, since they met the same moment of the machine."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bench.analyse.cells.block_turns import BlockTurns, aligned
from bench.analyse.cells.evidence import Evidence
from bench.analyse.statistics.signed_rank import (
    Floats,
    exponentiated,
    hodges_lehmann,
    hodges_lehmann_rows,
    signed_rank_estimate,
)
from bench.records.schema import Estimate


def log_ratios_by_block(own: Evidence, other: Evidence) -> dict[int, float]:
    """log(own / other) of step time in each block that has both: Hodges and Lehmann's estimate over its cycles.

    The turns of a cycle are a pair, since they met the same moment of the machine.
    """
    return _over_pairs(own, other, lambda ours, theirs: np.log(ours) - np.log(theirs))


def steps_us_beside(own: Evidence, other: Evidence) -> dict[int, float]:
    """Own step time in each block that has both, as the pairs with the other's have it."""
    ratios = log_ratios_by_block(own, other)
    return {block: us * math.exp(ratios[block]) for block, us in other.step_us_by_block.items() if block in ratios}


def differences_by_block(own: Evidence, other: Evidence) -> dict[int, float]:
    """Own step time minus the other's in each block that has both, in µs, by the same pairs."""
    return _over_pairs(own, other, lambda ours, theirs: ours - theirs)


def ratio(own: Evidence, other: Evidence) -> Estimate | None:
    """Own step time over the other's, from the pairs of each block; None without any."""
    return exponentiated(signed_rank_estimate(list(log_ratios_by_block(own, other).values())))


def overhead_us(own: Evidence, other: Evidence) -> Estimate | None:
    """Own step time minus the other's, from the same pairs."""
    return signed_rank_estimate(list(differences_by_block(own, other).values()))


def pooled(evidence: Evidence, twin: Evidence | None) -> Evidence:
    """The turns of a loop and of its clone as those of one: two processes of it, by whose luck it wavers less.

    A cycle in which one of them has no figure has that of the other.
    """
    if twin is None:
        return evidence
    shared, (ours, theirs) = aligned(evidence.turns, twin.turns)
    us = evidence.turns.us.copy()
    rows = np.isin(evidence.turns.blocks, shared)
    us[rows] = np.nan
    us[rows, : ours.shape[1]] = _middle(ours, theirs)
    return replace(evidence, turns=BlockTurns(evidence.turns.blocks, us))


def _middle(ours: Floats, theirs: Floats) -> Floats:
    both: Floats = np.sqrt(ours * theirs)
    return np.where(np.isnan(both), np.where(np.isnan(ours), theirs, ours), both)


def _over_pairs(own: Evidence, other: Evidence, compared: Callable[[Floats, Floats], Floats]) -> dict[int, float]:
    """All blocks are done together: a long run has thousands, each a handful of numbers."""
    blocks, sides = aligned(own.turns, other.turns)
    return _middles(blocks, compared(*sides))


def _middles(blocks: NDArray[np.int64], pairs: Floats) -> dict[int, float]:
    """Hodges and Lehmann's estimate of each block that has a pair, a row each; NaN where a turn has no figure."""
    finite = np.isfinite(pairs)
    some = finite.any(axis=1)
    whole = some & finite.all(axis=1)
    estimates = np.full(len(blocks), np.nan)
    estimates[whole] = hodges_lehmann_rows(pairs[whole])
    for row in np.flatnonzero(some & ~whole).tolist():
        estimates[row] = hodges_lehmann(pairs[row][finite[row]])
    return dict(zip(blocks[some].tolist(), estimates[some].tolist(), strict=True))

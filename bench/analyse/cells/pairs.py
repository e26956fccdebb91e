"""Two cells compared: the turns of a cycle are a pair, since they met the same moment of the machine."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

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
    own, other = evidence.turns_us_by_block, twin.turns_us_by_block
    return replace(
        evidence, turns_us_by_block={b: us if b not in other else _middle(us, other[b]) for b, us in own.items()}
    )


def _middle(ours: Floats, theirs: Floats) -> Floats:
    shared = min(len(ours), len(theirs))
    ours, theirs = ours[:shared], theirs[:shared]
    both: Floats = np.sqrt(ours * theirs)
    return np.where(np.isnan(both), np.where(np.isnan(ours), theirs, ours), both)


def _over_pairs(own: Evidence, other: Evidence, compared: Callable[[Floats, Floats], Floats]) -> dict[int, float]:
    """Blocks with as many turns are done together: a long run has thousands, each a handful of numbers."""
    alike: defaultdict[int, list[int]] = defaultdict(list)
    for block, ours in own.turns_us_by_block.items():
        turns = min(len(ours), len(other.turns_us_by_block.get(block, ())))
        if turns:  # a trial that was lost on its way has fewer, and none if that was in its first
            alike[turns].append(block)
    estimates: dict[int, float] = {}
    for turns, blocks in alike.items():
        sides = (np.array([side.turns_us_by_block[block][:turns] for block in blocks]) for side in (own, other))
        estimates |= _middles(blocks, compared(*sides))
    return {block: estimates[block] for block in own.turns_us_by_block if block in estimates}


def _middles(blocks: Sequence[int], pairs: Floats) -> dict[int, float]:
    """Hodges and Lehmann's estimate of each block that has a pair, a row each; NaN where a turn has no figure."""
    finite = np.isfinite(pairs)
    whole = np.asarray(finite.all(axis=1))
    estimates = dict(zip(itertools.compress(blocks, whole.tolist()), hodges_lehmann_rows(pairs[whole]), strict=True))
    for place in np.flatnonzero(finite.any(axis=1) & ~whole).tolist():
        estimates[blocks[place]] = hodges_lehmann(pairs[place][finite[place]])
    return estimates

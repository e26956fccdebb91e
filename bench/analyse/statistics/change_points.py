"""Where a series of releases changed its level: change points of a cost that is measured with noise.

Circular binary segmentation (Olshen et al., 2004): the stretch that stands out most clearly from the
rest of its segment is looked for and tested, and if it holds, the pieces are searched in turn; one
that goes up and down again is found that a single split would miss. The statistic is the difference
of mean ranks, standardised, so that one wild trial counts for little; its significance comes from
permutations of the segment's own figures, for which nothing is needed but that these are exchangeable
where nothing changed. Each split must then hold between its two neighbouring levels alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bench.analyse.statistics.signed_rank import Floats, Values, median_of_sorted

LEVEL = 0.01
PERMUTATIONS = 999
MIN_CHANGE = 0.01
"""Changes below 1 % are not told: the releases' own interpreters differ by as much."""

Cuts = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """The first release of a new level."""

    index: int
    factor: float
    """The new level over the old one, by the medians of the segments on both sides."""
    p_value: float


def change_points(series: Sequence[Values], *, seed: int = 0) -> list[Change]:
    """Return the changes of level, in order; `series` has the log ratios of each release, any number of them.

    The same series and seed always give the same changes.
    """
    groups = [np.asarray(group, dtype=np.float64) for group in series]
    random = np.random.default_rng(seed)
    splits = sorted(set(_search(groups, 0, len(groups), random)))
    while splits:
        changes = [_change(groups, edges, random) for edges in _neighbours(splits, len(groups))]
        weakest = max(changes, key=lambda change: (change.p_value, -abs(np.log(change.factor))))
        if weakest.p_value <= LEVEL:
            return [change for change in changes if abs(change.factor - 1) >= MIN_CHANGE]
        splits.remove(weakest.index)
    return []


def _search(groups: Sequence[Floats], start: int, end: int, random: np.random.Generator) -> list[int]:
    """Where the releases from `start` to before `end` part, unsorted."""
    if end - start < 2:
        return []
    edges = np.concatenate([[0], np.cumsum([len(group) for group in groups[start:end]])])
    first, last = np.triu_indices(len(edges), k=1)
    sizes = edges[last] - edges[first]
    stretches = np.stack([first, last], axis=1)[(sizes > 0) & (sizes < edges[-1])]
    if not len(stretches):
        return []
    change, p_value = _most_unlike(_ranks(groups[start:end]), edges[stretches], random)
    if p_value > LEVEL:
        return []
    splits = [start + int(cut) for cut in stretches[change] if 0 < cut < end - start]
    bounds = [start, *splits, end]
    return [
        *splits,
        *(point for a, b in pairwise(bounds) for point in _search(groups, a, b, random)),
    ]


def _change(groups: Sequence[Floats], edges: tuple[int, int, int], random: np.random.Generator) -> Change:
    """Compare the levels on both sides of the middle edge."""
    before, index, after = edges
    old, new = np.concatenate(groups[before:index]), np.concatenate(groups[index:after])
    stretch = np.array([[0, len(old)]])
    _, p_value = _most_unlike(_ranks([old, new]), stretch, random)
    factor = float(np.exp(median_of_sorted(np.sort(new)) - median_of_sorted(np.sort(old))))
    return Change(index=index, factor=factor, p_value=p_value)


def _neighbours(splits: Sequence[int], count: int) -> list[tuple[int, int, int]]:
    edges = [0, *splits, count]
    return list(zip(edges, edges[1:], edges[2:], strict=False))


def _most_unlike(ranks: Floats, stretches: Cuts, random: np.random.Generator) -> tuple[int, float]:
    """Which stretch, of shape (stretches, 2), differs most from the rest, and the chance of as much by permutation."""
    statistics = _statistics(ranks[None, :], stretches)[0]
    shuffled = random.permuted(np.tile(ranks, (PERMUTATIONS, 1)), axis=1)
    largest = _statistics(shuffled, stretches).max(axis=1)
    p_value = float((1 + (largest >= statistics.max()).sum()) / (1 + PERMUTATIONS))
    return int(statistics.argmax()), p_value


def _statistics(ranks: Floats, stretches: Cuts) -> Floats:
    """The standardised difference of mean ranks inside and outside; `ranks` has shape (series, figures)."""
    count = ranks.shape[1]
    sums = np.concatenate([np.zeros((len(ranks), 1)), ranks.cumsum(axis=1)], axis=1)
    first, last = stretches.T
    inside, size = sums[:, last] - sums[:, first], last - first
    difference = inside / size - (sums[:, -1:] - inside) / (count - size)
    standardised: Floats = np.abs(difference) * np.sqrt(size * (count - size) / count)
    return standardised


def _ranks(groups: Sequence[Floats]) -> Floats:
    return np.concatenate(groups).argsort().argsort().astype(np.float64)

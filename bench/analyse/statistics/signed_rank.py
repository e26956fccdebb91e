"""Estimates and exact intervals from a handful of blocks, without assuming a distribution.

The model is the signed-rank one (Hollander, Wolfe & Chicken, *Nonparametric Statistical Methods*,
chapter 3): the values are independent and symmetric about one centre. For pairs measured in random
order inside a block this holds by design, so the interval of a ratio is exact.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from statistics import NormalDist, median

import numpy as np
from numpy.typing import NDArray

from bench.records.schema import Estimate

ROWS_TOGETHER = 256
"""So many rows of `SOME` have their pairs in 90 MB."""

Floats = NDArray[np.float64]
Values = Sequence[float] | Floats
LEVEL = 0.95
SOME = 300
"""More values than so many have a hundred thousand pairs and more: of these only what is asked for is found."""


def block_medians(blocks: NDArray[np.int64], figures: Floats) -> dict[int, float]:
    """Turn the figure of every trial into one a block, the median: the trials of a block are not independent."""
    order = np.argsort(blocks, kind="stable")
    names, starts = np.unique(blocks[order], return_index=True)
    values: list[float] = figures[order].tolist()
    if len(names) == len(values):
        return dict(zip(names.tolist(), values, strict=True))
    ends = [*starts[1:].tolist(), len(values)]
    middles = (median(values[start:end]) for start, end in zip(starts.tolist(), ends, strict=True))
    return dict(zip(names.tolist(), middles, strict=True))


@lru_cache(maxsize=64)
def _upper_triangle(n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.triu_indices(n)


def _walsh_averages(d: Values, places: Sequence[int]) -> list[float]:
    """Those at `places` from 0 of the means of all pairs (i <= j) in ascending order, n (n + 1) / 2 of them."""
    values = np.asarray(d, dtype=np.float64)
    if len(values) > SOME:
        ordered = np.sort(values)
        return [_walsh_average(ordered, place) for place in places]
    first, second = _upper_triangle(len(values))
    averages: Floats = (values[first] + values[second]) / 2
    averages.sort()
    chosen: list[float] = averages[list(places)].tolist()
    return chosen


def _walsh_average(ordered: Floats, place: int) -> float:
    """One of them, without making them all: a range that holds it is narrowed until few pairs lie in it."""
    own = np.arange(len(ordered))
    low, high = float(ordered[0]), float(ordered[-1])
    begin, end = own, np.full_like(own, len(ordered))  # of each value, which others make a mean in the range with it
    below, through = 0, int((end - own).sum())
    halve = False  # in turn with where the place should be, which alone may come near it from one side for ever
    while through - below > 2 * len(ordered):
        share = 0.5 if halve else (place + 0.5 - below) / (through - below)
        middle = low + (high - low) * min(max(share, 0.02), 0.98)
        if not low < middle < high:
            return high  # no number lies between the two: what is left is one value, many times
        split = np.maximum(np.searchsorted(ordered, 2 * middle - ordered, side="right"), own)
        passed = int((split - own).sum())
        halve = not halve
        if passed > place:
            high, end, through = middle, split, passed
        else:
            low, begin, below = middle, split, passed
    return _among(ordered, begin, end, place - below)


def _among(ordered: Floats, begin: NDArray[np.intp], end: NDArray[np.intp], place: int) -> float:
    """The mean at `place` of those that each value makes with the ones from `begin` to `end`."""
    counts = end - begin
    first = np.repeat(np.arange(len(ordered)), counts)
    second = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(begin, counts)
    averages = (ordered[first] + ordered[second]) / 2
    return float(np.partition(averages, place)[place])


def _middle(count: int) -> list[int]:
    """The places from 0 whose mean is the median of so many."""
    return [(count - 1) // 2, count // 2]


def median_of_sorted(ordered: Floats) -> float:
    """Return the median of values in ascending order; sorting first is four times as fast as `numpy.median`."""
    n = len(ordered)
    return float(ordered[(n - 1) // 2] + ordered[n // 2]) / 2


def hodges_lehmann(d: Values) -> float:
    """Return the median of the Walsh averages (d_i + d_j) / 2, i <= j (Hodges & Lehmann, 1963); d is not empty."""
    low, high = _walsh_averages(d, _middle(_pairs(len(d))))
    return (low + high) / 2


def hodges_lehmann_rows(rows: Floats) -> Floats:
    """The same of each row, none of which is empty."""
    n = rows.shape[1]
    if n > SOME:
        return np.array([hodges_lehmann(row) for row in rows])
    (first, second), (low, high) = _upper_triangle(n), _middle(_pairs(n))
    estimates = np.empty(len(rows))
    for start in range(0, len(rows), ROWS_TOGETHER):
        some = rows[start : start + ROWS_TOGETHER]
        averages = (some[:, first] + some[:, second]) / 2
        averages.sort(axis=1)
        estimates[start : start + len(some)] = (averages[:, low] + averages[:, high]) / 2
    return estimates


def _pairs(n: int) -> int:
    return n * (n + 1) // 2


@lru_cache(maxsize=64)
def signed_rank_distribution(n: int) -> Floats:
    """Return P(T = t), t = 0 ... n (n + 1) / 2, of Wilcoxon's signed-rank statistic under the null (Wilcoxon, 1945).

    T sums the ranks 1 ... n that carry a plus, each with probability 1/2: one convolution a rank.
    """
    probability = np.zeros(n * (n + 1) // 2 + 1)
    probability[0] = 1.0
    for rank in range(1, n + 1):
        shifted = np.zeros_like(probability)
        shifted[rank:] = probability[:-rank]
        probability = (probability + shifted) / 2
    probability.flags.writeable = False  # shared by every caller through the cache
    return probability


@lru_cache(maxsize=256)
def interval_rank(n: int, level: float = LEVEL) -> int:
    """Return which Walsh average from either end bounds the interval, from 1; 0 where n is too small for the level.

    The largest k with P(T <= k - 1) <= (1 - level) / 2 (Tukey's interval). Of more than `SOME` values T is as good as
    normal.
    """
    if n > SOME:
        mean, sd = n * (n + 1) / 4, math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
        return math.floor(mean + sd * NormalDist().inv_cdf((1 - level) / 2) + 0.5)
    return int(np.searchsorted(np.cumsum(signed_rank_distribution(n)), (1 - level) / 2, side="right"))


def blocks_needed(level: float = LEVEL) -> int:
    """Return the fewest values that have an interval at `level`: the least n with 2 * 2^-n <= 1 - level, 6 at 95 %."""
    return math.ceil(math.log2(2 / (1 - level)))


def signed_rank_estimate(d: Values, level: float = LEVEL) -> Estimate | None:
    """Return the Hodges-Lehmann estimate with its exact signed-rank interval.

    None without values; no bounds with fewer than `blocks_needed(level)`.

    The interval is the set of centres that Wilcoxon's exact two-sided test does not reject at 1 - level.
    """
    if len(d) == 0:
        return None
    rank, pairs = interval_rank(len(d), level), _pairs(len(d))
    bounds = [] if rank == 0 else [rank - 1, pairs - rank]
    one, other, *interval = _walsh_averages(d, [*_middle(pairs), *bounds])
    low, high = interval or (None, None)
    return Estimate(value=(one + other) / 2, low=low, high=high)


def exponentiated(estimate: Estimate | None) -> Estimate | None:
    """Turn an estimate of a log ratio into one of the ratio."""
    if estimate is None:
        return None
    low, high = (None if bound is None else math.exp(bound) for bound in (estimate.low, estimate.high))
    return Estimate(value=math.exp(estimate.value), low=low, high=high)


def paired_difference(
    candidate_by_block: Mapping[int, float], baseline_by_block: Mapping[int, float]
) -> Estimate | None:
    """Estimate candidate - baseline from the difference in each block that both have; None if there is none."""
    both = sorted(candidate_by_block.keys() & baseline_by_block.keys())
    return signed_rank_estimate([candidate_by_block[block] - baseline_by_block[block] for block in both])


def location(values: Values) -> Estimate | None:
    """Estimate the centre of positive figures, one a block, on their logarithms, since spread is proportional."""
    return exponentiated(signed_rank_estimate(np.log(values)))


def coefficient_of_variation(values: Values) -> float | None:
    """Return the sample standard deviation over the mean, as a fraction; None with fewer than two values."""
    if len(values) < 2:
        return None
    return float(np.std(values, ddof=1) / np.mean(values))


def resolution(ratio: Estimate) -> float | None:
    """Return the smallest relative difference that this run can resolve, as a fraction; None without an interval.

    The half-width of the ratio's interval on the log scale, exp((log high - log low) / 2) - 1: an
    effect larger than this moves the interval off "no difference".
    """
    if ratio.low is None or ratio.high is None:
        return None
    return math.sqrt(ratio.high / ratio.low) - 1


def rank_correlation_with_time(values: Values) -> float:
    """Return Spearman's rho of values in the order of time (Spearman, 1904); ties are not expected."""
    ranks = np.argsort(np.argsort(values))
    return float(np.corrcoef(ranks, np.arange(len(values)))[0, 1])


def split_at_widest_gap(ordered: Floats) -> tuple[Floats, Floats]:
    """Split values in ascending order where neighbours are farthest apart, a quarter of them on each side at least."""
    quarter = -(-len(ordered) // 4)
    split = quarter + int(np.argmax(np.diff(ordered)[quarter - 1 : len(ordered) - quarter]))
    return ordered[:split], ordered[split:]


def interquartile_range(values: Values) -> float:
    """Return how far the quartiles lie apart."""
    first, third = np.percentile(values, [25, 75])
    return float(third - first)

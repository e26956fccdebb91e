"""Figures of two runs that share no block: by how much one side is larger, exactly and without a distribution.

The model is the rank-sum one (Hollander, Wolfe & Chicken, *Nonparametric Statistical Methods*, chapter
4): all figures are independent, and both sides have one distribution but for a shift. The figures are
logarithms, so that the shift is a ratio.

That a run is one draw from all the days on which it could have been made is not in this model. What a
day does to every figure of a run looks like a shift here; `compare` says which figures bear it. Of
two runs of the same code, an hour apart on a shared machine with six blocks each, 24 of 60 raw times
were called regressed, and none of the 40 ratios to the hand-written loop.

Nor is it in this model that one side spreads more widely. Simulated with normal noise, a side that
spreads four times as widely as the other is called higher in 0.65 % of checks of no difference,
instead of 0.2 to 0.3 %.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from itertools import count

import numpy as np

from bench.analyse.statistics.sequential import detectable_effect, half_width, two_sided
from bench.analyse.statistics.signed_rank import LEVEL, Floats, Values, exponentiated, median_of_sorted
from bench.analyse.verdicts.verdict import STANDARD, Rule, Verdict, outcome_of
from bench.records.schema import Estimate


@lru_cache(maxsize=256)
def rank_sum_distribution(n: int, m: int) -> Floats:
    """Return P(U = u), u = 0 ... n m, of Mann and Whitney's statistic under the null (Mann & Whitney, 1947).

    U counts the pairs of a value of one side and one of the other in which the former is larger. Over
    all C(n + m, n) arrangements its generating function is the Gaussian binomial coefficient, the
    product over i = 1 ... n of (1 - q^(m + i)) / (1 - q^i): one multiplication and one division a
    value, in whole numbers, so that nothing is rounded before the last line.
    """
    ways = [1] + [0] * (n * m)
    for i in range(1, n + 1):
        for u in range(n * m, m + i - 1, -1):
            ways[u] -= ways[u - m - i]
        for u in range(i, n * m + 1):
            ways[u] += ways[u - i]
    probability = np.array([way / math.comb(n + m, n) for way in ways])
    probability.flags.writeable = False  # shared by every caller through the cache
    return probability


@lru_cache(maxsize=256)
def rank_sum_rank(n: int, m: int, level: float = LEVEL) -> int:
    """Return which of the n m sorted differences from either end bounds the interval, from 1; 0 with too few values.

    The largest k with P(U <= k - 1) <= (1 - level) / 2 (Moses' interval).
    """
    return int(np.searchsorted(np.cumsum(rank_sum_distribution(n, m)), (1 - level) / 2, side="right"))


def blocks_needed_a_side(level: float = LEVEL) -> int:
    """Return the fewest values a side, equal on both, that have an interval: 4 at 95 %, 6 at 99.4 %."""
    return next(n for n in count(1) if math.comb(2 * n, n) * (1 - level) / 2 >= 1)


def rank_sum_estimate(candidate: Values, baseline: Values, level: float = LEVEL) -> Estimate | None:
    """Return by how much `candidate` lies above `baseline`, with the exact rank-sum interval.

    The median of all differences candidate_i - baseline_j (Hodges & Lehmann, 1963), and the shifts
    that the exact two-sided test of Mann and Whitney does not reject at 1 - level. None where a side
    has no values; no bounds where there are too few for the level. Ties make it wider, never narrower.
    """
    if not len(candidate) or not len(baseline):
        return None
    differences = np.sort(np.subtract.outer(np.asarray(candidate), np.asarray(baseline)), axis=None)
    rank = rank_sum_rank(len(candidate), len(baseline), level)
    if rank == 0:
        return Estimate(value=median_of_sorted(differences))
    low, high = float(differences[rank - 1]), float(differences[-rank])
    return Estimate(value=median_of_sorted(differences), low=low, high=high)


def judge(candidate: Values, baseline: Values, rule: Rule = STANDARD) -> Verdict:
    """Judge figures of two runs, one a block and all positive, by one look at all of them.

    `Verdict.blocks` are those of the side that has fewer; there are no pairs.
    """
    shift = rank_sum_estimate(np.log(candidate), np.log(baseline), two_sided(rule.gamma))
    return Verdict(
        outcome=outcome_of(shift, rule),
        ratio=exponentiated(shift),
        blocks=min(len(candidate), len(baseline)),
        pairs=0,
        minimum_detectable_effect=detectable_effect(half_width(shift), rule.gamma),
        rule=rule,
        warnings=tuple(_doubts(len(baseline), len(candidate), rule)),
    )


def _doubts(baseline: int, candidate: int, rule: Rule) -> Iterator[str]:
    if rank_sum_rank(candidate, baseline, two_sided(rule.gamma)) == 0:
        needed = blocks_needed_a_side(two_sided(rule.gamma))
        yield f"{baseline} and {candidate} blocks, but a bound at its level of {rule.gamma:.2g} needs {needed} a side"

"""What block figures may show that a mean over them hides: a trend, and two groups."""

from __future__ import annotations

import numpy as np

from bench.analyse.statistics.signed_rank import (
    Floats,
    Values,
    interquartile_range,
    rank_correlation_with_time,
    split_at_widest_gap,
)
from bench.records.calibrations import Drift

DRIFT_MIN_BLOCKS = 6
DRIFT_MIN_CORRELATION = 0.8
DRIFT_MIN_CHANGE = 0.03
GROUPS_MIN_FIGURES = 12
GROUPS_MIN_GAP = 0.03


def drift(figures: Values) -> Drift | None:
    """How positive figures moved in the order of time, from the median of the first half to that of the last.

    A trend is |Spearman's rho| >= 0.8, and > 3 % between the halves. None with too few to tell.
    """
    if len(figures) < DRIFT_MIN_BLOCKS:
        return None
    half = len(figures) // 2
    change = float(np.median(figures[-half:]) / np.median(figures[:half])) - 1
    correlated = abs(rank_correlation_with_time(figures)) >= DRIFT_MIN_CORRELATION
    return Drift(change=change, is_trend=correlated and abs(change) > DRIFT_MIN_CHANGE)


def two_groups(figures: Values) -> tuple[Floats, Floats] | None:
    """The lower and the upper group of positive figures, in order; None where they form one, or are too few to tell.

    A quarter of them is in each at least. The widest gap between neighbours must be > 3 % of the median
    and > 2 times either group's interquartile range.
    """
    if len(figures) < GROUPS_MIN_FIGURES:
        return None
    low, high = split_at_widest_gap(np.sort(figures))
    gap = high[0] - low[-1]
    inner = max(interquartile_range(low), interquartile_range(high))
    return (low, high) if gap > GROUPS_MIN_GAP * np.median(figures) and gap > 2 * inner else None

"""What to be wary of in a verdict: sentences by declared rules, which change no verdict and drop no block."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from bench.analyse.signs import signed_percent
from bench.analyse.statistics.sequential import outcome, two_sided
from bench.analyse.statistics.signed_rank import (
    Floats,
    blocks_needed,
    interquartile_range,
    rank_correlation_with_time,
    signed_rank_estimate,
    split_at_widest_gap,
)
from bench.analyse.warnings import (
    DRIFT_MIN_BLOCKS,
    DRIFT_MIN_CHANGE,
    DRIFT_MIN_CORRELATION,
    GROUPS_MIN_GAP,
    GROUPS_MIN_TRIALS,
)


def doubts_of(ratios: Floats, same: Floats | None, *, margin: float, gamma: float) -> Iterator[str]:
    """Return every doubt about a look.

    `ratios` are the log ratios of all blocks, NaN where there is no pair, `same` those of the A/A pairs
    or None; `margin` is a fraction.
    """
    pairs = ratios[~np.isnan(ratios)]
    yield from _missing(len(ratios), len(pairs), gamma)
    if same is not None:
        yield from _baseline_against_itself(same, margin, gamma)
    yield from _drift(pairs)
    yield from _two_groups(pairs)


def _missing(blocks: int, pairs: int, gamma: float) -> Iterator[str]:
    needed = blocks_needed(two_sided(gamma))
    if pairs < blocks:
        yield f"{blocks - pairs} of {blocks} blocks without a pair: a side failed, or its figure was not positive"
    if pairs < needed:
        yield f"{pairs} of the {needed} pairs that a bound needs at its level of {gamma:.2g}"


def _baseline_against_itself(same: Floats, margin: float, gamma: float) -> Iterator[str]:
    """Find an A/A arm that is too short, or that would itself be called regressed or improved."""
    found = signed_rank_estimate(same, two_sided(gamma))
    if found is None or found.low is None or found.high is None:
        needed = blocks_needed(two_sided(gamma))
        yield f"{len(same)} of the {needed} A/A pairs that it takes to tell what can be resolved"
    elif outcome(found.low, found.high, margin) in ("regressed", "improved"):
        against = f"the baseline against its own clone differs by {_change(found.value)}"
        interval = f"[{_change(found.low)}, {_change(found.high)}]"
        yield f"{against} {interval}, where nothing differs: do not rely on this comparison"


def _drift(pairs: Floats) -> Iterator[str]:
    """Find a trend in the ratio: |Spearman's rho| >= 0.8, and > 3 % between the halves' medians."""
    if len(pairs) < DRIFT_MIN_BLOCKS:
        return
    half = len(pairs) // 2
    change = math.expm1(float(np.median(pairs[-half:]) - np.median(pairs[:half])))
    if abs(rank_correlation_with_time(pairs)) >= DRIFT_MIN_CORRELATION and abs(change) > DRIFT_MIN_CHANGE:
        yield f"the ratio itself moved by {signed_percent(change)} from the first half of the blocks to the last"


def _two_groups(pairs: Floats) -> Iterator[str]:
    """Find ratios in two groups, a quarter of them in each at least, that lie farther apart than either is wide."""
    if len(pairs) < GROUPS_MIN_TRIALS:
        return
    low, high = split_at_widest_gap(np.sort(pairs))
    gap = high[0] - low[-1]
    if gap > GROUPS_MIN_GAP and gap > 2 * max(interquartile_range(low), interquartile_range(high)):
        groups = " and ".join(f"{_change(float(np.median(group)))} ({len(group)})" for group in (low, high))
        yield f"its ratios form two groups, around {groups}"


def _change(log_ratio: float) -> str:
    return signed_percent(math.expm1(log_ratio))

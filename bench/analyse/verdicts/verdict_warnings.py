"""What to be wary of in a verdict: sentences by declared rules, which change no verdict and drop no block."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from bench.analyse.signs import signed_percent
from bench.analyse.statistics.checks import drift, two_groups
from bench.analyse.statistics.sequential import outcome, two_sided
from bench.analyse.statistics.signed_rank import Floats, blocks_needed, signed_rank_estimate


def verdict_warnings(ratios: Floats, same: Floats | None, *, margin: float, gamma: float) -> Iterator[str]:
    """Return every doubt about a look.

    `ratios` are the log ratios of all blocks, NaN where there is no pair, `same` those of the A/A pairs
    or None; `margin` is a fraction.
    """
    pairs = ratios[~np.isnan(ratios)]
    yield from _missing(len(ratios), len(pairs), gamma)
    if same is not None:
        yield from _baseline_against_itself(same, margin, gamma)
    yield from _drift(np.exp(pairs))
    yield from _two_groups(np.exp(pairs))


def _missing(blocks: int, pairs: int, gamma: float) -> Iterator[str]:
    needed = blocks_needed(two_sided(gamma))
    if pairs < blocks:
        yield f"{blocks - pairs} of {blocks} blocks without a pair: a side failed, or its figure was not positive"
    if pairs < needed:
        yield f"{pairs} of the {needed} pairs that a bound needs at its level of {gamma:.2g}"


def _baseline_against_itself(same: Floats, margin: float, gamma: float) -> Iterator[str]:
    """Find an A/A arm that is too short, or that would itself be called regressed or improved."""
    estimate = signed_rank_estimate(same, two_sided(gamma))
    if estimate is None or estimate.low is None or estimate.high is None:
        needed = blocks_needed(two_sided(gamma))
        yield f"{len(same)} of the {needed} A/A pairs that it takes to tell what can be resolved"
    elif outcome(estimate.low, estimate.high, margin) in ("regressed", "improved"):
        against = f"the baseline against its own clone differs by {_change(estimate.value)}"
        interval = f"[{_change(estimate.low)}, {_change(estimate.high)}]"
        yield f"{against} {interval}, where nothing differs: don't trust this comparison"


def _drift(ratios: Floats) -> Iterator[str]:
    """Find a trend in the ratio."""
    moved = drift(ratios)
    if moved is not None and moved.is_trend:
        yield f"the ratio itself moved by {signed_percent(moved.change)} from the first half of the blocks to the last"


def _two_groups(ratios: Floats) -> Iterator[str]:
    """Find ratios in two groups."""
    if (groups := two_groups(ratios)) is not None:
        around = " and ".join(f"{signed_percent(float(np.median(group)) - 1)} ({len(group)})" for group in groups)
        yield f"its ratios form two groups, around {around}"


def _change(log_ratio: float) -> str:
    return signed_percent(math.expm1(log_ratio))

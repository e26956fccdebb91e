"""How long the statistics of a check take by themselves.

python -m studies.perf.verdicts
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import median
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from bench.analyse.statistics.sequential import bounds_of_rows, outcome_codes
from bench.analyse.statistics.signed_rank import Floats
from bench.analyse.verdicts.verdict import judge
from studies.perf.row import Row

COMPARISONS = 100_000
PAIRS = 15
ALONE = 200
"""Checks of one comparison, which also form the warnings."""


def verdict_rows() -> list[Row]:
    """100,000 comparisons of 15 pairs at once; one comparison of 40 blocks with its A/A, looked at five times."""
    random = np.random.default_rng(0)
    many = random.normal(0, 0.03, (COMPARISONS, PAIRS))
    at_once_s = median(_seconds(lambda: _judged(many)) for _ in range(3))
    never_decided = np.tile([0.3, -0.3], 20)
    one_s = _seconds(lambda: [judge(never_decided, never_decided / 100) for _ in range(ALONE)]) / ALONE
    return [
        Row(f"{COMPARISONS:,} verdicts from {PAIRS} pairs each", "≤ 5 s", f"{at_once_s:.2f} s", at_once_s <= 5),
        Row("one check of 40 blocks with A/A", "≤ 10 ms", f"{1e3 * one_s:.1f} ms", one_s <= 0.01),
    ]


def _judged(rows: Floats) -> NDArray[np.intp]:
    bounds = bounds_of_rows(rows)
    return outcome_codes(bounds.low, bounds.high, math.log1p(0.03))


def _seconds(run: Callable[[], object]) -> float:
    started = perf_counter()
    run()
    return perf_counter() - started


if __name__ == "__main__":
    for row in verdict_rows():
        print(row.markdown())

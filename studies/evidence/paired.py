"""Two loops in one process, a step of each by turns, as paired benchmarking of functions has it (Tango.rs).

python -m studies.evidence.paired --share 0.03 --seconds 1

Prints how much longer a step of the second takes, and how many standard errors that is away from nothing. What lies
far outside the quartiles is left out, as there.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from time import perf_counter

import numpy as np

from studies.evidence.script import trained

MAX_STEPS = 20_000
WARM_UP = 50
OUTLIER_IQRS = 1.5


def step_s(loop: Iterator[None], share: float) -> float:
    """One step, and a wait of a share of it."""
    began = perf_counter()
    next(loop)
    ends = perf_counter() + share * (perf_counter() - began)
    while share and perf_counter() < ends:
        pass
    return perf_counter() - began


def compared(share: float, seconds: float) -> dict[str, float]:
    loops = [(trained(steps=MAX_STEPS, share=0.0), each) for each in (0.0, share)]
    for _ in range(WARM_UP):
        for loop in loops:
            step_s(*loop)
    pairs, order, ends = [], random.Random(0), perf_counter() + seconds
    while perf_counter() < ends:
        took = {number: step_s(*loops[number]) for number in order.sample([0, 1], 2)}
        pairs.append((took[0], took[1]))
    return judged(np.array(pairs))


def judged(pairs: np.ndarray) -> dict[str, float]:
    """The mean difference of pairs over the mean step, and its z."""
    apart = pairs[:, 1] - pairs[:, 0]
    first, third = np.percentile(apart, [25, 75])
    reach = OUTLIER_IQRS * (third - first)
    kept = apart[(apart >= first - reach) & (apart <= third + reach)]
    error = kept.std(ddof=1) / np.sqrt(len(kept))
    return {"change": float(kept.mean() / np.median(pairs[:, 0])), "z": float(kept.mean() / error)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--share", type=float, default=0.0)
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args()
    print(json.dumps(compared(options.share, options.seconds)))

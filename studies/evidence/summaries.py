"""Which figure of a turn's kept steps makes the best pairs, told by the same blocks, beside a load or none.

A process that shares the core takes it away for some milliseconds at a time. A long turn is hit more often than a short
one, so that a figure which a few such steps can move makes long steps too long against short ones. Each is told with
those times left out, as figures have it, and with them.
"""

from __future__ import annotations

from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from itertools import product
from statistics import median

import numpy as np

from bench.analyse.statistics.signed_rank import Floats, hodges_lehmann
from bench.plan.length import EPOCH_STEPS, stride_of
from bench.plan.presets import TURNS_S
from bench.records.schema import Trial
from studies.evidence import blocks
from studies.evidence.table import section
from tests.busy import Busy
from trainloops.runners import BASELINE

RUNNERS = (BASELINE, "accelerate", "hf-trainer")
LOOPS = (blocks.CLONE, *RUNNERS[1:])
BATCH_SIZE = 64
STRIDE = stride_of(0, EPOCH_STEPS)

Summary = Callable[[Floats], Floats]
"""From a turn a row, its kept steps, to a figure a turn."""


def strides(steps: Floats) -> Floats:
    whole = steps.shape[1] // STRIDE * STRIDE
    means: Floats = steps[:, :whole].reshape(len(steps), -1, STRIDE).mean(axis=2)
    return means


SUMMARIES: dict[str, Summary] = {
    f"median of means of {STRIDE}": lambda steps: np.median(strides(steps), axis=1),
    f"lower quartile of means of {STRIDE}": lambda steps: np.quantile(strides(steps), 0.25, axis=1),
    f"least mean of {STRIDE}": lambda steps: strides(steps).min(axis=1),
    "median step": lambda steps: np.median(steps, axis=1),
    "lower quartile of steps": lambda steps: np.quantile(steps, 0.25, axis=1),
    "mean": lambda steps: steps.mean(axis=1),
}


def summaries(args: Namespace) -> str:
    """Each summary's ratios and spreads over the same blocks, beside `--load` busy processes."""
    planned = blocks.comparison(RUNNERS, batch_size=BATCH_SIZE)
    logs: dict[tuple[str, bool, str], list[float]] = defaultdict(list)
    with ExitStack() as stack:
        for _ in range(args.load):
            stack.enter_context(Busy())
        pool = stack.enter_context(blocks.interpreters([planned]))
        for number in range(args.rounds):
            trials = blocks.block(pool, planned, turns_s=TURNS_S, number=number)
            for summary, without_waits, name in product(SUMMARIES, (True, False), LOOPS):
                value = log_ratio(trials[name], trials[BASELINE], SUMMARIES[summary], without_waits=without_waits)
                logs[summary, without_waits, name].append(value)
            blocks.progress("summaries", number + 1, args.rounds)
    return section(
        f"Summaries of a turn: ratios to {BASELINE} at batch {BATCH_SIZE}, {args.rounds} blocks, "
        f"{args.load} busy processes beside",
        ["what the core ran besides", "a turn is told by its", *LOOPS],
        [
            ["left out" if without else "kept", summary, *(spread_of(logs[summary, without, name]) for name in LOOPS)]
            for without in (True, False)
            for summary in SUMMARIES
        ],
        "The median block's ratio, and the spread of blocks: standard deviation, and by quartiles.",
    )


def kept(trial: Trial, *, without_waits: bool) -> Floats:
    """A row a turn; the ends of epochs are not left out."""
    assert trial.timing is not None  # `block` has seen to it
    assert trial.timing.turns is not None
    length = trial.timing.turns.length
    waits_ns = trial.timing.turns.waits_ns or {}
    steps = blocks.own_us(trial.timing.step_ns, waits_ns if without_waits else {})
    return steps.reshape(-1, length.steps)[:, length.cold_steps :]


def log_ratio(own: Trial, other: Trial, of: Summary, *, without_waits: bool) -> float:
    ours, theirs = (of(kept(each, without_waits=without_waits)) for each in (own, other))
    return hodges_lehmann(np.log(ours / theirs))


def spread_of(logs: list[float]) -> str:
    return f"{np.exp(median(logs)):.3f}, {100 * blocks.sd(logs):.1f} % ({100 * blocks.robust_sd(logs):.1f} %)"

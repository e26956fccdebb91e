"""What each instrument costs the loop that it looks at."""

from __future__ import annotations

import random
import sys
from argparse import Namespace
from contextlib import closing
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter

import numpy as np

from bench.analyse.statistics import paired_ratio
from bench.execute.launcher import Request, Result
from bench.execute.zygote import Zygote
from bench.plan import rounds
from bench.records.schema import Length, Pass
from tests.evidence.table import section
from tests.perf_harness import tick_rows
from tests.perf_trials import COMPARISON, median_step_us, spec, started
from trainloops.runners import REGISTRY

PASSES: tuple[Pass, ...] = ("timing", "phases", "counting")
LENGTH = Length(epochs=5, steps_per_epoch=60, warmup_steps=50)
"""Shorter than usual, since a counted step takes many times as long as another."""

ByRound = dict[int, float]


@dataclass(frozen=True, slots=True)
class Seen:
    """Figures of one runner by pass and round."""

    step_us: dict[Pass, ByRound] = field(default_factory=lambda: {each: {} for each in PASSES})
    """The median step; counting has no clock."""
    wall_s: dict[Pass, ByRound] = field(default_factory=lambda: {each: {} for each in PASSES})
    """The whole trial."""


def instrument(args: Namespace) -> str:
    """The tick on its own; the other passes against the timing pass, in forks of one interpreter that take turns."""
    (tick,) = tick_rows()
    rows = [row(runner, measured(runner, args.rounds)) for runner in REGISTRY]
    return section(
        f"Instrument cost: {args.rounds} rounds at batch {COMPARISON.batch_size}",
        ["runner", "step, the clock alone", "step with phases and samples", "trial that counts"],
        rows,
        f"The clock itself: {tick.measured} a step, the same for every runner. A trial that counts trains twice.",
    )


def measured(runner: str, count: int) -> Seen:
    order, seen = random.Random(0), Seen()
    with closing(started(spec(runner, block=0))) as zygote:
        for number in range(count):
            for each in order.sample(PASSES, len(PASSES)):
                began = perf_counter()
                found = step_us(runner, trial(zygote, runner, each))
                seen.wall_s[each][number] = perf_counter() - began
                if found is not None:
                    seen.step_us[each][number] = found
    print(f"instrument: {runner}", file=sys.stderr)
    return seen


def trial(zygote: Zygote, runner: str, phase: Pass) -> Result:
    cell = rounds.cell(COMPARISON, runner)
    asked = Request(phase=phase, cell=cell, length=LENGTH, seed=0, threads=1, timeout_s=300)
    result = zygote.run(asked).result
    assert result.status == "ok", result.reason
    return result


def step_us(runner: str, result: Result) -> float | None:
    """The median steady step of a trial that had a clock."""
    if result.timing is not None:
        return median_step_us(result.timing, runner, LENGTH)
    if result.phases is None:
        return None
    steps_ns = np.sum([np.array(ns) for ns in result.phases.phase_ns.values()], axis=0)
    return float(np.median(steps_ns[LENGTH.warmup_steps :])) / 1e3


def row(runner: str, seen: Seen) -> list[str]:
    alone = median(seen.step_us["timing"].values())
    return [
        runner,
        f"{alone:.0f} µs",
        times(seen.step_us["phases"], seen.step_us["timing"]),
        times(seen.wall_s["counting"], seen.wall_s["timing"]),
    ]


def times(figures: ByRound, usual: ByRound) -> str:
    ratio = paired_ratio(figures, usual)
    assert ratio is not None  # there is a round
    interval = f" [{ratio.low:.2f}, {ratio.high:.2f}]" if ratio.low and ratio.high else ""
    return f"{ratio.value:.2f} times{interval}"

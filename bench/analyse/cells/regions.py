"""The figures of trials that were made before loops took turns: one region each, from the warm-up to the last tick.

The tick of step k comes after step k, counted from 1, and `step_ns[i]` goes from the tick of step
i + 1 to the tick of step i + 2. The region starts at the tick of step `warmup_steps`; the intervals
in it are steady, apart from those that start where an epoch has ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from bench.analyse.cells.collector import NOT_COUNTED, Collections
from bench.analyse.cells.columns import numbers, objects
from bench.analyse.cells.places import medians, rows_of
from bench.analyse.cells.trial_figures import (
    TrialFigures,
    intervals_us,
    joules_per_1000_samples,
    of_every_timing,
)
from bench.plan.length import edge_steps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench.records.schema import Length, Phase, Phases, Timing, Trial

CROSS_CHECK_TOLERANCE = 0.01


@lru_cache(maxsize=64)
def steady_and_boundary(length: Length, intervals: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which of so many intervals are steady, and which of the region cross an epoch boundary, a flag each."""
    step_before = np.arange(1, intervals + 1)
    in_region = step_before >= length.warmup_steps
    crosses = step_before % length.steps_per_epoch == 0
    return in_region & ~crosses, in_region & crosses


def figures(timed: Sequence[tuple[Trial, Timing]]) -> TrialFigures:
    """Reduce the ticks of trials of one length and device to their figures, a row each: a region is one turn."""
    (first, clock), timings = timed[0], [timing for _, timing in timed]
    whole_us = intervals_us(timings)
    steady, boundary = steady_and_boundary(first.length, whole_us.shape[1])
    steady_us = rows_of(whole_us, steady)
    typical_us = medians(steady_us)
    region_steps = first.length.steps - first.length.warmup_steps
    samples = region_steps * numbers(trial.cell.samples_per_step for trial, _ in timed)
    region_us = np.array([(timing.region_ns or 0) / 1e3 for timing in timings])
    step_us = typical_us if first.cell.device == "cpu" else region_us / region_steps
    energy_j = numbers(timing.energy_j for timing in timings)
    return TrialFigures(
        block=np.array([trial.block for trial, _ in timed], dtype=np.int64),
        turns_us=step_us[:, None],
        step_us=step_us,
        device_step_us=np.full(len(timed), np.nan) if clock.device_step_us is None else typical_us,
        mean_us=np.full(len(timed), np.nan),
        ends=np.zeros((len(timed), 2 * (2 * edge_steps(first.cell.workers) + 1))),
        samples=samples / region_steps,
        samples_per_second=samples / np.where(region_us > 0, region_us, np.nan) * 1e6,
        epoch_us=medians(rows_of(whole_us, boundary, minus=typical_us)),
        collections=Collections.of([NOT_COUNTED] * len(timed)),
        joules_per_1000_samples=joules_per_1000_samples(energy_j, samples),
        no_energy=objects([timing.unavailable.get("energy_j") for timing in timings]),
        steady_us=steady_us,
        waited_share=np.zeros(len(timed)),
        longer=region_us / region_steps / np.where(typical_us > 0, typical_us, np.nan),
        **of_every_timing(timings),
    )


def cross_check(trial: Trial, timing: Timing) -> str | None:
    """Say which of the trial's clocks contradict each other; None when they agree.

    On the CPU the region's steps must sum to the region within 1 % (on an accelerator the host's
    ticks need not). Everywhere region <= training <= the parent's clock.
    """
    region_ns, train_ns = timing.region_ns or 0, timing.train_ns or 0
    steps_ns = sum(timing.step_ns[max(trial.length.warmup_steps - 1, 0) :])
    wall_ns = trial.wall_s * 1e9
    if trial.cell.device == "cpu" and abs(steps_ns - region_ns) > CROSS_CHECK_TOLERANCE * region_ns:
        return f"its steps sum to {steps_ns / 1e6:.1f} ms, but its region lasted {region_ns / 1e6:.1f} ms"
    if region_ns > train_ns:
        return f"its region lasted {region_ns / 1e6:.1f} ms, but all of it only {train_ns / 1e6:.1f} ms"
    if train_ns > wall_ns:
        return f"it trained for {train_ns / 1e6:.1f} ms, but the parent saw only {wall_ns / 1e6:.1f} ms"
    return None


def phases_us(trial: Trial, phases: Phases) -> dict[Phase, float] | None:
    """The median steady time of each phase; None where every step is warm-up or crosses an epoch boundary.

    Medians do not sum to the median of the sum; for phases of a steady step the two are within 2 %
    (docs/method.md), else the trial was disturbed.
    """
    by_phase = {name: np.array(ns) for name, ns in phases.phase_ns.items()}
    steady, _ = steady_and_boundary(trial.length, max(map(len, by_phase.values()), default=0))
    if not steady.any():
        return None
    return {name: float(np.median(ns[steady])) / 1e3 for name, ns in by_phase.items()}

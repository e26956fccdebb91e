"""The figures of trials that were made before loops took turns: one region each, from the warm-up to the last tick.

The tick of step k comes after step k, counted from 1, and `step_ns[i]` goes from the tick of step
i + 1 to the tick of step i + 2. The region starts at the tick of step `warmup_steps`; the intervals
in it are steady, apart from those that start where an epoch has ended.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from bench.analyse.cells.trial_figures import Peaks, TrialFigures, intervals_us, joules_per_1000_samples
from bench.analyse.statistics.signed_rank import median_of_sorted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench.analyse.statistics.signed_rank import Floats
    from bench.records.schema import Length, Phase, Phases, Timing, Trial

CROSS_CHECK_TOLERANCE = 0.01


@lru_cache(maxsize=64)
def steady_and_boundary(length: Length) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which intervals are steady, and which of the region cross an epoch boundary; `steps - 1` flags each."""
    step_before = np.arange(1, length.steps)
    in_region = step_before >= length.warmup_steps
    crosses = step_before % length.steps_per_epoch == 0
    return in_region & ~crosses, in_region & crosses


def figures(trial: Trial, timing: Timing) -> TrialFigures:
    """Reduce the ticks of `trial`, whose clock `timing` is, to its figures: a region is one turn."""
    steady, boundary = steady_and_boundary(trial.length)
    whole_us = intervals_us(timing)
    steady_us = whole_us[steady]
    typical_us = _median(steady_us)
    region_steps = trial.length.steps - trial.length.warmup_steps
    samples = region_steps * trial.cell.samples_per_step
    region_us = (timing.region_ns or 0) / 1e3
    step_us = typical_us if trial.cell.device == "cpu" else region_us / region_steps
    return TrialFigures(
        block=trial.block,
        turns_us=np.array([np.nan if step_us is None else step_us]),
        step_us=step_us,
        device_step_us=None if timing.device_step_us is None else typical_us,
        has_events=timing.device_step_us is not None,
        mean_us=None,
        ends_us={},
        samples=samples / region_steps,
        samples_per_second=samples / region_us * 1e6 if region_us else None,
        epoch_us=None if typical_us is None else _median(whole_us[boundary] - typical_us),
        collections=None,
        startup_s=timing.startup_ns / 1e9,
        joules_per_1000_samples=joules_per_1000_samples(timing.energy_j, samples),
        no_energy=timing.unavailable.get("energy_j"),
        steady_us=steady_us,
        waited_share=0.0,
        longer=None if typical_us is None else region_us / region_steps / typical_us,
        memory=Peaks.of(timing.memory),
    )


def _median(values: Floats) -> float | None:
    return median_of_sorted(np.sort(values)) if len(values) else None


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
    steady, _ = steady_and_boundary(trial.length)
    if not steady.any():
        return None
    return {name: float(np.median(np.array(ns)[steady])) / 1e3 for name, ns in phases.phase_ns.items()}

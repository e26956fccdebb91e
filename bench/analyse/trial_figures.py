"""One number per metric from the ticks of one timing trial: the unit that everything else is made of.

The tick of step k comes after step k, counted from 1, and `step_ns[i]` goes from the tick of step
i + 1 to the tick of step i + 2. The region starts at the tick of step `warmup_steps`; the intervals
in it are steady, apart from those that start where an epoch has ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from bench.analyse.statistics import median_of_sorted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench.analyse.statistics import Floats
    from bench.records.schema import Cell, Length, Memory, Phase, Phases, Timing, Trial

CROSS_CHECK_TOLERANCE = 0.01


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialFigures:
    """One timing trial in numbers; None where the trial cannot have the number."""

    block: int
    step_us: float | None
    """On the CPU the median steady step. On an accelerator the region over its steps, boundaries
    included: there the host's ticks run ahead of the device, which is synchronised at both ends only."""
    device_step_us: float | None
    samples_per_second: float
    region_to_steps: float | None
    """The region's seconds over those of as many median steps; ends of epochs and pauses make it more than 1."""
    epoch_boundary_us: float | None
    startup_s: float
    joules_per_1000_samples: float | None
    no_energy: str | None
    """Why there are no joules."""
    steady_us: Floats
    """Every steady interval, by device events where there are any."""
    memory: Memory


@lru_cache(maxsize=64)
def _steady_and_boundary(length: Length) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which intervals are steady, and which of the region cross an epoch boundary; `steps - 1` flags each."""
    step_before = np.arange(1, length.steps)
    in_region = step_before >= length.warmup_steps
    crosses = step_before % length.steps_per_epoch == 0
    return in_region & ~crosses, in_region & crosses


def figures(trial: Trial, timing: Timing) -> TrialFigures:
    """Reduce the ticks of `trial`, whose clock `timing` is, to its figures."""
    steady, boundary = _steady_and_boundary(trial.length)
    intervals_us = _intervals_us(timing)
    steady_us = intervals_us[steady]
    typical_us = _median(steady_us)
    boundary_us = None if typical_us is None else _median(intervals_us[boundary] - typical_us)
    region_steps = trial.length.steps - trial.length.warmup_steps
    on_accelerator = trial.cell.device != "cpu"
    return TrialFigures(
        block=trial.block,
        step_us=timing.region_ns / 1e3 / region_steps if on_accelerator else typical_us,
        device_step_us=None if timing.device_step_us is None else typical_us,
        samples_per_second=region_steps * _samples_per_step(trial.cell) / (timing.region_ns / 1e9),
        region_to_steps=None if typical_us is None else timing.region_ns / 1e3 / region_steps / typical_us,
        epoch_boundary_us=boundary_us,
        startup_s=timing.startup_ns / 1e9,
        joules_per_1000_samples=_per_1000_samples(timing.energy_j, region_steps * _samples_per_step(trial.cell)),
        no_energy=timing.unavailable.get("energy_j"),
        steady_us=steady_us,
        memory=timing.memory,
    )


def _intervals_us(timing: Timing) -> Floats:
    """Tick to tick in microseconds, as the device saw it where it has events, else as the host did."""
    if timing.device_step_us is not None:
        return np.array(timing.device_step_us)
    return np.fromiter(timing.step_ns, np.float64, len(timing.step_ns)) / 1e3


def _median(values: Floats) -> float | None:
    return median_of_sorted(np.sort(values)) if len(values) else None


def _per_1000_samples(energy_j: float | None, samples: int) -> float | None:
    return None if energy_j is None else energy_j / samples * 1000


def phases_us(trial: Trial, phases: Phases) -> dict[Phase, float] | None:
    """The median steady time of each phase; None where every step is warm-up or crosses an epoch boundary.

    Medians do not sum to the median of the sum; for phases of a steady step the two are within 2 %
    (docs/method.md), else the trial was disturbed.
    """
    steady, _ = _steady_and_boundary(trial.length)
    if not steady.any():
        return None
    return {name: float(np.median(np.array(ns)[steady])) / 1e3 for name, ns in phases.phase_ns.items()}


def _samples_per_step(cell: Cell) -> int:
    return cell.batch_size * cell.grad_accumulation


def cross_check(trial: Trial, timing: Timing) -> str | None:
    """Say which of the trial's clocks contradict each other; None when they agree.

    On the CPU the region's steps must sum to the region within 1 % (on an accelerator the host's
    ticks need not). Everywhere region <= training <= the parent's clock.
    """
    steps_ns = sum(timing.step_ns[max(trial.length.warmup_steps - 1, 0) :])
    wall_ns = trial.wall_s * 1e9
    if trial.cell.device == "cpu" and abs(steps_ns - timing.region_ns) > CROSS_CHECK_TOLERANCE * timing.region_ns:
        return f"its steps sum to {steps_ns / 1e6:.1f} ms, but its region lasted {timing.region_ns / 1e6:.1f} ms"
    if timing.region_ns > timing.train_ns:
        return f"its region lasted {timing.region_ns / 1e6:.1f} ms, but all of it only {timing.train_ns / 1e6:.1f} ms"
    if timing.train_ns > wall_ns:
        return f"it trained for {timing.train_ns / 1e6:.1f} ms, but the parent saw only {wall_ns / 1e6:.1f} ms"
    return None

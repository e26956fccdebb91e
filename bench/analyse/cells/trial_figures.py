"""What one timing trial is reduced to: the unit that everything else is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from bench.analyse.cells.collector import Collections
    from bench.analyse.statistics.signed_rank import Floats
    from bench.records.schema import Cell, EvaluationTime, Memory, Timing


NO_SAMPLES = "the script takes no batches from a DataLoader (--samples-per-step says how many samples a step trains)"


@dataclass(kw_only=True, slots=True)
class Peaks:
    """What `Memory` holds, in a tenth of the memory: a long journal has a million."""

    device_allocated_bytes: int | None
    device_reserved_bytes: int | None
    device_allocated_whole_run_bytes: int | None
    device_process_bytes: int | None
    host_rss_bytes: int | None
    unavailable: dict[str, str]

    @classmethod
    def of(cls, memory: Memory) -> Peaks:
        """Those of a record."""
        return cls(**dict(memory))


@dataclass(kw_only=True, slots=True)
class TrialFigures:
    """One timing trial in numbers; None where the trial cannot have the number."""

    block: int
    turns_us: Floats
    """For each turn the median of its steady strides, NaN where it has too few: what pairs are made of."""
    step_us: float | None
    """The middle of these."""
    device_step_us: float | None
    has_events: bool
    """Whether times are those of the device's own events."""
    mean_us: float | None
    """The mean of all kept steady steps, without what the collector paused."""
    ends_us: dict[int, tuple[float, int]]
    """For each place around an epoch's end, what kept steps took there beyond the mean, added up, and how many."""
    samples: float | None
    """Of one step."""
    samples_per_second: float | None
    epoch_us: float | None
    """What an epoch costs beyond its steps, whichever of them do the work."""
    collections: Collections | None
    startup_s: float
    joules_per_1000_samples: float | None
    no_energy: str | None
    """Why there are no joules."""
    steady_us: Floats
    """Every kept steady interval, pauses included, by device events where there are any."""
    waited_share: float
    """The part of its turns in which its core ran something else, which no figure but `steady_us` has."""
    longer: float | None
    """Seconds per sample over those that the step time promises; more than 1 by pauses and ends of epochs."""
    memory: Peaks
    evaluation: EvaluationTime | None = None
    """Of a script."""
    whole_s: float | None = None
    whole_steps: int | None = None
    after_steps_s: float | None = None
    """Of a script that ran to its end: all of it, its steps, and what came after the last of them."""
    sm_clock_mhz: tuple[int, int] | None = None
    """Of the card, after the first turn and after the last."""
    terminal_bytes_per_step: float | None = None
    """Written to a terminal, of a trial that had one and was watched."""
    rank_peaks_bytes: tuple[int, ...] = ()
    """Of each rank; empty where the system does not tell one."""


def whole_script(timing: Timing) -> dict[str, Any]:
    """The figures of a script that ran to its end; none of any other trial."""
    whole = timing.whole
    if whole is None:
        return {}
    return {"whole_s": whole.ns / 1e9, "whole_steps": whole.steps, "after_steps_s": whole.after_ns / 1e9}


def intervals_us(timing: Timing) -> Floats:
    """Tick to tick in microseconds, as the device saw it where it has events, else as the host did."""
    if timing.device_step_us is not None:
        return np.array(timing.device_step_us)
    return np.fromiter(timing.step_ns, np.float64, len(timing.step_ns)) / 1e3


def samples_per_step(cell: Cell, timing: Timing) -> float | None:
    """Samples that one optimizer step consumes; None of a script that takes its batches from no loader."""
    return timing.samples_per_step or cell.samples_per_step or None


def joules_per_1000_samples(energy_j: float | None, samples: float | None) -> float | None:
    """Joules of a thousand samples; None where either is not known."""
    return None if energy_j is None or samples is None else energy_j / samples * 1000

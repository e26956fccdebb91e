"""What timing trials are reduced to, a row each: the unit that everything else is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.analyse.cells.collector import Collections
from bench.analyse.cells.columns import Columns, Objects, numbers, objects

if TYPE_CHECKING:
    from bench.analyse.statistics.signed_rank import Floats
    from bench.records.schema import Cell, Memory, Timing


NO_SAMPLES = "the script takes no batches from a DataLoader (--samples-per-step says how many samples a step trains)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Peaks(Columns):
    """What the `Memory` of each trial holds."""

    device_allocated_bytes: Floats
    device_reserved_bytes: Floats
    device_allocated_whole_run_bytes: Floats
    device_process_bytes: Floats
    host_rss_bytes: Floats
    unavailable: Objects
    """By the name of a peak that is missing, why."""

    @classmethod
    def of(cls, memories: Sequence[Memory]) -> Peaks:
        """Those of records."""
        names = [field.name for field in fields(cls)[:-1]]
        rows = np.array([*map(attrgetter(*names), memories)], dtype=np.float64).reshape(-1, len(names))
        unavailable = objects([memory.unavailable for memory in memories], key=lambda reasons: tuple(reasons.items()))
        return cls(**dict(zip(names, rows.T.copy(), strict=True)), unavailable=unavailable)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialFigures(Columns):
    """Timing trials in numbers, a row each; NaN where a trial cannot have the number."""

    block: NDArray[np.int64]
    turns_us: Floats
    """For each turn the median of its steady strides, NaN where it has too few: what pairs are made of."""
    step_us: Floats
    """The middle of these."""
    device_step_us: Floats
    has_events: NDArray[np.bool_]
    """Whether times are those of the device's own events."""
    mean_us: Floats
    """The mean of all kept steady steps, without what the collector paused."""
    ends: Floats
    """Of each place around an epoch's end two numbers: what kept steps took there beyond the mean, added up, in µs,
    and how many they were."""
    samples: Floats
    """Of one step."""
    samples_per_second: Floats
    epoch_us: Floats
    """What an epoch costs beyond its steps, whichever of them do the work."""
    collections: Collections
    startup_s: Floats
    joules_per_1000_samples: Floats
    no_energy: Objects
    """Why there are no joules."""
    steady_us: Floats
    """Every kept steady interval, pauses included, by device events where there are any; a row's own, then NaN."""
    waited_share: Floats
    """The part of its turns in which its core ran something else, which no figure but `steady_us` has."""
    longer: Floats
    """Seconds per sample over those that the step time promises; more than 1 by pauses and ends of epochs."""
    memory: Peaks
    evaluation: Objects
    """Of a script: `EvaluationTime` or None."""
    whole_s: Floats
    whole_steps: Floats
    after_steps_s: Floats
    """Of a script that ran to its end: all of it, its steps, and what came after the last of them."""
    sm_clock_mhz: Objects
    """Of the card, after the first turn and after the last."""
    terminal_bytes_per_step: Floats
    """Written to a terminal, of a trial that had one and was watched."""
    rank_peaks_bytes: Objects
    """A tuple of each rank's; empty where the system does not tell one."""

    @classmethod
    def none(cls) -> TrialFigures:
        """No rows."""
        none: dict[str, Any] = {field.name: np.empty(0, dtype=float) for field in fields(cls)}
        wide = dict.fromkeys(("turns_us", "ends", "steady_us"), np.empty((0, 0)))
        whole = {"block": np.empty(0, dtype=np.int64), "collections": Collections.of([]), **of_every_timing([])}
        return cls(**none | wide | whole)

    def __len__(self) -> int:
        return len(self.block)

    def figure(self, name: str) -> Floats:
        """A column by its name, as `memory.host_rss_bytes`."""
        column: Any = self
        for part in name.split("."):
            column = getattr(column, part)
        figures: Floats = column
        return figures


def of_every_timing(timings: Sequence[Timing]) -> dict[str, Any]:
    """The columns that need no steps."""
    whole = [timing.whole for timing in timings]
    return {
        "has_events": np.array([timing.device_step_us is not None for timing in timings], dtype=bool),
        "startup_s": np.array([timing.startup_ns / 1e9 for timing in timings], dtype=np.float64),
        "memory": Peaks.of([timing.memory for timing in timings]),
        "evaluation": objects([timing.evaluation for timing in timings]),
        "whole_s": numbers(None if ended is None else ended.ns / 1e9 for ended in whole),
        "whole_steps": numbers(None if ended is None else ended.steps for ended in whole),
        "after_steps_s": numbers(None if ended is None else ended.after_ns / 1e9 for ended in whole),
        "sm_clock_mhz": objects([timing.sm_clock_mhz and tuple(timing.sm_clock_mhz) for timing in timings]),
        "terminal_bytes_per_step": numbers(timing.terminal_bytes_per_step for timing in timings),
        "rank_peaks_bytes": objects([_rank_peaks_bytes(timing) for timing in timings]),
    }


def _rank_peaks_bytes(timing: Timing) -> tuple[int, ...]:
    """The peak of each rank on its card, or where that does not tell that of its process; none where one is untold."""
    memories = timing.memory_of_ranks or [timing.memory]
    for peaks in zip(*((memory.device_allocated_bytes, memory.host_rss_bytes) for memory in memories), strict=True):
        if None not in peaks:
            return peaks
    return ()


def intervals_us(timings: Sequence[Timing]) -> Floats:
    """Tick to tick in microseconds, a row a trial, as the device saw it where it has events, else as the host did.

    All have as many intervals, and all have events or none.
    """
    if timings[0].device_step_us is not None:
        return np.array([timing.device_step_us for timing in timings], dtype=np.float64)
    return np.array([timing.step_ns for timing in timings], dtype=np.float64) / 1e3


def samples_per_step(cell: Cell, timing: Timing) -> float | None:
    """Samples that one optimizer step consumes; None of a script that takes its batches from no loader."""
    return timing.samples_per_step or cell.samples_per_step or None


def joules_per_1000_samples(energy_j: Floats, samples: Floats) -> Floats:
    """Joules of a thousand samples; NaN where either is not known."""
    return energy_j / samples * 1000

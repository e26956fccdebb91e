"""The figures of one timing trial from its ticks: the unit that everything else is made of.

No figure depends on where an epoch ends or a pause falls. Steps near the ends of an epoch are left out
of the step time by their place, whatever they took; what an epoch costs is what its steps take
beyond the others, whichever of them does the work; what Python's collector pauses is taken out of
the step that it fell into, and told by itself. Throughput is put together from these three. None of
them has what a step could have run and did not, because its core ran another process: the kernel keeps
account of that.

Trials that were made before loops took turns have one region: `analyse.regions` reads them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.analyse.cells import regions
from bench.plan import length as lengths

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench.analyse.statistics.signed_rank import Floats
    from bench.records.schema import Cell, Length, Memory, Phase, Phases, Timing, Trial, TurnLength, Turns


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Collections:
    """Full collections of Python's garbage in one trial."""

    due: float
    """How many the timed steps bring, by what survives them; where that is not counted, how many they had."""
    steps: int
    """Timed steps, cold ones included."""
    seen: int
    """Those whose pauses tell how long one takes: all of the process but its first, which copies pages."""
    seen_us: float
    """What these took."""
    are_whole: bool = True
    """Whether they look at what was imported, too, as a user's do."""


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


def figures(trial: Trial, timing: Timing, *, event_steps: int | None = None) -> TrialFigures:
    """Reduce the ticks of `trial`, whose clock `timing` is, to its figures.

    What happens every `event_steps` is left out of its steps by its place, as ends of epochs are.
    """
    if timing.turns is None:
        return regions.figures(trial, timing)
    return _of_turns(trial, timing, timing.turns, event_steps)


def event_us(trial: Trial, timing: Timing, every: int) -> float | None:
    """What happens after every so many optimizer steps takes, beyond a usual step; None where no kept step has it.

    An event that is rarer than turns have kept steps is taken from cold steps, too: it takes far longer than those.
    Times when the core ran something else stay in: the account of them is read after long steps alone, so that those
    of the short steps before would be taken out of the event. The median leaves out what is rare.
    """
    turns = timing.turns
    if turns is None:
        return None
    steps_us = _without(timing, turns.pauses_ns)
    places = _places(trial, turns, every)
    where = places.kept if every <= turns.length.kept_steps else np.ones_like(places.kept)
    usual_us, events_us = steps_us[places.steady], steps_us[where & places.at_event]
    return float(np.median(events_us) - np.median(usual_us)) if len(events_us) and len(usual_us) else None


def _without(timing: Timing, *lost_ns: Mapping[int, int]) -> Floats:
    """Every timed interval without what was lost of it, by its place; the device's own times lose nothing."""
    intervals_us = _intervals_us(timing)
    for place, ns in chain.from_iterable(each.items() for each in lost_ns if timing.device_step_us is None):
        intervals_us[place] = max(intervals_us[place] - ns / 1e3, 0.0)
    return intervals_us


def _of_turns(trial: Trial, timing: Timing, turns: Turns, event_steps: int | None) -> TrialFigures:
    intervals_us, unpaused_us = _intervals_us(timing), _without(timing, turns.pauses_ns, turns.waits_ns or {})
    places = _places(trial, turns, event_steps)
    stride = lengths.stride_of(trial.cell.workers, trial.length.steps_per_epoch)
    turns_us = _turns_us(unpaused_us, places, stride=stride)
    known_us = turns_us[~np.isnan(turns_us)]
    step_us = float(np.median(known_us)) if len(known_us) else None
    mean_us = float(unpaused_us[places.steady].mean()) if places.steady.any() else None
    samples = samples_per_step(trial.cell, timing)
    return TrialFigures(
        block=trial.block,
        turns_us=turns_us,
        step_us=step_us,
        device_step_us=None if timing.device_step_us is None else step_us,
        has_events=timing.device_step_us is not None,
        mean_us=mean_us,
        ends_us={} if mean_us is None else _ends_us(unpaused_us, places, mean_us),
        samples=samples,
        samples_per_second=None,
        epoch_us=None,
        collections=_collections(trial, timing, turns),
        startup_s=timing.startup_ns / 1e9,
        joules_per_1000_samples=regions.per_1000_samples(
            timing.energy_j, len(intervals_us) * samples if samples else None
        ),
        no_energy=timing.unavailable.get("energy_j", None if samples else NO_SAMPLES),
        steady_us=intervals_us[places.steady],
        waited_share=sum((turns.waits_ns or {}).values()) / max(sum(timing.step_ns), 1),
        longer=None,
        memory=Peaks.of(timing.memory),
        **_whole(timing),
        sm_clock_mhz=None if timing.sm_clock_mhz is None else (timing.sm_clock_mhz[0], timing.sm_clock_mhz[1]),
        terminal_bytes_per_step=timing.terminal_bytes_per_step,
        rank_peaks_bytes=_rank_peaks_bytes(timing),
    )


def _rank_peaks_bytes(timing: Timing) -> tuple[int, ...]:
    peaks = [memory.host_rss_bytes for memory in timing.memory_of_ranks or [timing.memory]]
    known = tuple(peak for peak in peaks if peak is not None)
    return known if len(known) == len(peaks) else ()


def _whole(timing: Timing) -> dict[str, Any]:
    whole = timing.whole
    if whole is None:
        return {}
    return {"whole_s": whole.ns / 1e9, "whole_steps": whole.steps, "after_steps_s": whole.after_ns / 1e9}


def complete(timed: Sequence[TrialFigures], cell: Cell, length: Length) -> tuple[TrialFigures, ...]:
    """Add what an epoch costs, and throughput: an epoch's end is so rare that all trials of a cell tell of it together.

    A step takes, with its share of all that happens between steps, its mean and what epochs and the
    collector add to it.
    """
    by_turns = [trial for trial in timed if trial.collections is not None]
    if not by_turns:
        return tuple(timed)
    epoch_us, paused_us = epoch_cost_us(by_turns, cell, length), collector_us_per_step(by_turns)
    return tuple(_complete(trial, epoch_us, paused_us, length) for trial in timed)


def _complete(figures: TrialFigures, epoch_us: float | None, paused_us: float, length: Length) -> TrialFigures:
    if figures.mean_us is None or not figures.step_us:
        return figures
    whole_us = figures.mean_us + (epoch_us or 0.0) / length.steps_per_epoch + paused_us
    per_second = figures.samples / whole_us * 1e6 if figures.samples else None
    return replace(figures, epoch_us=epoch_us, samples_per_second=per_second, longer=whole_us / figures.step_us)


def epoch_cost_us(timed: Sequence[TrialFigures], cell: Cell, length: Length) -> float | None:
    """What the steps around an epoch's end take beyond steady ones, place by place, whichever of them do the work.

    None where epochs are too short to have an end, and where a place was never among the kept steps.
    """
    if not lengths.has_ends(cell.workers, length.steps_per_epoch):
        return None
    edge = lengths.edge_steps(cell.workers)
    total_us = 0.0
    for place in range(-edge, edge + 1):
        seen = [trial.ends_us[place] for trial in timed if place in trial.ends_us]
        if not seen:
            return None
        total_us += sum(us for us, _ in seen) / sum(count for _, count in seen)
    return total_us


def collector_us_per_step(timed: Sequence[TrialFigures]) -> float:
    """What full collections pause a step on average: 0 where they are too rare for one to have been seen."""
    pause_us = collection_us(timed)
    return 0.0 if pause_us is None else collections_per_step(timed) * pause_us


def collections_per_step(timed: Sequence[TrialFigures]) -> float:
    """How often a step brings a full collection, by how many steps apart they are on average.

    They are near and far apart in turn, and a trial sees one of the two: the mean of the distances is right, that of
    the rates is not.
    """
    found = [trial.collections for trial in timed if trial.collections is not None]
    if not found or any(collections.due == 0 for collections in found):  # so rare that some trials saw nothing survive
        return sum(collections.due for collections in found) / max(sum(collections.steps for collections in found), 1)
    return len(found) / sum(collections.steps / collections.due for collections in found)


def collection_us(timed: Sequence[TrialFigures]) -> float | None:
    """How long one takes; None where none was seen."""
    found = [trial.collections for trial in timed if trial.collections is not None]
    seen = sum(collections.seen for collections in found)
    return sum(collections.seen_us for collections in found) / seen if seen else None


def _places(trial: Trial, turns: Turns, event_steps: int | None) -> _Places:
    """Where its intervals lie, which is the same for nearly all trials of a run."""
    epoch = trial.length.steps_per_epoch
    return _made(len(turns.places), turns.length, trial.length.warmup_steps, epoch, trial.cell.workers, event_steps)


class _Places:
    """Where each timed interval lies: in its turn, and in its epoch."""

    def __init__(
        self, turns: int, turn: TurnLength, warmup_steps: int, epoch_steps: int, workers: int, event_steps: int | None
    ) -> None:
        in_turn = np.tile(np.arange(turn.steps), turns)
        self.turns = turns
        # The interval before the tick of step s + 1 is that of step s of its epoch, counted from 0.
        step = warmup_steps + np.arange(len(in_turn))
        in_epoch = step % epoch_steps
        self.kept = in_turn >= turn.cold_steps
        edge = lengths.edge_steps(workers)
        # 0 is the interval in which the epoch begins; those of the epoch before it are negative.
        from_end = np.where(in_epoch > epoch_steps // 2, in_epoch - epoch_steps, in_epoch)
        has_ends = lengths.has_ends(workers, epoch_steps)
        at_end: NDArray[np.bool_] = (np.abs(from_end) <= edge) & has_ends
        self.at_event: NDArray[np.bool_] = step % event_steps == 0 if event_steps else np.zeros_like(self.kept)
        self.left_out: NDArray[np.bool_] = at_end | self.at_event
        self.steady: NDArray[np.bool_] = self.kept & ~self.left_out
        ends = self.kept & at_end
        self.ends = {place: ends & (from_end == place) for place in np.unique(from_end[ends]).tolist()}
        """By place around an epoch's end, the kept intervals there."""


_made = lru_cache(maxsize=64)(_Places)


def _turns_us(intervals_us: Floats, places: _Places, *, stride: int) -> Floats:
    """The median of each turn's strides, of which a stride with an epoch's end has no part."""
    kept = int(places.kept.sum()) // max(places.turns, 1)
    steps_us = np.where(places.left_out, np.nan, intervals_us)[places.kept].reshape(places.turns, kept)
    whole = kept // stride * stride
    if whole:
        steps_us = steps_us[:, :whole].reshape(places.turns, -1, stride).mean(axis=2)
    known = np.isfinite(steps_us).sum(axis=1)
    enough = (known > 0) & (known >= lengths.MIN_STEADY_SHARE * steps_us.shape[1])
    found = np.full(places.turns, np.nan)
    ordered, known = np.sort(steps_us[enough], axis=1), known[enough]  # which has what is no number at the end
    row = np.arange(len(known))
    found[enough] = (ordered[row, (known - 1) // 2] + ordered[row, known // 2]) / 2
    return found


def _ends_us(intervals_us: Floats, places: _Places, mean_us: float) -> dict[int, tuple[float, int]]:
    found = {}
    for place, there in places.ends.items():
        here = intervals_us[there]
        found[place] = float((here - mean_us).sum()), len(here)
    return found


def _collections(trial: Trial, timing: Timing, turns: Turns) -> Collections:
    counted = timing.collector
    if trial.interpreter is not None and trial.interpreter.hides_imports:
        return Collections(due=0.0, steps=len(timing.step_ns), seen=0, seen_us=0.0, are_whole=False)
    seen_ns = list(turns.pauses_ns.values()) if counted is None else counted.full_ns
    due = len(seen_ns) if counted is None else counted.full_due
    return Collections(due=due, steps=len(timing.step_ns), seen=len(seen_ns), seen_us=sum(seen_ns) / 1e3)


def _intervals_us(timing: Timing) -> Floats:
    """Tick to tick in microseconds, as the device saw it where it has events, else as the host did."""
    if timing.device_step_us is not None:
        return np.array(timing.device_step_us)
    return np.fromiter(timing.step_ns, np.float64, len(timing.step_ns)) / 1e3


def phases_us(trial: Trial, phases: Phases) -> dict[Phase, float] | None:
    """The median steady time of each phase; None where every step is warm-up or crosses an epoch boundary.

    Medians do not sum to the median of the sum; for phases of a steady step the two are within 2 %
    (docs/method.md), else the trial was disturbed.
    """
    steady, _ = regions.steady_and_boundary(trial.length)
    if not steady.any():
        return None
    return {name: float(np.median(np.array(ns)[steady])) / 1e3 for name, ns in phases.phase_ns.items()}


def samples_per_step(cell: Cell, timing: Timing) -> float | None:
    """Samples that one optimizer step consumes; None of a script that takes its batches from no loader."""
    return timing.samples_per_step or cell.samples_per_step or None


def cross_check(trial: Trial, timing: Timing) -> str | None:
    """Say which of the trial's clocks contradict each other; None when they agree.

    Its steps cannot have taken longer than the parent saw of all trials that took turns with it.
    """
    if timing.turns is None:
        return regions.cross_check(trial, timing)
    if timing.device_step_us is None and any(ns <= 0 for ns in timing.step_ns):
        return "one of its steps took no time at all"
    return None

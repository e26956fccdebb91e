"""One timing trial's figures from its turns.

No figure depends on where an epoch ends or a pause falls. Steps near the ends of an epoch are left out
of the step time by their place, whatever they took; what an epoch costs is what its steps take
beyond the others, whichever of them does the work; what Python's collector pauses is taken out of
the step that it fell into, and told by itself. Throughput is put together from these three. None of
them has what a step could have run and did not, because its core ran another process: the kernel keeps
account of that.

Trials that were made before loops took turns have one region: `regions` reads them.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from bench.analyse.cells import collector, regions
from bench.analyse.cells.collector import Collections
from bench.analyse.cells.columns import numbers, objects
from bench.analyse.cells.places import ends, medians, places_of, rows_of, turn_medians_us
from bench.analyse.cells.trial_figures import (
    NO_SAMPLES,
    TrialFigures,
    intervals_us,
    joules_per_1000_samples,
    of_every_timing,
    samples_per_step,
)
from bench.plan import length as lengths

if TYPE_CHECKING:
    from bench.analyse.statistics.signed_rank import Floats
    from bench.records.schema import Timing, Trial, Turns

Lost = Sequence[Mapping[int, int]]
"""Of each trial, nanoseconds by the place of an interval."""
Timed = tuple["Trial", "Timing"]
"""A trial and its clock."""


def figures(trial: Trial, timing: Timing, *, event_steps: tuple[int, ...] = ()) -> TrialFigures:
    """Reduce the ticks of one `trial`, whose clock `timing` is, to its figures: one row.

    What happens every so many of `event_steps` is left out of its steps by its place, as ends of epochs are.
    """
    return figures_of_alike([(trial, timing)], event_steps)


def kind_of(trial: Trial, timing: Timing, event_steps: tuple[int, ...]) -> Hashable:
    """What trials have in common whose figures are made together."""
    if timing.turns is None:
        return trial.length, trial.cell.device == "cpu", timing.device_step_us is None
    return places_of(trial, timing.turns, event_steps), trial.length.steps_per_epoch, timing.device_step_us is None


def figures_of_alike(timed: Sequence[Timed], event_steps: tuple[int, ...]) -> TrialFigures:
    """The same of trials of one kind, which are not few in a long journal: a row each."""
    if timed[0][1].turns is None:
        return regions.figures(timed)
    return _of_turns(timed, event_steps)


def event_us(trial: Trial, timing: Timing, every: int) -> float | None:
    """What happens after every so many optimizer steps takes, beyond a usual step; None where no kept step has it.

    An event that is rarer than turns have kept steps is taken from cold steps, too: it takes far longer than those.
    Times when the core ran something else stay in: the account of them is read after long steps alone, so that those
    of the short steps before would be taken out of the event. The median leaves out what is rare.
    """
    turns = timing.turns
    if turns is None:
        return None
    whole_us = intervals_us([timing])
    (steps_us,) = whole_us if timing.device_step_us is not None else _without(whole_us, [turns.pauses_ns])
    places = places_of(trial, turns, (every,))
    where = places.kept if every <= turns.length.kept_steps else np.ones_like(places.kept)
    usual_us, events_us = steps_us[places.steady], steps_us[where & places.at_event]
    return float(np.median(events_us) - np.median(usual_us)) if len(events_us) and len(usual_us) else None


def cross_check(trial: Trial, timing: Timing) -> str | None:
    """Say which of the trial's clocks contradict each other; None when they agree.

    Its steps cannot have taken longer than the parent saw of all trials that took turns with it.
    """
    if timing.turns is None:
        return regions.cross_check(trial, timing)
    if timing.device_step_us is None and 0 in timing.step_ns:
        return "one of its steps took no time at all"
    return None


def _of_turns(timed: Sequence[Timed], event_steps: tuple[int, ...]) -> TrialFigures:
    (first, clock), timings = timed[0], [timing for _, timing in timed]
    turns = [timing.turns for timing in timings if timing.turns is not None]
    places = places_of(first, turns[0], event_steps)
    stride = lengths.stride_of(first.cell.workers, first.length.steps_per_epoch)
    whole_us = intervals_us(timings)
    unpaused_us = whole_us if clock.device_step_us is not None else _without(whole_us, *_lost_ns(turns))
    turns_us = turn_medians_us(unpaused_us, places, stride=stride)
    step_us, mean_us = medians(turns_us), _means(rows_of(unpaused_us, places.steady))
    samples = numbers(samples_per_step(trial.cell, timing) for trial, timing in timed)
    energy_j, nothing = numbers(timing.energy_j for timing in timings), np.full(len(timed), np.nan)
    return TrialFigures(
        block=np.array([trial.block for trial, _ in timed], dtype=np.int64),
        turns_us=turns_us,
        step_us=step_us,
        device_step_us=nothing if clock.device_step_us is None else step_us,
        mean_us=mean_us,
        ends=ends(unpaused_us, places, mean_us),
        samples=samples,
        samples_per_second=nothing,
        epoch_us=nothing,
        collections=Collections.of(
            [collector.of_trial(trial, timing, own) for (trial, timing), own in zip(timed, turns, strict=True)]
        ),
        joules_per_1000_samples=joules_per_1000_samples(energy_j, whole_us.shape[1] * samples),
        no_energy=objects([_no_energy(trial, timing) for trial, timing in timed]),
        steady_us=rows_of(whole_us, places.steady),
        waited_share=_waited_share(timings, turns),
        longer=nothing,
        **of_every_timing(timings),
    )


def _means(rows: Floats) -> Floats:
    return rows.mean(axis=1) if rows.shape[1] else np.full(len(rows), np.nan)


def _no_energy(trial: Trial, timing: Timing) -> str | None:
    return timing.unavailable.get("energy_j", None if samples_per_step(trial.cell, timing) else NO_SAMPLES)


def _waited_share(timings: Sequence[Timing], turns: Sequence[Turns]) -> Floats:
    both = zip(timings, turns, strict=True)
    return np.array(
        [sum(own.waits_ns.values()) / max(sum(timing.step_ns), 1) if own.waits_ns else 0.0 for timing, own in both]
    )


def _lost_ns(turns: Sequence[Turns]) -> tuple[Lost, Lost]:
    """What collections paused of each trial's intervals, and what else its core ran."""
    return [own.pauses_ns for own in turns], [own.waits_ns or {} for own in turns]


def _without(whole_us: Floats, *lost_ns: Lost) -> Floats:
    """Every timed interval without what was lost of it, by its place; of the host's clock, not of the device's."""
    left_us = whole_us.copy()
    for of_trials in lost_ns:
        for row, lost in enumerate(of_trials):
            for place, ns in lost.items():
                left_us[row, place] = max(left_us[row, place] - ns / 1e3, 0.0)
    return left_us

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

from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from bench.analyse.cells import collector, regions
from bench.analyse.cells.places import ends_us, places_of, turn_medians_us
from bench.analyse.cells.trial_figures import (
    NO_SAMPLES,
    Peaks,
    TrialFigures,
    intervals_us,
    joules_per_1000_samples,
    samples_per_step,
    whole_script,
)
from bench.plan import length as lengths

if TYPE_CHECKING:
    from bench.analyse.statistics.signed_rank import Floats
    from bench.records.schema import Timing, Trial, Turns


def figures(trial: Trial, timing: Timing, *, event_steps: tuple[int, ...] = ()) -> TrialFigures:
    """Reduce the ticks of `trial`, whose clock `timing` is, to its figures.

    What happens every so many of `event_steps` is left out of its steps by its place, as ends of epochs are.
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
    if timing.device_step_us is None and any(ns <= 0 for ns in timing.step_ns):
        return "one of its steps took no time at all"
    return None


def _of_turns(trial: Trial, timing: Timing, turns: Turns, event_steps: tuple[int, ...]) -> TrialFigures:
    whole_us, unpaused_us = intervals_us(timing), _without(timing, turns.pauses_ns, turns.waits_ns or {})
    places = places_of(trial, turns, event_steps)
    stride = lengths.stride_of(trial.cell.workers, trial.length.steps_per_epoch)
    turns_us = turn_medians_us(unpaused_us, places, stride=stride)
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
        ends_us={} if mean_us is None else ends_us(unpaused_us, places, mean_us),
        samples=samples,
        samples_per_second=None,
        epoch_us=None,
        collections=collector.of_trial(trial, timing, turns),
        startup_s=timing.startup_ns / 1e9,
        joules_per_1000_samples=joules_per_1000_samples(timing.energy_j, len(whole_us) * samples if samples else None),
        no_energy=timing.unavailable.get("energy_j", None if samples else NO_SAMPLES),
        steady_us=whole_us[places.steady],
        waited_share=sum((turns.waits_ns or {}).values()) / max(sum(timing.step_ns), 1),
        longer=None,
        memory=Peaks.of(timing.memory),
        evaluation=timing.evaluation,
        **whole_script(timing),
        sm_clock_mhz=None if timing.sm_clock_mhz is None else (timing.sm_clock_mhz[0], timing.sm_clock_mhz[1]),
        terminal_bytes_per_step=timing.terminal_bytes_per_step,
        rank_peaks_bytes=_rank_peaks_bytes(timing),
    )


def _without(timing: Timing, *lost_ns: Mapping[int, int]) -> Floats:
    """Every timed interval without what was lost of it, by its place; the device's own times lose nothing."""
    left_us = intervals_us(timing)
    for place, ns in chain.from_iterable(lost.items() for lost in lost_ns if timing.device_step_us is None):
        left_us[place] = max(left_us[place] - ns / 1e3, 0.0)
    return left_us


def _rank_peaks_bytes(timing: Timing) -> tuple[int, ...]:
    peaks = [memory.host_rss_bytes for memory in timing.memory_of_ranks or [timing.memory]]
    known = tuple(peak for peak in peaks if peak is not None)
    return known if len(known) == len(peaks) else ()

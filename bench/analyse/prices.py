"""What each option costs: the loop with it against the loop without, and each event against a usual step.

A runner has options switched on one at a time, a script, which has them on, off: so the cell of the option is the side
with it of the one, and without it of the other.
"""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING, Any

from bench.analyse.cells.counting import why_not_counted
from bench.analyse.cells.evidence import NOT_RUN
from bench.analyse.cells.pairs import log_ratios_by_block, overhead_us, pooled, ratio
from bench.analyse.cells.turns import event_us
from bench.analyse.statistics.signed_rank import exponentiated, paired_difference, signed_rank_estimate
from bench.plan.comparison_groups import cell as cell_of
from bench.plan.prices import steps_to_event
from bench.records.cells import SCRIPT
from bench.records.metrics import COUNTED, metric
from bench.records.schema import Estimate, NoiseFloor, Price

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bench.analyse.cells.evidence import Evidence, GroupEvidence
    from bench.records.schema import Cell, Count, PricedOption, Run, Trial


def of_options(
    run: Run, gathered: Sequence[GroupEvidence], floors: Sequence[NoiseFloor | None], trials: Sequence[Trial]
) -> list[Price]:
    """The price of every option in every comparison, in the order of the plan; of those without one, why not.

    `floors` are the noise floors of what was `gathered`.
    """
    pairs = {cell: pair for both in zip(gathered, floors, strict=True) for cell, pair in _pairs(*both)}
    return [
        _price(option, cell, pairs.get(cell), trials)
        for comparison in run.settings.comparisons
        for option in run.settings.options
        for cell in [cell_of(comparison, option.runner, option.environment).model_copy(update={"option": option.name})]
    ]


COUNTS = (*COUNTED, metric("tensor_bytes"))
"""What a step with an option may have more of."""
MIN_ALIKE = 0.75
"""The part of a loop's steps that have to show a count for it to be that of a usual step: log lines come in between."""
Pair = tuple["Evidence", "Evidence", float]
"""The cell of an option, the one that it is compared with, and the noise floor of the two."""


def _pairs(compared: GroupEvidence, itself: NoiseFloor | None) -> Iterator[tuple[Cell, Pair]]:
    reference = compared.reference
    floor = 0.0 if itself is None or itself.floor is None else itself.floor
    for evidence in compared.evidence:
        if reference is not None and evidence is not reference:
            yield evidence.cell, (evidence, pooled(reference, compared.clone), floor)


def noise_floors(gathered: Sequence[GroupEvidence]) -> list[NoiseFloor | None]:
    """For each group how far its loop without options differs from its clone, by all groups of that loop together.

    Their pairs are as many trials of the same: whether identical loops come out alike. How far a single price wavers
    is in its own interval.
    """
    return [_noise_floor(compared, gathered) for compared in gathered]


def _noise_floor(compared: GroupEvidence, gathered: Sequence[GroupEvidence]) -> NoiseFloor | None:
    alike = [group for group in gathered if group.group.reference == compared.group.reference]
    by_round = [log_ratios_by_block(group.clone, group.reference) for group in alike if group.clone and group.reference]
    itself = exponentiated(signed_rank_estimate([log for logs in by_round for log in logs.values()]))
    if itself is None:
        return None
    cell, blocks = compared.group.reference, max(map(len, by_round))
    return NoiseFloor(
        comparison=cell.comparison, runner=cell.runner, ratio=itself, blocks=blocks, floor=farther_bound(itself)
    )


def farther_bound(itself: Estimate) -> float | None:
    """The difference that noise alone can show, as a fraction; None without an interval."""
    if itself.low is None or itself.high is None:
        return None
    return max(itself.high, 1 / itself.low) - 1


def _price(option: PricedOption, cell: Cell, pair: Pair | None, trials: Sequence[Trial]) -> Price:
    known: dict[str, Any] = option.model_dump(include={"setting", "off", "changes_arithmetic", "event", "every"})
    if pair is None or not (pair[0].is_measured and pair[1].is_measured):
        return Price(**known, cell=cell, reason=option.missing or (NOT_RUN if pair is None else _why_not(*pair[:2])))
    own, other, floor = pair
    is_script = cell.workload == SCRIPT
    with_it, without = (other, own) if is_script else (own, other)
    times, one_event_us = ratio(own, other), _event_us(option, with_it, without, trials)
    return Price(
        **known,
        cell=cell,
        step_us=overhead_us(with_it, without),
        share=None if times is None else _saved(times) if is_script else _added(times),
        is_noise=times is not None and _is_noise(times, floor),
        more=_more(figures_of(with_it), figures_of(without)),
        inexact=_inexact(own, other),
        uncounted=_uncounted(own, other),
        terminal_bytes_per_step=None if is_script else _terminal_bytes(own.cell, trials),
        event_us=one_event_us,
        events_us_per_step=_spread(one_event_us, option.every) if is_script else None,
        event_more=_event_more(option, with_it, without),
        reason=own.reason,
    )


def _why_not(own: Evidence, other: Evidence) -> str:
    if other.is_measured:
        return own.reason or NOT_RUN
    what = "as it is" if other.cell.workload == SCRIPT else "without options"
    return f"{other.cell.runner} {what} was not measured: {other.reason}"


def _added(times: Estimate) -> Estimate:
    """By how much a step with the option is longer, as a fraction of one without."""
    low, high = (None if bound is None else bound - 1 for bound in (times.low, times.high))
    return Estimate(value=times.value - 1, low=low, high=high)


def _saved(times: Estimate) -> Estimate:
    """By how much a step without the option is shorter, as a fraction of the step as it is."""
    low, high = (None if bound is None else 1 - bound for bound in (times.high, times.low))
    return Estimate(value=1 - times.value, low=low, high=high)


def _is_noise(times: Estimate, floor: float) -> bool:
    if times.low is not None and times.high is not None and times.low <= 1 <= times.high:
        return True
    return abs(math.log(times.value)) <= math.log1p(floor)


def figures_of(evidence: Evidence) -> dict[str, int]:
    """What a steady step of a cell shows, by counter; empty where it was not counted."""
    return {name: int(seen.value) for name, seen in _counted(evidence).items()}


def _counted(evidence: Evidence) -> dict[str, Count]:
    first = evidence.counts[0] if evidence.counts else None
    return {counter.key: seen for counter in COUNTS if (seen := getattr(first, counter.key, None)) is not None}


def _more(with_it: Mapping[str, int], without: Mapping[str, int]) -> dict[str, int]:
    shared = (name for name in with_it if name in without)
    return {name: delta for name in shared if (delta := with_it[name] - without[name])}


def _inexact(*sides: Evidence) -> list[str]:
    """Of what one of the two has no usual step."""
    return sorted({name for side in sides for name, seen in _counted(side).items() if seen.share < MIN_ALIKE})


def _event_more(option: PricedOption, with_it: Evidence, without: Evidence) -> dict[str, int]:
    """What an event does beyond the step that it falls into, as its time is told.

    At the end of an epoch also beyond what is done there anyway.
    """
    if option.every is None or not (with_it.counts and without.counts):
        return {}
    beyond = _more(with_it.counts[0].at_events, figures_of(with_it))
    if option.every != "epoch":
        return beyond
    anyway = _more(without.counts[0].at_events, figures_of(without))
    names = sorted(beyond.keys() | anyway.keys())  # else a summary would have them in an order of its own
    return _more({name: beyond.get(name, 0) for name in names}, {name: anyway.get(name, 0) for name in names})


def _uncounted(own: Evidence, other: Evidence) -> dict[str, str]:
    """Why the two cannot be compared by a counter that there is on their device."""
    sides = [(figures_of(side), side.counts) for side in (own, other)]
    countable = {counter.key for counter in COUNTS if counter.exists_on(own.cell.device)}
    missing = [(name, counts) for known, counts in reversed(sides) for name in sorted(countable - known.keys())]
    return {name: why_not_counted(counts, name) for name, counts in missing}


def _terminal_bytes(cell: Cell, trials: Sequence[Trial]) -> float | None:
    seen = (t.timing.terminal_bytes_per_step for t in trials if t.cell == cell and t.timing is not None)
    return next((written for written in seen if written is not None), None)


def _event_us(option: PricedOption, with_it: Evidence, without: Evidence, trials: Sequence[Trial]) -> Estimate | None:
    """What an event takes; at the end of an epoch, at the start and in a script beyond what happens there anyway."""
    if option.every == "start":
        own, other = (_startup_us(evidence) for evidence in (with_it, without))
        return paired_difference(own, other)
    blocks = set(with_it.timing_trials.block.tolist())
    with_events, beside = (_events_by_block(option, e.cell, trials, blocks) for e in (with_it, without))
    if with_it.cell.workload == SCRIPT:
        return paired_difference(with_events, beside)
    anyway_us = median(beside.values()) if beside and option.every == "epoch" else 0.0
    return signed_rank_estimate([us - anyway_us for us in with_events.values()])


def _startup_us(evidence: Evidence) -> dict[int, float]:
    timed = evidence.timing_trials
    return dict(zip(timed.block.tolist(), (timed.startup_s * 1e6).tolist(), strict=True))


def _spread(event: Estimate | None, every: int | str | None) -> float | None:
    return event.value / every if event is not None and isinstance(every, int) else None


def _events_by_block(option: PricedOption, cell: Cell, trials: Sequence[Trial], blocks: set[int]) -> dict[int, float]:
    events_us: dict[int, float] = {}
    for trial in trials:
        if trial.cell == cell and trial.timing is not None and trial.block in blocks:
            every = steps_to_event(option, trial.length)
            us = event_us(trial, trial.timing, every) if every is not None else None
            if us is not None:
                events_us[trial.block] = us
    return events_us

"""What each option costs: the loop with it against the loop without, and each event against a usual step."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING, Any

from bench.analyse.cells.counting import figures, why_not_counted
from bench.analyse.cells.evidence import NOT_RUN
from bench.analyse.cells.pairs import log_ratios_by_block, overhead_us, pooled, ratio
from bench.analyse.cells.turns import event_us
from bench.analyse.statistics.signed_rank import exponentiated, paired_difference, signed_rank_estimate
from bench.plan.comparison_groups import cell as cell_of
from bench.plan.prices import steps_to_event
from bench.records.metrics import COUNTED
from bench.records.schema import Estimate, NoiseFloor, Price

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bench.analyse.cells.evidence import Evidence, GroupEvidence
    from bench.records.schema import Cell, PricedOption, Run, Trial


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


Pair = tuple["Evidence", "Evidence", float]
"""A cell with an option, the one without, and the noise floor of the two."""


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
    alike = [each for each in gathered if each.group.reference == compared.group.reference]
    by_round = [log_ratios_by_block(each.clone, each.reference) for each in alike if each.clone and each.reference]
    itself = exponentiated(signed_rank_estimate([log for each in by_round for log in each.values()]))
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
    known: dict[str, Any] = {"cell": cell, "setting": option.setting, "event": option.event, "every": option.every}
    if pair is None or not (pair[0].is_measured and pair[1].is_measured):
        return Price(**known, reason=option.missing or (NOT_RUN if pair is None else _why_not(*pair[:2])))
    with_it, without, floor = pair
    step_us, times = overhead_us(with_it, without), ratio(with_it, without)
    return Price(
        **known,
        step_us=step_us,
        share=None if times is None else _share(times),
        is_noise=times is not None and _is_noise(times, floor),
        more=_more(figures_of(with_it), figures_of(without)),
        uncounted=_uncounted(with_it, without),
        terminal_bytes_per_step=_terminal_bytes(with_it.cell, trials),
        event_us=_event_us(option, with_it, without, trials),
        event_more=_event_more(option, with_it, without),
        reason=with_it.reason,
    )


def _why_not(with_it: Evidence, without: Evidence) -> str:
    if without.is_measured:
        return with_it.reason or NOT_RUN
    return f"{without.cell.runner} without options was not measured: {without.reason}"


def _share(times: Estimate) -> Estimate:
    low, high = (None if bound is None else bound - 1 for bound in (times.low, times.high))
    return Estimate(value=times.value - 1, low=low, high=high)


def _is_noise(times: Estimate, floor: float) -> bool:
    if times.low is not None and times.high is not None and times.low <= 1 <= times.high:
        return True
    return abs(math.log(times.value)) <= math.log1p(floor)


def figures_of(evidence: Evidence) -> dict[str, int]:
    """What a steady step of a cell shows, by counter; empty where it was not counted."""
    counted = figures(evidence.counts)
    if counted is None:
        return {}
    return {counter.key: value for counter in COUNTED if (value := getattr(counted, counter.key)) is not None}


def _more(with_it: Mapping[str, int], without: Mapping[str, int]) -> dict[str, int]:
    shared = (name for name in with_it if name in without)
    return {name: delta for name in shared if (delta := with_it[name] - without[name])}


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
    names = beyond.keys() | anyway.keys()
    return _more({name: beyond.get(name, 0) for name in names}, {name: anyway.get(name, 0) for name in names})


def _uncounted(with_it: Evidence, without: Evidence) -> dict[str, str]:
    """Of what loops can be counted for, where nothing was; else of what the loop without the option has."""
    countable = figures_of(without).keys() or {counter.key for counter in COUNTED}
    return {name: why_not_counted(with_it.counts, name) for name in sorted(countable - figures_of(with_it).keys())}


def _terminal_bytes(cell: Cell, trials: Sequence[Trial]) -> float | None:
    seen = (t.timing.terminal_bytes_per_step for t in trials if t.cell == cell and t.timing is not None)
    return next((written for written in seen if written is not None), None)


def _event_us(option: PricedOption, with_it: Evidence, without: Evidence, trials: Sequence[Trial]) -> Estimate | None:
    """What an event takes; at the end of an epoch and at the start beyond what happens there anyway."""
    if option.every == "start":
        own, other = ({timed.block: timed.startup_s * 1e6 for timed in e.timing_trials} for e in (with_it, without))
        return paired_difference(own, other)
    blocks = {timed.block for timed in with_it.timing_trials}
    own, other = (_events_by_block(option, e.cell, trials, blocks) for e in (with_it, without))
    anyway_us = median(other.values()) if other and option.every == "epoch" else 0.0
    return signed_rank_estimate([us - anyway_us for us in own.values()])


def _events_by_block(option: PricedOption, cell: Cell, trials: Sequence[Trial], blocks: set[int]) -> dict[int, float]:
    events_us: dict[int, float] = {}
    for trial in trials:
        if trial.cell == cell and trial.timing is not None and trial.block in blocks:
            every = steps_to_event(option, trial.length)
            us = event_us(trial, trial.timing, every) if every is not None else None
            if us is not None:
                events_us[trial.block] = us
    return events_us

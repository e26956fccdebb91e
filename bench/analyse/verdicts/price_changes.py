"""Whether options became more expensive: verdicts on the price of each that both sides of a check have.

All four loops, that with the option and that without on either side, take turns with each other, so that a change of
the price is told by cycles, as the price itself is. It is held to the step of the baseline with the option: what that
would take if nothing but the price changed, which no change of the loop itself can move.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bench.analyse.cells.block_turns import combined
from bench.analyse.cells.counting import attribution, count, why_not_counted
from bench.analyse.cells.gather import gather
from bench.analyse.cells.pairs import log_ratios_by_block, overhead_us, pooled
from bench.analyse.verdicts.metrics import rule_of
from bench.analyse.verdicts.upgrade import Pairs, TwoStageTest, verdict_of
from bench.analyse.verdicts.verdict import by_number, exact_verdict
from bench.plan.comparison_groups import taking_turns
from bench.plan.upgrade import BASELINE, CANDIDATE
from bench.records.metrics import BY_FUNCTION, COUNTED, metric
from bench.records.schema import AttributionRow, Cell, Estimate, FunctionCounts, PriceChange, Run, Verdict

if TYPE_CHECKING:
    from bench.analyse.cells.counting import Tables
    from bench.analyse.cells.evidence import Evidence, GroupEvidence
    from bench.analyse.cells.seen import Seen
    from bench.analyse.statistics.signed_rank import Floats
    from bench.records.metric import Metric

STEP_TIME = metric("step_time_us")
COUNTS = tuple(metric for metric in COUNTED if metric.group == "counters")


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """The loop with an option and without, in one environment."""

    with_it: Evidence
    without: Evidence
    clone: Evidence | None
    """Of the loop without."""

    @property
    def both(self) -> Evidence:
        """The loop without and its clone, as one."""
        return pooled(self.without, self.clone)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sides:
    """An option that both sides have."""

    baseline: Side
    candidate: Side

    @property
    def cell(self) -> Cell:
        """The candidate's."""
        return self.candidate.with_it.cell

    @property
    def each(self) -> tuple[Side, Side]:
        """The baseline and the candidate."""
        return self.baseline, self.candidate

    @property
    def cells(self) -> set[Cell]:
        """Those with the option."""
        return {side.with_it.cell for side in self.each}


@dataclass(frozen=True, kw_only=True, slots=True)
class Assessment:
    """What a check of prices knows so far."""

    changes: list[PriceChange]
    undecided: set[Cell]
    """With options of which more blocks would tell more."""


def assess(run: Run, trials: Sequence[Seen], *, ended: bool) -> Assessment:
    """Judge the price of every option that both sides have; `ended` says that no blocks will follow."""
    options = list(options_of(gather(run, trials)))
    blocks = 1 + max((trial.block for trial in trials if trial.phase == "timing"), default=-1)
    pairs = {
        (option.cell, STEP_TIME.key): both for option in options if (both := _pairs(run, option, blocks)) is not None
    }
    test = TwoStageTest(pairs=pairs, blocks=blocks, cap=run.settings.blocks, ended=ended)
    screened = test.screen()
    confirmed = test.confirm(screened)
    timed = {key: verdict_of(key, pairs[key], verdict, confirmed.get(key)) for key, verdict in screened.items()}
    open_ = {key[0] for key, verdict in (confirmed or screened).items() if verdict.outcome == "undecided"}
    done = blocks > 0 and test.is_complete(confirmed)
    return Assessment(
        changes=[_change(option, timed.get((option.cell, STEP_TIME.key))) for option in options],
        undecided=set() if done else {cell for option in options if option.cell in open_ for cell in option.cells},
    )


def options_of(gathered: Sequence[GroupEvidence]) -> Iterator[Sides]:
    """The options that were measured on both sides, in the order of the plan."""
    by_group = {group.group: group for group in gathered}
    for groups in taking_turns(by_group):
        sides = {group.reference.environment: list(_sides(by_group[group])) for group in groups}
        candidates = {side.with_it.cell.option: side for side in sides.get(CANDIDATE, [])}
        for side in sides.get(BASELINE, []):
            other = candidates.get(side.with_it.cell.option)
            if other is not None:
                yield Sides(baseline=side, candidate=other)


def _sides(compared: GroupEvidence) -> Iterator[Side]:
    without = compared.reference
    for evidence in compared.evidence:
        if without is not None and evidence is not without and evidence.is_measured and without.is_measured:
            yield Side(with_it=evidence, without=without, clone=compared.clone)


def _pairs(run: Run, option: Sides, blocks: int) -> Pairs | None:
    """The changes of a price block by block; None where no block has all four loops."""
    old, new = option.each
    ratios = _log_ratios(old.with_it, old.both, new.with_it, new.both)
    prices = [overhead_us(side.with_it, side.both) for side in option.each]
    if not ratios or None in prices:
        return None
    settings = run.settings
    before, after = (price.value for price in prices if price is not None)
    return Pairs(
        ratios=by_number(ratios, blocks),
        same=by_number(_same(option), blocks),
        rule=rule_of(STEP_TIME, settings.margin, settings.margin_of_time, cap=settings.blocks),
        decides="time" in settings.fail_on,
        baseline=before,
        candidate=after,
    )


def _same(option: Sides) -> Mapping[int, float]:
    """The same of an option that changes nothing on either side, which a clone is."""
    old, new = option.each
    if old.clone is None or new.clone is None:
        return {}
    return _log_ratios(old.clone, old.without, new.clone, new.without)


def _log_ratios(with_old: Evidence, old: Evidence, with_new: Evidence, new: Evidence) -> Mapping[int, float]:
    """log((with_new - new + old) / with_old) in each block that has all four, by its cycles."""
    expected = combined(_expected, old.turns, with_new.turns, new.turns)
    return log_ratios_by_block(replace(with_new, turns=expected), with_old)


def _expected(old: Floats, with_new: Floats, new: Floats) -> Floats:
    """What turns of the baseline with the option would take at the candidate's price; NaN where that is nothing."""
    expected = with_new - new + old
    return np.where(expected > 0, expected, np.nan)


def _change(option: Sides, timed: Verdict | None) -> PriceChange:
    counted = (_count_verdict(option, counter) for counter in COUNTS)
    verdicts = [verdict for verdict in (timed, *counted) if verdict is not None]
    return PriceChange(cell=option.cell, step_us=_change_us(option, timed), verdicts=verdicts)


def _change_us(option: Sides, timed: Verdict | None) -> Estimate | None:
    """By how much more the option costs, by the ratio that is judged."""
    us_by_block = option.baseline.with_it.step_us_by_block
    if timed is None or timed.ratio is None or not us_by_block:
        return None
    step_us = float(np.median(list(us_by_block.values())))
    ratio = timed.ratio
    low, high = (None if bound is None else (bound - 1) * step_us for bound in (ratio.low, ratio.high))
    return Estimate(value=(ratio.value - 1) * step_us, low=low, high=high)


def _count_verdict(option: Sides, counter: Metric) -> Verdict | None:
    """Whether the option does more of something than before, by all interpreters that counted; None without any."""
    before, after = (_prices(side, counter.key) for side in option.each)
    if not before and not after:
        return None
    outcome = exact_verdict(before, after)
    doubts = [_doubt(side, prices, counter) for side, prices in zip(option.each, (before, after), strict=True)]
    return Verdict(
        cell=option.cell,
        metric=counter.key,
        baseline=before[0] if before else None,
        candidate=after[0] if after else None,
        verdict=outcome,
        real=outcome in ("regressed", "improved"),
        warnings=list(filter(None, doubts)) if outcome == "undecided" else [],
    )


def _prices(side: Side, name: str) -> list[int]:
    """How many more there are with the option, by each interpreter that counted both loops."""
    both = zip(side.with_it.counts, side.without.counts, strict=False)
    counted = ((count(with_it, name), count(without, name)) for with_it, without in both)
    return [own - other for own, other in counted if own is not None and other is not None]


def _doubt(side: Side, prices: Sequence[int], counter: Metric) -> str | None:
    where = side.with_it.cell.environment
    if not prices:
        lacking = side.with_it if side.without.counts else side.without
        return f"the {where} has no figure: {why_not_counted(lacking.counts, counter.key)}"
    if len(prices) == 1:
        return f"the {where} was counted once, where it takes two interpreters to see that a count repeats"
    if len(set(prices)) == 1:
        return None
    return f"two interpreters of the {where} counted {prices[0]:+,} and {prices[-1]:+,}"


def attribution_of(gathered: Sequence[GroupEvidence], changes: Sequence[PriceChange]) -> Iterator[AttributionRow]:
    """By which functions an option does more or less than before, of the counters that say so."""
    changed = {(change.cell, verdict.metric) for change in changes for verdict in change.verdicts if verdict.real}
    for option in options_of(gathered):
        before, after = map(_prices_by_function, option.each)
        rows = attribution(before, {option.cell: after})
        yield from (row for row in rows if (option.cell, row.counter) in changed)


def _prices_by_function(side: Side) -> Tables:
    if not (side.with_it.counts and side.without.counts):
        return {}
    own, other = side.with_it.counts[0], side.without.counts[0]
    table = [*own.functions, *map(_negative, other.functions)]
    return {
        counter.key: table
        for counter in BY_FUNCTION
        if None not in (count(own, counter.key), count(other, counter.key))
    }


def _negative(counts: FunctionCounts) -> FunctionCounts:
    amounts = {counter.key: -getattr(counts, counter.key) for counter in BY_FUNCTION}
    return counts.model_copy(update=amounts)

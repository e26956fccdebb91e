"""The rows of a check of prices, as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.report.document import numbers
from bench.report.document.columns import NO_DIFFERENCE, NOTHING
from bench.report.document.text import Toned
from bench.report.document.verdict_tables import WORDS
from bench.report.kinds.compare.tables import ORDER
from bench.report.kinds.price_changes.outcome import watched
from bench.report.kinds.prices import rows as of_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bench.records.metric import Metric
    from bench.records.schema import Cell, Price, PriceChange, Summary, Verdict
    from bench.report.document.text import Tone

    Counts = Callable[[Price, Sequence[Metric]], tuple[str, ...]]

NAMES = ("batch", "runner", "option")
TIMED = ("baseline µs/step", "candidate µs/step", "difference")
TONES: dict[str, Tone] = {"regressed": "bad", "improved": "good", "undecided": "open"}
STEP_TIME = "step_time_us"


@dataclass(frozen=True, kw_only=True, slots=True)
class Changed:
    """An option that was measured on both sides."""

    change: PriceChange
    before: Price
    after: Price
    watched: tuple[Verdict, ...]
    """What the check fails on."""

    @property
    def cell(self) -> Cell:
        """The candidate's."""
        return self.change.cell

    @property
    def timed(self) -> Verdict | None:
        """The verdict on its time."""
        return next((verdict for verdict in self.change.verdicts if verdict.metric == STEP_TIME), None)

    @property
    def worst(self) -> str:
        """The worst of what the check fails on; undecided without any."""
        return min((verdict.verdict for verdict in self.watched), key=ORDER.index, default="undecided")


def changed(summary: Summary) -> list[Changed]:
    """All options of both sides, the worst first."""
    prices = {price.cell: price for price in summary.prices}
    options = [
        Changed(
            change=change,
            before=prices[baseline_of(change.cell, summary)],
            after=prices[change.cell],
            watched=tuple(watched(change, summary)),
        )
        for change in summary.price_changes
    ]
    return sorted(options, key=_worst_first)


def baseline_of(cell: Cell, summary: Summary) -> Cell:
    """The same in the baseline."""
    return cell.model_copy(update={"environment": summary.run.settings.environments[0].name})


def _worst_first(each: Changed) -> tuple[int, float, float]:
    us = 0.0 if each.change.step_us is None else each.change.step_us.value
    calls = sum(abs((v.candidate or 0) - (v.baseline or 0)) for v in each.change.verdicts if v.metric != STEP_TIME)
    return ORDER.index(each.worst), -us, -calls


def names(cell: Cell) -> tuple[str, str, str]:
    """What tells an option from the others, under `NAMES`."""
    return f"{cell.batch_size:,}", cell.runner, cell.option or ""


def of_steps(counters: Sequence[Metric]) -> tuple[str, ...]:
    """The headers of `per_step`."""
    return (*NAMES, *TIMED, *of_list.headers(counters), "verdict")


def of_events(counters: Sequence[Metric]) -> tuple[str, ...]:
    """The headers of `per_event`."""
    return (*NAMES, "what happens", "baseline", "candidate", *of_list.headers(counters))


def per_step(each: Changed, counters: Sequence[Metric]) -> tuple[str, ...]:
    """What an option costs every step on either side, under `of_steps`."""
    worst = WORDS[each.worst].lower()
    return (
        *names(each.cell),
        of_list.step_time(each.before),
        of_list.step_time(each.after),
        difference(each),
        *_both(each, of_list.step_counts, counters),
        Toned(worst, TONES[each.worst]) if each.worst in TONES else worst,
    )


def difference(each: Changed) -> str:
    """`+19 [12, 25]`, or that none shows; `[?]` before the first look, when it may be nothing but noise."""
    if each.change.step_us is None or each.timed is None:
        return NOTHING
    if each.change.step_us.low is None:
        return numbers.TOO_FEW_BLOCKS
    return numbers.estimate(each.change.step_us, sign="+") if each.timed.real else NO_DIFFERENCE


def has_events(each: Changed) -> bool:
    """Whether something that an option brings now and then was timed or counted."""
    return any(price.event_us is not None or price.event_more for price in (each.before, each.after))


def per_event(each: Changed, counters: Sequence[Metric]) -> tuple[str, ...]:
    """What one event takes on either side, under `of_events`."""
    return (
        *names(each.cell),
        of_list.happens(each.after),
        of_list.event_time(each.before),
        of_list.event_time(each.after),
        *_both(each, of_list.event_counts, counters),
    )


def _both(each: Changed, counts: Counts, counters: Sequence[Metric]) -> Iterator[str]:
    """`+55`, or `+55 → +58` where that has changed."""
    for one, other in zip(counts(each.before, counters), counts(each.after, counters), strict=True):
        yield one if one == other else f"{one} → {other}"

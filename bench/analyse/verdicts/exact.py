"""Verdicts on what is counted: by equality or a margin, not by statistics; any doubt about a count is told with it."""

from __future__ import annotations

from collections.abc import Sequence

from bench.analyse.cells.counting import count, why_not_counted
from bench.analyse.verdicts.verdict import exact_verdict
from bench.plan.upgrade import BASELINE, CANDIDATE
from bench.records.metric import Metric
from bench.records.metrics import EXACT
from bench.records.schema import Cell, Counters, Verdict

Counts = Sequence[Counters]
"""Of one side, one for each fresh interpreter that counted; none where none did."""


def exact_verdicts(cell: Cell, baseline: Counts, candidate: Counts, *, margin: float) -> list[Verdict]:
    """Judge every exact figure that a side has, each by the rule of its row in the table of figures.

    `margin` is the one that was asked for, as a fraction.
    """
    verdicts = (_judged(cell, metric, baseline, candidate, metric.margin_of(margin)) for metric in EXACT)
    return [verdict for verdict in verdicts if verdict is not None]


def _judged(cell: Cell, metric: Metric, baseline: Counts, candidate: Counts, margin: float | None) -> Verdict | None:
    """The verdict on one figure; None where no side has it."""
    before, after = _figures(baseline, metric), _figures(candidate, metric)
    if not before and not after:
        return None
    doubts = [*_doubts(baseline, metric, BASELINE), *_doubts(candidate, metric, CANDIDATE)]
    return Verdict(
        cell=cell,
        metric=metric.key,
        baseline=before[0] if before else None,
        candidate=after[0] if after else None,
        margin=margin,
        asked_margin=margin,
        verdict=exact_verdict(before, after, margin=margin),
        real=exact_verdict(before, after) in ("regressed", "improved"),
        warnings=doubts,
    )


def _figures(counts: Counts, metric: Metric) -> list[int]:
    """One for each interpreter; none where the first has none."""
    figures = [count(counters, metric.key) for counters in counts]
    return [figure for figure in figures if figure is not None] if figures and figures[0] is not None else []


def _doubts(counts: Counts, metric: Metric, arm: str) -> list[str]:
    """Why one side's figure cannot be relied on; nothing where two fresh interpreters gave the same."""
    figures = [count(counters, metric.key) for counters in counts]
    if not figures or figures[0] is None:
        return [f"the {arm} has no figure: {why_not_counted(counts, metric.key)}"]
    if len(figures) == 1:
        return [f"the {arm} was counted once, where it takes two interpreters to see that a count repeats"]
    return (
        [] if figures[0] == figures[-1] else [f"two interpreters of the {arm} counted {figures[0]} and {figures[-1]}"]
    )

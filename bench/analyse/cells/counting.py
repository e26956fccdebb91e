"""What the counting pass saw of each cell, and by which functions it differs from the baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.analyse.cells.attribution import OWN_TIME, repeats, subtract
from bench.analyse.cells.seen import Seen
from bench.records.metrics import BY_FUNCTION, COUNTED, EXACT
from bench.records.schema import AttributionRow, Cell, CounterFigures, Counters, Function, Trial

NOT_COUNTED = "the counting pass has no good trial of this cell"


def counts_of(trials: Sequence[Seen]) -> list[Counters]:
    """Return the good counts of one cell, one for each fresh interpreter that counted."""
    return [trial.counters for trial in trials if trial.phase == "counting" and trial.counters is not None]


def figures(counts: Sequence[Counters]) -> CounterFigures | None:
    """Return the first count, with what a second one did not repeat; None without a count."""
    if not counts:
        return None
    values = [_values(counters) for counters in counts]
    same = repeats(values[0], values[-1])
    known = {metric.key: seen for metric in COUNTED if (seen := getattr(counts[0], metric.key)) is not None}
    return CounterFigures(
        **{name: seen.value for name, seen in known.items()},
        share={name: seen.share for name, seen in known.items()},
        not_repeated=[name for name, repeated in same.items() if not repeated],
    )


def _values(counters: Counters) -> dict[str, int | None]:
    return {metric.key: count(counters, metric.key) for metric in EXACT}


def count(counters: Counters, name: str) -> int | None:
    """One exact figure; None where it cannot be had."""
    count = getattr(counters, name)
    return None if count is None else int(count.value)


def why_not_counted(counts: Sequence[Counters], name: str) -> str:
    """Why the counts of one cell have no figure of that name, as far as they say."""
    reasons = counts[0].unavailable if counts else {}
    return reasons.get(name, "it was not counted")


Tables = Mapping[str, Sequence[Function]]
"""Function by function, what one cell has of each counter."""


def tables_of(counts: Sequence[Counters], split: Sequence[Trial]) -> Tables:
    """Return the tables of one cell: what was counted, and the time of its functions where that was sampled."""
    counted: dict[str, Sequence[Function]] = (
        {metric.key: counts[0].functions for metric in BY_FUNCTION if count(counts[0], metric.key) is not None}
        if counts
        else {}
    )
    times = [trial.phases.functions for trial in split if trial.phases is not None and trial.phases.functions]
    return {**counted, **({OWN_TIME: times[0]} if times else {})}


def attribution(baseline: Tables, candidates: Mapping[Cell, Tables]) -> list[AttributionRow]:
    """Subtract the baseline's tables from every candidate's, function by function, counter by counter."""
    return [
        row
        for cell, candidate in candidates.items()
        for counter in candidate
        if counter in baseline
        for row in subtract(baseline[counter], candidate[counter], counter, cell=cell)
    ]

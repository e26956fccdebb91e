"""What the counting pass saw of each cell, and by which functions it differs from the baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.analyse.cells.attribution import NOUNS, OWN_TIME, FunctionCounts, repeats, subtract
from bench.records.schema import AttributionRow, Cell, CounterFigures, Counters, Trial

NAMES = tuple(name for name in CounterFigures.model_fields if name not in ("share", "not_repeated"))
NOT_COUNTED = "the counting pass has no good trial of this cell"


def counts_of(trials: Sequence[Trial]) -> list[Counters]:
    """Return the good counts of one cell, one for each fresh interpreter that counted."""
    return [trial.counters for trial in trials if trial.phase == "counting" and trial.counters is not None]


def figures(counts: Sequence[Counters]) -> CounterFigures | None:
    """Return the first count, with what a second one did not repeat; None without a count."""
    if not counts:
        return None
    values = [_values(each) for each in counts]
    same = repeats(values[0], values[-1])
    known = {name: count for name in NAMES if (count := getattr(counts[0], name)) is not None}
    return CounterFigures(
        **{name: count.value for name, count in known.items()},
        share={name: count.share for name, count in known.items()},
        not_repeated=[name for name, repeated in same.items() if not repeated],
    )


def _values(counters: Counters) -> dict[str, int | None]:
    found = {name: getattr(counters, name) for name in (*NAMES, "tensor_bytes")}
    return {name: None if count is None else count.value for name, count in found.items()}


Tables = Mapping[str, Sequence[FunctionCounts]]
"""Function by function, what one cell has of each counter."""


def tables_of(counts: Sequence[Counters], split: Sequence[Trial]) -> Tables:
    """Return the tables of one cell: what was counted, and the time of its functions where that was sampled."""
    counted: dict[str, Sequence[FunctionCounts]] = dict.fromkeys(NOUNS, counts[0].functions) if counts else {}
    times = [trial.phases.functions for trial in split if trial.phases is not None]
    return {**counted, **({OWN_TIME: times[0]} if times else {})}


def attribution(baseline: Tables, candidates: Mapping[Cell, Tables]) -> list[AttributionRow]:
    """Subtract the baseline's tables from every candidate's, function by function, counter by counter."""
    return [
        row
        for cell, candidate in candidates.items()
        for counter in candidate
        if counter in baseline
        for row in _rows(cell, baseline[counter], candidate[counter], counter)
    ]


def _rows(
    cell: Cell, baseline: Sequence[FunctionCounts], candidate: Sequence[FunctionCounts], counter: str
) -> list[AttributionRow]:
    names = ("counter", "file", "function", "line", "baseline", "candidate", "delta")
    return [
        AttributionRow(cell=cell, **{name: getattr(row, name) for name in names})
        for row in subtract(baseline, candidate, counter)
    ]

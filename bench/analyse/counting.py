"""What the counting pass saw of each cell, and by which functions it differs from the baseline."""

from __future__ import annotations

from collections.abc import Sequence

from bench.analyse.attribution import NOUNS, repeats, subtract
from bench.records.schema import AttributionRow, Cell, CounterFigures, Counters, Trial
from trainloops.runners import BASELINE

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


def attribution(counts: dict[Cell, list[Counters]]) -> list[AttributionRow]:
    """Subtract the baseline's counts from every other cell's, function by function, counter by counter."""
    rows = []
    for cell, candidate in counts.items():
        baseline = counts.get(cell.model_copy(update={"runner": BASELINE}))
        if cell.runner != BASELINE and baseline and candidate:
            rows += [row for counter in NOUNS for row in _rows(cell, baseline[0], candidate[0], counter)]
    return rows


def _rows(cell: Cell, baseline: Counters, candidate: Counters, counter: str) -> list[AttributionRow]:
    names = ("counter", "file", "function", "line", "baseline", "candidate", "delta")
    return [
        AttributionRow(cell=cell, **{name: getattr(row, name) for name in names})
        for row in subtract(baseline.functions, candidate.functions, counter)
    ]

"""The columns of figures in a report's tables: what each shows of a row, and why one may be missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from bench.records.metric import Metric, Table
from bench.records.metrics import COUNTED, METRICS, metrics_of, parts
from bench.records.schema import CellSummary, Estimate
from bench.report.document import numbers
from bench.report.document.groups import same_as_baseline
from bench.report.document.text import Toned

NO_DIFFERENCE, BASELINE, UNAVAILABLE = Toned("~", "quiet"), Toned("baseline", "quiet"), Toned("unavailable", "quiet")
WITHHELD = Toned("withheld", "bad")
NOTHING = Toned("-", "quiet")
"""Fills the row of a cell that has no figures at all; its note says why."""
NO_REASON = "the run recorded no reason"

Text = Callable[[CellSummary], str | None]
"""A row's text in one column, or None where the figure cannot be had."""
Value = Callable[[CellSummary], float | None]
"""The figure as summary.json has it, unrounded and in the unit of its name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column of figures."""

    key: str
    """The figure's; of a sum of figures their field's."""
    header: str
    text: Text
    value: Value
    reason: Callable[[CellSummary], str]
    """Why a row does not have the figure, without a full stop."""
    compares: bool = False
    """Whether it compares with the baseline, which needs a proof that both do the same arithmetic."""


def _column(metric: Metric) -> Column:
    return Column(
        key=metric.key,
        header=metric.header,
        reason=partial(_reason, metric=metric),
        text=WRITTEN.get(metric.key, partial(_written, metric=metric)),
        value=metric.value,
        compares=metric.key in COMPARED,
    )


def _reason(cell: CellSummary, *, metric: Metric) -> str:
    return (metric.missing(cell) or NO_REASON).rstrip(". ")


def _written(cell: CellSummary, *, metric: Metric) -> str | None:
    value = metric.value(cell)
    if value is None:
        return None
    return f"{value:,}" if metric in COUNTED or metric in OF_COMPILER else numbers.number(value * metric.unit.scale)


def _step_time(cell: CellSummary) -> str | None:
    return None if cell.step_time_us is None else numbers.with_spread(cell.step_time_us)


def _ratio(cell: CellSummary) -> str | None:
    return _against_baseline(cell, cell.ratio, numbers.ratio)


def _overhead(cell: CellSummary) -> str | None:
    return _against_baseline(cell, cell.overhead_us, _overhead_or_none)


def _overhead_or_none(overhead_us: Estimate) -> str:
    return NO_DIFFERENCE if numbers.covers(overhead_us, 0.0) else numbers.estimate(overhead_us, sign="+")


def _epoch(cell: CellSummary) -> str | None:
    cost_us = cell.epoch_boundary_us
    if cost_us is None:
        return None
    return NO_DIFFERENCE if numbers.covers(cost_us, 0.0) else numbers.number(cost_us.value)


def _against_baseline(cell: CellSummary, figure: Estimate | None, show: Callable[[Estimate], str]) -> str | None:
    """Tell a ratio or an overhead: `baseline` for the baseline itself, `~` where there is no difference."""
    if cell.equivalence.verdict == "baseline":
        return BASELINE
    if figure is None or not cell.equivalence.proven:
        return None
    return NO_DIFFERENCE if same_as_baseline(cell) else show(figure)


def _tensor_kilobytes(cell: CellSummary) -> str | None:
    return None if cell.tensor_bytes is None else f"{cell.tensor_bytes / 1e3:,.1f}"


OF_COMPILER = metrics_of("compiled_graphs", "graph_breaks", "recompilations")
COMPARED = ("ratio", "overhead_us")
WRITTEN: dict[str, Text] = {
    "step_time_us": _step_time,
    "ratio": _ratio,
    "overhead_us": _overhead,
    "epoch_boundary_us": _epoch,
    "tensor_bytes": _tensor_kilobytes,
}
"""The figures with a way of their own to be written."""


def _columns(table: Table) -> tuple[Column, ...]:
    return tuple(_column(metric) for metric in METRICS if metric.table == table)


def _sum(field: str) -> Column:
    """Of all parts of a field."""
    first = next(iter(parts(field).values()))

    def value(cell: CellSummary) -> float | None:
        return None if getattr(cell, field) is None else sum(getattr(cell, field).values())

    def text(cell: CellSummary) -> str | None:
        whole = value(cell)
        return None if whole is None else numbers.number(whole * first.unit.scale)

    return Column(
        key=field, header=f"sum {first.unit.shown}", reason=partial(_reason, metric=first), text=text, value=value
    )


def compared(columns: Sequence[Column], *, alone: bool) -> tuple[Column, ...]:
    """The columns; of what is alone without those that compare it."""
    return tuple(column for column in columns if not (alone and column.compares))


TIME = _columns("time")
MEMORY = _columns("memory")
COMPILE = _columns("compile")
COLLECTOR = _columns("collector")
WHOLE = _columns("whole")
IMPORT = _columns("import")
COUNTERS = _columns("counters")
PHASES = (*_columns("phases"), _sum("phases_us"))
TENSORS = (*_columns("tensors"), _sum("tensor_bytes_by_category"))

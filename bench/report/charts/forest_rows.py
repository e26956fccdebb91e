"""The rows of a forest: what each says and where it lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.records.schema import CellSummary, Estimate
from bench.report.charts import rows
from bench.report.charts.theme import Look
from bench.report.document import numbers
from bench.report.document.groups import Group

ROW_PX, BETWEEN_PX, HEAD_PX = 19, 9, 22


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """What the three kinds of forest differ in."""

    title: str
    axis: str
    cells: Sequence[CellSummary]
    figure: rows.Figure
    same: float | None = None
    """The value that means no difference, drawn as a line."""
    log: bool = False
    band: tuple[float, float] | None = None
    told: str = ""


def told(plot: Plot, group: Group) -> list[CellSummary]:
    """Leave out a runner that has no figure at any of several batch sizes, instead of telling so at each."""
    seen = {cell.runner for cell in plot.cells if plot.figure(cell) is not None}
    return [cell for cell in plot.cells if len(group.batch_sizes) == 1 or cell.runner in seen]


def absent(plot: Plot, group: Group, look: Look) -> str:
    """Say which runners were left out so, and why."""
    kept = {cell.runner for cell in told(plot, group)}
    return rows.missing([cell for cell in plot.cells if cell.runner not in kept], plot.figure, look.name)


def table(plot: Plot, cells: Sequence[CellSummary], look: Look) -> list[dict[str, Any]]:
    """Lay the rows out from the top, a little space where the batch size changes, which is named once."""
    laid: list[dict[str, Any]] = []
    y, before = float(HEAD_PX), None
    for cell in cells:
        new = cell.batch_size != before
        y += BETWEEN_PX if new and before is not None else 0
        figure = plot.figure(cell)
        row: dict[str, Any] = {
            "runner": cell.runner,
            "name": look.name(cell.runner),
            "size": f"{cell.batch_size:,}" if new and cell.batch_size else "",
        }
        row |= {"batch": cell.batch_size, "y": y + ROW_PX / 2, "shown": _shown(plot, cell, figure)}
        laid.append(row | _numbers(plot, figure))
        y, before = y + ROW_PX, cell.batch_size
    return laid


def _numbers(plot: Plot, figure: Estimate | None) -> dict[str, Any]:
    if figure is None:
        return {"value": None, "low": None, "high": None, "same": False}
    same = plot.same is not None and numbers.covers(figure, plot.same)
    return {"value": figure.value, "low": figure.low, "high": figure.high, "same": same}


def _shown(plot: Plot, cell: CellSummary, figure: Estimate | None) -> str:
    if figure is None:
        return rows.why_not(cell)
    if plot.same is None:
        return numbers.estimate(figure)
    if numbers.covers(figure, plot.same):
        return "~"
    return numbers.ratio(figure) if plot.log else numbers.estimate(figure, sign="+")

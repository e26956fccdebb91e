"""What charts take from the rows of a group, and how they tell what is not there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bench.records.cells import FLOOR
from bench.records.schema import CellSummary, Estimate
from bench.report.document import numbers
from bench.report.document.columns import NO_DIFFERENCE, Text
from bench.report.document.groups import STATUS_WORDS, Group
from bench.report.document.text import listed

Figure = Callable[[CellSummary], Estimate | None]
HOLLOW = "Hollow: no difference that this run can detect."


def throughput(cell: CellSummary) -> Estimate | None:
    """Samples a second, where there are any."""
    return cell.samples_per_second


def compared(field: str) -> Figure:
    """Return how to get `ratio` or `overhead_us` of a row: only where it is proven equal, and never the baseline's."""

    def figure(cell: CellSummary) -> Estimate | None:
        value: Estimate | None = getattr(cell, field)
        return value if cell.equivalence.proven and not is_baseline(cell) else None

    return figure


def is_baseline(cell: CellSummary) -> bool:
    """Whether the row is the hand-written loop, which the others are held to."""
    return cell.equivalence.verdict == "baseline"


def loops(group: Group) -> list[CellSummary]:
    """Return the rows that are compared with the baseline: neither itself nor `floor`, which nobody trains with."""
    baselines = {cell.runner for cell in group.cells if is_baseline(cell)}
    return [cell for cell in group.cells if cell.runner not in baselines | {FLOOR}]


def without_floor(group: Group) -> str:
    """Say so where `loops` leaves out `floor`."""
    return f" Without {FLOOR}." if FLOOR in group.runners else ""


def why_not(cell: CellSummary) -> str:
    """Why a row has no figure, in a few words."""
    if cell.status != "ok":
        return STATUS_WORDS[cell.status]
    return "no figure" if cell.equivalence.proven else "not proven equal"


def missing(cells: Sequence[CellSummary], figure: Figure, names: Callable[[str], str]) -> str:
    """Say in one line which rows a chart lacks and why.

    `No figure: lightning at 512 and 2,048 (out of memory).`
    """
    sizes: dict[tuple[str, str], list[int]] = {}
    for cell in cells:
        if figure(cell) is None:
            sizes.setdefault((cell.runner, why_not(cell)), []).append(cell.batch_size)
    every = len({cell.batch_size for cell in cells})
    places = (f" at {listed([f'{size:,}' for size in at])}" if len(at) < every else "" for at in sizes.values())
    phrases = [f"{names(runner)}{at} ({why})" for (runner, why), at in zip(sizes, places, strict=True)]
    return f"No figure: {', '.join(phrases)}." if phrases else ""


def throughput_text(cell: CellSummary) -> str | None:
    """Write samples a second with their interval."""
    return None if cell.samples_per_second is None else numbers.estimate(cell.samples_per_second)


def row(cell: CellSummary, figure: Figure, text: Text) -> dict[str, Any]:
    """Return what a chart draws of a cell: the figure, its interval, and how the table writes it, or why there is none.

    A figure that the table marks with `~` is `same`, and drawn hollow.
    """
    value, shown = figure(cell), text(cell) or why_not(cell)
    row: dict[str, Any] = {"runner": cell.runner, "batch": cell.batch_size, "shown": shown}
    if value is None:
        return row
    return row | {"value": value.value, "low": value.low, "high": value.high, "same": shown.startswith(NO_DIFFERENCE)}

"""The compact table of a bisection: a row a release that was looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.document.parts import Grid
from bench.report.kinds.bisect import report

if TYPE_CHECKING:
    from bench.records.schema import Summary


def grid(summary: Summary) -> Grid | None:
    """Return what was seen of every release that was looked at."""
    headers, rows = report.probe_rows(summary)
    return (
        Grid(headers=tuple(headers), rows=tuple(map(tuple, rows)), names=3, droppable=("released",)) if rows else None
    )

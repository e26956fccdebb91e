"""The charts of a history: one for each runner and comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.records.metrics import metrics_of
from bench.report.charts import Drawing, drawing, look_of
from bench.report.charts.history import ReleasePoint, history
from bench.report.document import numbers
from bench.report.document.metrics import more
from bench.report.kinds.history.report import anchor, chart_file, package, series_of, title_of
from bench.report.kinds.history.table import is_timed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.records.schema import Cell, CellSummary, ReleaseFigures, Summary

WAITS = metrics_of("device_syncs", "syncs")
"""What is marked in a chart: the host waits, or would on an accelerator."""


def drawings(summary: Summary) -> list[Drawing]:
    """Return the charts, in the order of the series."""
    cells = {cell.cell: cell for cell in summary.cells}
    drawn = []
    for index, series in enumerate(series_of(summary)):
        chart = history(
            _points(series, cells),
            look_of(summary),
            package=package(summary),
            anchor=anchor(summary),
            subject=title_of(series),
        )
        ratio = f"Step time over that of {anchor(summary)} and " if is_timed(summary) else ""
        alt = f"{ratio}Python calls per step for each release of {package(summary)}."
        drawn.append(drawing(chart_file(index), alt, chart))
    return drawn


def _points(series: Sequence[ReleaseFigures], cells: Mapping[Cell, CellSummary]) -> list[ReleasePoint]:
    return [
        ReleasePoint(
            release=release.cell.environment,
            ratio=release.ratio,
            python_calls=None if (counters := cells[release.cell].counters) is None else counters.python_calls,
            change=release.change is not None or any(wait.key in release.more for wait in WAITS),
            note=_note(release),
        )
        for release in series
    ]


def _note(release: ReleaseFigures) -> str | None:
    """What is written at a change."""
    parts = [] if release.change is None else [f"{numbers.signed(100 * (release.change - 1), 0)} %"]
    waits = [more(wait.key, release.more[wait.key]) for wait in WAITS if wait.key in release.more]
    return ", ".join([*parts, *waits[:1]]) or None

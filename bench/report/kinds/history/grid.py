"""The compact table of a history: a row a release."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from bench.records.metrics import metrics_of
from bench.report.document.blocks import Table, table
from bench.report.document.text import plural
from bench.report.kinds.history import report
from bench.report.kinds.history import table as columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.records.schema import ReleaseFigures, Summary

MAX_ROWS = 12
"""Of a longer history only the ends and those releases are shown that the sentences name."""
DROPPABLE = tuple(metric.header for metric in metrics_of("c_calls", "tensor_bytes", "ops", "python_calls"))


def grid(summary: Summary) -> Table | None:
    """Return ratio and counts of every release, or of the ends and those with changes."""
    cells = {cell.cell: cell for cell in summary.cells}
    series = report.series_of(summary)
    rows = [
        (
            *([report.title_of(releases)] if len(series) > 1 else []),
            *columns.texts(summary, release, cells[release.cell]),
        )
        for releases in series
        for release in _rows_of(releases)
    ]
    if not rows:
        return None
    headers = (*(["loop"] if len(series) > 1 else []), *columns.headers(summary))
    return table(
        headers,
        rows,
        names=2 if len(series) > 1 else 1,
        droppable=DROPPABLE,
        caption=_left_out(summary, series),
    )


def _left_out(summary: Summary, series: Sequence[Sequence[ReleaseFigures]]) -> str:
    """Say of how many releases there is no row, and why; empty where all have one."""
    without = [release for releases in series for release in releases if release not in _rows_of(releases)]
    known = len(columns.known(summary, without))
    unknown = len(without) - known
    counted = columns.counted(summary, chain(*series))
    unchanged = f"the arithmetic, the level nor the number of {counted}" if counted else "the arithmetic nor the level"
    sentences = {
        f"Without {plural(known, 'release')} that changed neither {unchanged}.": known,
        f"Without {plural(unknown, 'release')} of which there are no figures.": unknown,
    }
    return " ".join(sentence for sentence, number in sentences.items() if number)


def _rows_of(series: Sequence[ReleaseFigures]) -> list[ReleaseFigures]:
    if len(series) <= MAX_ROWS:
        return list(series)
    ends = (series[0], series[-1])
    return [release for release in series if release in ends or columns.is_change(release)]

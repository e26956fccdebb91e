"""The table of a history: what each release costs, in a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.records.metrics import had_by, metrics_of
from bench.report.document import numbers
from bench.report.document.blocks import Row, Table
from bench.report.document.columns import NOTHING
from bench.report.document.glossary import of_device
from bench.report.document.metrics import difference, figure
from bench.report.document.text import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.records.metric import Metric
    from bench.records.schema import CellSummary, ReleaseFigures, Summary

SHOWN = metrics_of("python_calls", "c_calls", "ops", "syncs", "kernels", "device_syncs", "tensor_bytes")
CHANGES = metrics_of("ops", "syncs", "kernels", "device_syncs")
"""What no release has more or less of unless it does something else than the one before."""
OF_RATIOS = (
    "**ratio**: step time with this release over that of {anchor} with the packages of today, from pairs measured one "
    "right after the other; with its 95 % interval.",
    "**new level**: the ratio is on another level from this release on, found by circular binary segmentation with "
    "a permutation test at 1 %; the figure is the new level over the old one.",
)
OF_COUNTS = (
    "**Python calls, C calls, ops, syncs, tensor kB**: exact counts of one steady step, in brackets what is more or "
    "less than with the release before."
)


def is_timed(summary: Summary) -> bool:
    """Whether releases have ratios, or counts alone."""
    return "timing" in summary.run.settings.passes


def is_change(release: ReleaseFigures) -> bool:
    """Whether a release does other arithmetic than the one before, is on a new level, or has others of `CHANGES`."""
    counted = any(metric.key in release.more for metric in CHANGES)
    return bool(release.arithmetic or release.change is not None or counted)


def known(summary: Summary, series: Sequence[ReleaseFigures]) -> list[ReleaseFigures]:
    """The releases that have figures."""
    cells = {cell.cell: cell for cell in summary.cells}
    return [release for release in series if cells[release.cell].status == "ok"]


def counted(summary: Summary, releases: Iterable[ReleaseFigures]) -> str:
    """`ops and syncs`: by which counts they could be told apart; empty of compiled loops, whose ops nobody sees."""
    cells = {cell.cell: cell for cell in summary.cells}
    those = known(summary, list(releases))
    return listed([m.name for m in CHANGES if all(m.value(cells[release.cell]) is not None for release in those)])


def of_series(summary: Summary, series: Sequence[ReleaseFigures]) -> Table:
    """Releases are sorted by their place in the series, since 4.9 comes before 4.10."""
    cells = {cell.cell: cell for cell in summary.cells}
    rows = tuple(
        Row(texts=tuple(texts(summary, release, cell)), values=_values(summary, place, release, cell))
        for place, release in enumerate(series)
        for cell in [cells[release.cell]]
    )
    return Table(headers=tuple(headers(summary)), rows=rows, names=1, spoken={2: "level"} if is_timed(summary) else {})


def headers(summary: Summary) -> list[str]:
    """What stands over the columns of `texts`."""
    of_ratios = ["ratio", ""] if is_timed(summary) else []
    return ["release", *of_ratios, *(metric.header for metric in shown(summary))]


def shown(summary: Summary) -> tuple[Metric, ...]:
    """What the table has of every release."""
    return had_by(summary.run.settings.comparisons, SHOWN)


def texts(summary: Summary, release: ReleaseFigures, cell: CellSummary) -> list[str]:
    """Write what a release costs, under `headers`."""
    level = "" if release.change is None else f"new level, {numbers.signed(100 * (release.change - 1), 0)} %"
    ratio = NOTHING if release.ratio is None else numbers.ratio(release.ratio)
    of_ratios = [ratio, level] if is_timed(summary) else []
    return [release.cell.environment, *of_ratios, *(_count(cell, release, metric) for metric in shown(summary))]


def _values(summary: Summary, place: int, release: ReleaseFigures, cell: CellSummary) -> tuple[float | None, ...]:
    ratio = None if release.ratio is None else release.ratio.value
    of_ratios = [ratio, release.change] if is_timed(summary) else []
    return (place, *of_ratios, *(metric.value(cell) for metric in shown(summary)))


def _count(cell: CellSummary, release: ReleaseFigures, metric: Metric) -> str:
    """`882 (+14)`; the unit is in the header."""
    value, delta, unit = metric.value(cell), release.more.get(metric.key), f" {metric.unit.shown}"
    if value is None:
        return NOTHING
    shown = figure(metric.key, value).removesuffix(unit)
    return f"{shown} ({difference(metric.key, delta).removesuffix(unit)})" if delta else shown


def how_to_read(summary: Summary, anchor: str) -> list[str]:
    """The words of the table, of which ratios are explained where there are some."""
    of_ratios = [entry.format(anchor=anchor) for entry in OF_RATIOS] if is_timed(summary) else []
    return [*of_ratios, OF_COUNTS, *of_device(summary.run.settings, are_differences=True)]

"""What a page says of the history of a package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.report.document.content import Block, Content, Datum, Figure, Flames, Grid, Points, Row, Section, Words
from bench.report.kinds.history import report

if TYPE_CHECKING:
    from bench.records.schema import CellSummary, ReleaseFigures, Summary


def content(summary: Summary, folder: str) -> Content:
    """Say everything that report.md says of the history."""
    del folder  # a history is repeated by its command, not by its folder
    told = report.series_of(summary)
    return Content(
        title=report.title(summary),
        setting=report.setting(summary),
        answer=tuple(block for series in told for block in _answer(summary, series)),
        sections=(
            *(_section(summary, index, series) for index, series in enumerate(told)),
            *_origins(summary, told),
            *_lines("Releases that cannot be used here", report.unusable(summary)),
            *_lines(report.BESIDE, report.beside(summary), folded=True),
        ),
        warnings=tuple(summary.warnings),
        commands=(summary.run.command,),
        how_to_read=report.HOW_TO_READ,
    )


def _answer(summary: Summary, series: Sequence[ReleaseFigures]) -> tuple[Block, ...]:
    lines = tuple(report.changes(summary, series))
    return (Words(text=report.title_of(series), strong=True), Points(lines=lines))


def _section(summary: Summary, index: int, series: Sequence[ReleaseFigures]) -> Section:
    title = f"Every release: {report.title_of(series)}"
    return Section(title=title, blocks=(Figure(file=report.chart_file(index)), _grid(summary, series)))


def _grid(summary: Summary, series: Sequence[ReleaseFigures]) -> Grid:
    cells = {cell.cell: cell for cell in summary.cells}
    texts = report.rows(summary, series)
    rows = tuple(
        _row(place, each, cells[each.cell], text) for place, (each, text) in enumerate(zip(series, texts, strict=True))
    )
    headers = tuple(header or "level" for header in report.HEADERS)
    return Grid(title="Releases", headers=headers, names=1, rows=rows, notes=tuple(report.missing(summary, series)))


def _row(place: int, each: ReleaseFigures, cell: CellSummary, texts: Sequence[str]) -> Row:
    """Releases are sorted by their place in the series, since 4.9 comes before 4.10."""
    ratio = None if each.ratio is None else each.ratio.value
    values = [place, ratio, each.change, *(shown.value(cell) for shown in report.SHOWN)]
    return Row(data=tuple(Datum(text=text, value=value) for text, value in zip(texts, values, strict=True)))


def _origins(summary: Summary, told: Sequence[Sequence[ReleaseFigures]]) -> tuple[Section, ...]:
    lines = [line for series in told for line in report.origins(summary, series)]
    if not summary.attribution:
        return ()
    flames = Section(title=report.ORIGINS, blocks=(Flames(against="the release before"),))
    return (flames, *_lines("The same in sentences, release by release", lines, folded=True))


def _lines(title: str, lines: Sequence[str], *, folded: bool = False) -> tuple[Section, ...]:
    return (Section(title=title, blocks=(Points(lines=tuple(lines)),), folded=folded),) if lines else ()

"""What a page says of a run of bench.run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.report.charts import pictures
from bench.report.document import columns, glossary
from bench.report.document.content import Block, Content, Facets, Figure, Flames, Grid, Points, Section, Words
from bench.report.document.groups import Group, baseline_of, groups
from bench.report.document.tables import imported
from bench.report.kinds.run import quality, report, sentences
from bench.report.media.html.grids import METRIC, of_cells, of_imports

if TYPE_CHECKING:
    from bench.records.schema import CellSummary, Summary

METRICS = {
    "ratios": "time",
    "throughput": "time",
    "overhead": "time",
    "distribution": "time",
    "phases": "phases",
    "tensor-memory": "tensor memory",
    "device-memory": "memory and start-up",
}
"""By kind of chart, the choice of the metric filter that shows it."""
TABLES = (
    ("Time", "time", columns.TIME),
    ("Full collections of Python's garbage", "time", columns.COLLECTOR),
    ("Memory and start-up", "memory and start-up", columns.MEMORY),
    ("Exact counts of one steady step", "exact counts", columns.COUNTERS),
    ("Where a step's time goes", "phases", columns.PHASES),
    ("Tensors at a step's peak", "tensor memory", columns.TENSORS),
)


def content(summary: Summary, folder: str) -> Content:
    """Say everything that report.md says of the run."""
    told = groups(summary)
    return Content(
        title=report.title(summary),
        setting=report.setting(summary),
        answer=tuple(_answer(summary, told)),
        sections=tuple(_sections(summary, told)),
        warnings=tuple(summary.warnings),
        commands=(report.again(folder), summary.run.command),
        how_to_read=tuple(glossary.entries(summary.run.settings)),
    )


def _answer(summary: Summary, told: Sequence[Group]) -> list[Block]:
    blocks: list[Block] = [Words(text=line) for line in quality.quality(summary)]
    for group in told:
        facets = _place(group)
        blocks.append(Words(text=sentences.representative(group), strong=True, facets=facets))
        blocks.append(Points(lines=tuple(sentences.answers(group)), facets=facets))
    blocks += [Words(text=line) for line in sentences.failures(summary)]
    return [*blocks, Words(text=quality.equivalence(summary)[0])]


def _place(group: Group) -> Facets:
    first = group.cells[0]
    return {"device": first.device, "workload": first.workload, "profile": first.profile}


def _sections(summary: Summary, told: Sequence[Group]) -> list[Section]:
    figures = _figures(summary, told)
    settings = summary.run.settings
    has_floor = "timing" in settings.passes and settings.scripts is None
    arithmetic = [sentences.arithmetic(group) for group in told] if has_floor else []
    return [
        *([Section(title="Charts", blocks=figures)] if figures else []),
        Section(title="Tables", blocks=_tables(summary, told)),
        *(
            [Section(title="Where the extra work comes from", blocks=(Flames(against=baseline_of(summary.cells)),))]
            if summary.attribution
            else []
        ),
        *([Section(title="How much of the step is arithmetic?", blocks=_points(arithmetic))] if arithmetic else []),
        Section(title="Are they equivalent?", blocks=_points(quality.equivalence(summary))),
        Section(title="What this machine can resolve", blocks=_points(report.resolvable(summary))),
    ]


def _points(lines: Sequence[str]) -> tuple[Block, ...]:
    return (Points(lines=tuple(lines)),)


def _figures(summary: Summary, told: Sequence[Group]) -> tuple[Block, ...]:
    places = {group.title: _place(group) for group in told}
    return tuple(
        Figure(file=picture.file, facets={**places[picture.group], METRIC: METRICS[picture.kind]})
        for picture in pictures(summary)
    )


def _tables(summary: Summary, told: Sequence[Group]) -> tuple[Grid, ...]:
    cells: list[CellSummary] = [cell for group in told for cell in group.cells]
    grids = [of_cells(title, cells, shown, metric=metric) for title, metric, shown in TABLES]
    grids.append(of_imports("Imports", imported(summary), columns.IMPORT, metric="memory and start-up"))
    return tuple(grid for grid in grids if len(grid.headers) > grid.names)

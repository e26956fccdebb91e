"""What a page says of several runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench.report.charts import Drawing
from bench.report.document.columns import COUNTERS, MEMORY, TIME, Column
from bench.report.document.content import Block, Content, Facets, Figure, Grid, Points, Section, Words
from bench.report.document.glossary import entries
from bench.report.document.verdict_tables import KEYS
from bench.report.kinds.side_by_side import report as markdown
from bench.report.kinds.side_by_side.sides import Side, ordered
from bench.report.media.html.grids import of_rows
from bench.report.media.html.render import document

TABLES: tuple[tuple[str, str, tuple[Column, ...]], ...] = (
    ("Side by side: time", "time", TIME),
    ("Side by side: memory and start-up", "memory and start-up", MEMORY),
    ("Side by side: exact counts of one steady step", "exact counts", COUNTERS),
)


def page(told: Sequence[Side], out: str, drawn: Sequence[tuple[Side, Drawing]] = (), vega: str = "") -> str:
    """Write report.html; the same runs and folder always give the same text."""
    content = Content(
        title=markdown.TITLE,
        setting=markdown.CAUTION,
        answer=tuple(_answer(told)),
        sections=(
            Section(title="Tables", blocks=tuple(_grids(told))),
            *_charts(told, drawn),
        ),
        warnings=tuple(f"{side.letter}: {warning}" for side in told for warning in side.summary.warnings),
        commands=(markdown.command(told, out),),
        how_to_read=tuple(entries(told[0].summary.run.settings)),
    )
    return document(content, [side.summary for side in told], [each for _, each in drawn], {"cells": []}, vega)


def _answer(told: Sequence[Side]) -> list[Block]:
    blocks: list[Block] = [Points(lines=tuple(side.made for side in told))]
    for side, title, lines in markdown.answers(told):
        facets = _run(side)
        blocks += [Words(text=title, strong=True, facets=facets), Points(lines=tuple(lines), facets=facets)]
    return blocks


def _run(side: Side) -> Facets:
    return {"run": f"{side.letter}, {side.summary.run.name}"}


def _grids(told: Sequence[Side]) -> list[Grid]:
    rows, keys = ordered(told), markdown.names(told)
    on = {id(cell): side.on(cell) for side, cell in rows}
    found = []
    for title, metric, columns in TABLES:
        grid = of_rows(
            title,
            [cell for _, cell in rows],
            columns,
            {**{key: KEYS[key] for key in keys}, "on": lambda cell: on[id(cell)]},
            metric=metric,
        )
        named = tuple(
            replace(row, facets={**row.facets, **_run(side)}) for row, (side, _) in zip(grid.rows, rows, strict=True)
        )
        found.append(replace(grid, rows=named))
    return [grid for grid in found if len(grid.headers) > grid.names]


def _charts(told: Sequence[Side], drawn: Sequence[tuple[Side, Drawing]]) -> list[Section]:
    return [
        Section(
            title=f"Charts of {side.letter}, {side.summary.run.name}",
            blocks=tuple(Figure(file=each.file, facets=_run(side)) for owner, each in drawn if owner is side),
        )
        for side in told
        if any(owner is side for owner, _ in drawn)
    ]

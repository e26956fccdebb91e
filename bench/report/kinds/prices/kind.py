"""How a price list of `bench.prices` is told."""

from __future__ import annotations

from bench.report.kinds import RunKind
from bench.report.kinds.prices import grid, outcome, page, report

KIND = RunKind(
    title=report.title,
    paragraphs=report.paragraphs,
    grid=grid.grid,
    cases=outcome.cases,
    exit_code=outcome.exit_code,
    document=report.report,
    page=page.content,
    charts=None,
    whole_grid=grid.whole_grid,
    headline=report.one_line,
)

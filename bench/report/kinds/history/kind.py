"""How a history of `bench.history` is told."""

from __future__ import annotations

from bench.report.kinds import RunKind
from bench.report.kinds.history import charts, grid, outcome, page, report

KIND = RunKind(
    title=report.title,
    paragraphs=report.paragraphs,
    grid=grid.grid,
    cases=outcome.cases,
    exit_code=outcome.exit_code,
    document=report.report,
    page=page.content,
    charts=charts.drawings,
    whole_grid=grid.grid,
    headline=report.one_line,
)

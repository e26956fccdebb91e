"""How a run of `bench.run` is told."""

from __future__ import annotations

from bench.report import charts
from bench.report.kinds import RunKind
from bench.report.kinds.run import grid, outcome, page, report, sentences

KIND = RunKind(
    title=report.title,
    paragraphs=report.paragraphs,
    grid=grid.grid,
    cases=outcome.cases,
    exit_code=outcome.exit_code,
    document=report.report,
    page=page.content,
    charts=charts.drawings,
    whole_grid=grid.by_cell,
    headline=sentences.one_line,
)

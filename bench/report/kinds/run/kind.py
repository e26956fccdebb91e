"""How a run of `bench.run` is told."""

from __future__ import annotations

from bench.report import charts
from bench.report.kinds import RunKind
from bench.report.kinds.run import grid, outcome, report, sentences

KIND = RunKind(
    grid=grid.grid,
    cases=outcome.cases,
    exit_code=outcome.exit_code,
    document=report.document,
    charts=charts.drawings,
    whole_grid=grid.by_cell,
    headline=sentences.one_line,
)

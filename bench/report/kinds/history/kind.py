"""How a history of `bench.history` is told."""

from __future__ import annotations

from bench.report.kinds import RunKind
from bench.report.kinds.history import charts, grid, outcome, report

KIND = RunKind(
    grid=grid.grid,
    cases=outcome.cases,
    exit_code=outcome.exit_code,
    document=report.document,
    charts=charts.drawings,
    whole_grid=grid.grid,
    headline=report.one_line,
)

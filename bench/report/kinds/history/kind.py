"""How a history of `bench.history` is told."""

from __future__ import annotations

from bench.report.document import cases
from bench.report.kinds import RunKind
from bench.report.kinds.history import charts, grid, report

KIND = RunKind(
    grid=grid.grid,
    cases=cases.measured_cases,
    exit_code=cases.measured_exit_code,
    document=report.document,
    charts=charts.drawings,
    whole_grid=grid.grid,
    headline=report.one_line,
)

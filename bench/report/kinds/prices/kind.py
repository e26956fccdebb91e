"""How a price list of `bench.prices` is told."""

from __future__ import annotations

from bench.report.document import cases
from bench.report.kinds import RunKind
from bench.report.kinds.prices import grid, report

KIND = RunKind(
    grid=grid.grid,
    cases=cases.measured_cases,
    exit_code=cases.measured_exit_code,
    document=report.document,
    charts=None,
    whole_grid=grid.whole_grid,
    headline=report.one_line,
)

"""How a comparison of `bench.compare` is told, which is no run and has no folder."""

from __future__ import annotations

from bench.report.kinds import CompareKind
from bench.report.kinds.compare import grid, outcome, report

KIND = CompareKind(
    grid=grid.grid,
    cases=outcome.cases,
    exit_code=outcome.exit_code,
    document=report.document,
)

"""How a check of prices by `bench.upgrade --prices` is told."""

from __future__ import annotations

from bench.report.kinds import RunKind
from bench.report.kinds.price_changes import grid, outcome, report, sentences

KIND = RunKind(
    grid=grid.grid,
    cases=outcome.cases,
    exit_code=outcome.exit_code,
    document=report.document,
    charts=None,
    whole_grid=grid.whole_grid,
    headline=sentences.one_line,
)

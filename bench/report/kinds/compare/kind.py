"""How a comparison of `bench.compare` is told, which is no run and has no folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.kinds import Kind
from bench.report.kinds.compare import grid, outcome, report

if TYPE_CHECKING:
    from bench.records.schema import TwoRuns

KIND: Kind[TwoRuns] = Kind(
    title=report.title,
    paragraphs=report.paragraphs,
    grid=grid.grid,
    cases=outcome.cases,
    exit_code=outcome.exit_code,
)

"""What can be right or wrong in a run, and how its verb ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analyse.warnings import name
from bench.errors import ExitCode
from bench.report.document.cases import all_are_fine, cell_case

if TYPE_CHECKING:
    from bench.records.schema import Summary
    from bench.report.document.parts import Case


def cases(summary: Summary) -> list[Case]:
    """One case a cell: it has figures, and its arithmetic was proven equal."""
    return [cell_case(row, name(row.cell)) for row in summary.cells]


def exit_code(summary: Summary) -> int:
    """4 when a cell has no figures or its arithmetic was not proven equal, else 0."""
    return ExitCode.FINE if all_are_fine(summary) else ExitCode.SOME_CELLS_FAILED

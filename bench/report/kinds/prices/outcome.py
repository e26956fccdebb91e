"""What can be right or wrong in a price list, and how its verb ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analyse.warnings import name
from bench.errors import ExitCode
from bench.report.document.cases import cell_case

if TYPE_CHECKING:
    from bench.records.schema import Summary
    from bench.report.document.parts import Case


def cases(summary: Summary) -> list[Case]:
    """One case an option that was switched on: it has figures."""
    return [cell_case(row, name(row.cell), proof=False) for row in summary.cells]


def exit_code(summary: Summary) -> int:
    """4 when an option that can be had here has no figures, else 0."""
    return ExitCode.FINE if all(cell.status == "ok" for cell in summary.cells) else ExitCode.SOME_CELLS_FAILED

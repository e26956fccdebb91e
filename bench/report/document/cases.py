"""Cells as what can be right or wrong, which every kind of run has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analyse.cells.names import name
from bench.errors import ExitCode
from bench.report.document.columns import NO_REASON
from bench.report.document.groups import STATUS_WORDS
from bench.report.document.parts import Case

if TYPE_CHECKING:
    from bench.records.schema import CellSummary, Summary
    from bench.report.document.parts import Outcome

TRAINS = "trains like the baseline"


def cell_case(row: CellSummary, of: str, *, proof: bool = True) -> Case:
    """The case of one cell, called `of`: it has figures, and with `proof` its arithmetic was proven equal."""
    cell = row.cell
    if row.status != "ok":
        kind = STATUS_WORDS[row.status]
        outcome: Outcome = "skipped" if row.status == "not-run" else "failed"
        why = f"{kind}: {row.reason or NO_REASON}"
        return Case(of=of, name=TRAINS, outcome=outcome, kind=kind, reason=why, level="error", cell=cell)
    if proof and not row.equivalence.proven:
        kind = f"not equivalent, {row.equivalence.verdict}"
        why = f"{kind}: {row.equivalence.detail}"
        return Case(of=of, name=TRAINS, outcome="failed", kind=kind, reason=why, level="error", cell=cell)
    return Case(of=of, name=TRAINS, outcome="passed", reason=row.equivalence.detail, cell=cell)


def all_are_fine(summary: Summary) -> bool:
    """Whether every cell has figures, and its arithmetic was proven equal."""
    return all(cell.status == "ok" and cell.equivalence.proven for cell in summary.cells)


def measured_cases(summary: Summary) -> list[Case]:
    """One case a row, where nothing but figures is asked of it: it has some."""
    return [cell_case(row, name(row.cell), proof=False) for row in summary.cells]


def measured_exit_code(summary: Summary) -> int:
    """4 when a row has no figures, else 0."""
    return ExitCode.FINE if all(row.status == "ok" for row in summary.cells) else ExitCode.SOME_CELLS_FAILED

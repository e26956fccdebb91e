"""Cells as what can be right or wrong, which every kind of run has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.document.columns import NO_REASON
from bench.report.document.groups import STATUS_WORDS
from bench.report.document.parts import Case

if TYPE_CHECKING:
    from bench.records.schema import CellSummary, Summary

TRAINS = "trains like the baseline"


def cell_case(row: CellSummary, of: str, *, proof: bool = True) -> Case:
    """The case of one cell, called `of`: it has figures, and with `proof` its arithmetic was proven equal."""
    cell = row.cell
    if row.status != "ok":
        why = f"{STATUS_WORDS[row.status]}: {row.reason or NO_REASON}"
        skipped = row.status == "not-run"
        return Case(
            of=of, name=TRAINS, outcome="skipped" if skipped else "failed", reason=why, level="error", cell=cell
        )
    if proof and not row.equivalence.proven:
        why = f"not equivalent, {row.equivalence.verdict}: {row.equivalence.detail}"
        return Case(of=of, name=TRAINS, outcome="failed", reason=why, level="error", cell=cell)
    return Case(of=of, name=TRAINS, outcome="passed", reason=row.equivalence.detail, cell=cell)


def all_are_fine(summary: Summary) -> bool:
    """Whether every cell has figures, and its arithmetic was proven equal."""
    return all(cell.status == "ok" and cell.equivalence.proven for cell in summary.cells)

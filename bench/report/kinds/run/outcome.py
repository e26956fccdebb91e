"""What can be right or wrong in a run, and how its verb ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analyse.cells.evidence import NOT_RUN
from bench.analyse.cells.names import name
from bench.errors import ExitCode
from bench.report.document.cases import all_are_fine, cell_case
from bench.report.document.columns import NO_REASON
from bench.report.document.parts import Case

if TYPE_CHECKING:
    from bench.records.schema import LargestBatch, Summary


def cases(summary: Summary) -> list[Case]:
    """One case a cell: it has figures, and its arithmetic was proven equal."""
    searched = [_searched(largest_batch) for largest_batch in summary.largest_batches]
    return [*(cell_case(row, name(row.cell)) for row in summary.cells), *searched]


def _searched(largest: LargestBatch) -> Case:
    of, what = name(largest.cell), "trains a batch"
    if largest.trains is not None:
        return Case(of=of, name=what, outcome="passed", reason=f"up to {largest.trains:,}", cell=largest.cell)
    skipped = largest.status is None
    reason = NOT_RUN if skipped else largest.reason or NO_REASON
    return Case(
        of=of, name=what, outcome="skipped" if skipped else "failed", reason=reason, level="error", cell=largest.cell
    )


def exit_code(summary: Summary) -> int:
    """4 when a cell has no figures, is not proven equal or trains none of the batches that were tried, else 0."""
    trained = all(largest_batch.trains is not None for largest_batch in summary.largest_batches)
    return ExitCode.FINE if trained and all_are_fine(summary) else ExitCode.SOME_CELLS_FAILED

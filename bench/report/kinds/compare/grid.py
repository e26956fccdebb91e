"""The compact table of two runs: that of a check, with the verdicts that count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.kinds.compare.outcome import is_reported
from bench.report.kinds.upgrade.grid import Watched, of_verdicts

if TYPE_CHECKING:
    from bench.records.schema import TwoRuns
    from bench.report.document.blocks import Table


def grid(two_runs: TwoRuns) -> Table | None:
    """Return the table; None where nothing was judged."""
    judged = [row for row in two_runs.judged if is_reported(row, two_runs.fail_on)]
    return of_verdicts(
        [
            Watched(verdict=row.verdict, watched=row.group in two_runs.fail_on, awaited=row.group in two_runs.fail_on)
            for row in judged
        ]
    )

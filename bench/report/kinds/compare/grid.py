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
    judged = [each for each in two_runs.judged if is_reported(each, two_runs.fail_on)]
    return of_verdicts(
        [
            Watched(
                verdict=each.verdict, watched=each.group in two_runs.fail_on, awaited=each.group in two_runs.fail_on
            )
            for each in judged
        ]
    )
